//! What is read, what is refused, and that what was written is read again.

mod documents;
mod fixtures;
mod round_trips;
mod wrong_types;

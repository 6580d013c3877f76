//! Behaviour of the whole core, one file per concern, in a small world that speaks the domain.

mod accepting;
mod adopting;
mod agents_away;
mod anything;
mod explaining;
mod failing_over;
mod offering;
mod operating;
mod reconciling;
mod updating;
mod world;

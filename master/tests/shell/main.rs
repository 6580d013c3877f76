//! A real master in this process, spoken to over the wire.

mod conversations;
mod registry;
mod web;
mod world;

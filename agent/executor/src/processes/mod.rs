//! Process tasks, through the launcher.

mod adoption;
mod client;
mod spec;

pub(crate) use adoption::adopt;
pub(crate) use client::Client;
pub(crate) use spec::spec;

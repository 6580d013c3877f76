//! Process tasks, through the launcher.

mod adoption;
mod client;
mod spec;

pub(crate) use adoption::adopt;
pub(crate) use client::Client;
pub(crate) use spec::{own_user, spec, user_by_name};

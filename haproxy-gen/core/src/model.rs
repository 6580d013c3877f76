//! What HAProxy is to do: services with their servers, and which names and paths lead to them. A pure function of what
//! runs and of the operator's options; what it leaves out it reports.

mod assign;
mod build;
mod certificates;
mod deployment;
mod health;
mod options;
mod report;
mod routes;
mod selection;
mod servers;
mod service;

pub use build::{Built, Model, build};
pub use certificates::{certificates_named, hosts_named};
pub use options::{Options, PortKey};
pub use report::Report;
pub use routes::Routes;
pub use service::{Check, Server, ServerState, Service};

#[cfg(test)]
mod tests;

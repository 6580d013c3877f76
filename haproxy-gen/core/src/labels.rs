//! The `HAPROXY_*` labels of marathon-lb, read strictly: each value becomes a type that cannot hold anything that would
//! end a word or a line of a configuration.

mod auth;
mod balance;
mod bind;
mod fault;
mod network;
mod parse;
mod port;
mod value;
mod whole;

pub use auth::Auth;
pub use balance::Balance;
pub use bind::{BindAddress, BindOption};
pub use fault::{Effect, Fault};
pub use network::Prefix;
pub use parse::{Labels, OverrideLabels, Parsed, Policy, parse};
pub use port::{Mode, PortLabels};
pub use value::{CertificatePath, Host, UrlPath, shown};
pub use whole::{AppLabels, Deployment};

#[cfg(test)]
mod tests;

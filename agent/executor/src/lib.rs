//! The built-in executor: a process of its own that outlives its agent, and its launcher, which outlives it.
//!
//! ```text
//! agent <- link -> driver (one task owns executor_core) -> works: prepare, start, adopt, signal, probe
//!                                                             |            |
//!                                                   processes -> launcher  docker -> engine
//! ```

mod cgroup;
pub mod docker;
mod driver;
mod environment;
pub mod fetch;
mod hearing;
pub mod isolation;
mod launcher;
pub mod layout;
mod link;
mod options;
mod probe;
mod processes;
pub mod rlimits;
mod rotation;
mod sandbox;
pub mod users;
mod works;

pub use driver::run;
pub use launcher::{Error as LauncherError, launcher};
pub use options::{DOCKER_SOCKET, Error, Options};

/// Names who does TLS for this process: the choice is made once, here, and a second one changes nothing.
fn tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

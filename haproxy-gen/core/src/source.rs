//! What runs, as Marathon's `GET /v2/apps?embed=apps.tasks` tells it, and what of it is still believed when the source
//! is away, answers garbage or does not say.

mod app;
mod digest;
mod event;
mod json;
mod known;
mod read;
mod read_app;
mod read_ports;
mod read_task;
mod task;

pub use app::{App, AppId, AppPort, CheckProtocol, HealthCheck, Network, Protocol};
pub use digest::Digest;
pub use event::{Event, read_event};
pub use json::Malformed;
pub use known::{Known, Merge, Next};
pub use read::{Garbage, Reading, Refused, read_app, read_apps};
pub use task::{Task, TaskId, TaskState, Verdict};

#[cfg(test)]
mod tests;

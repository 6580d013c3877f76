//! Docker containers as tasks.
//!
//! ```text
//! start ── create ── 404 ── pull ── create ── start      (the good case: create, start)
//!   └─ follow: the engine's log -> SANDBOX/stdout, SANDBOX/stderr, and how far in SANDBOX/.output
//! wait ─── the end of the container, then of its output
//! find ─── a container of an earlier life; its output goes on where it stood
//! ```

mod creation;
mod ending;
mod engine;
mod error;
mod follow;
mod logs;
mod pull;
mod stamp;
mod user;

pub use creation::{SANDBOX, SANDBOX_LABEL};
pub use ending::Exit;
pub use engine::{Engine, Found, Spec, Started};
pub use error::Error;
pub(crate) use logs::skip_missing;
pub use logs::{Output, RotatingFile, Rotation};
pub(crate) use user::owner;

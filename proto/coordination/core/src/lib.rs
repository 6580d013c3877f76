//! Leading and following through ZooKeeper, as machines: who leads, what the leader's log holds, and until when it may
//! believe that it leads.
//!
//! ```text
//!   Connected, Disconnected        ┌───────────┐  Ask
//!   Answered, Changed, Tick       ►│ Candidacy │►──────────► ZooKeeper
//!   Begin, Write, Prune            └───────────┘  Elected, Entry, Read, Standing, Written, Ended
//!                                    election, log, announcement, lease
//! ```
//!
//! A candidacy lives as long as one session of ZooKeeper. What was answered over a connection that broke since is not
//! believed: the client may have opened another session meanwhile without a word. Safety rests on the log alone: an
//! entry is created only where there is none, so that of two who believe to lead only one can go on writing.
//!
//! **Architecture invariant:** nothing here waits, reads a clock or draws a number. Entries are bytes; who wrote one is
//! read by a function that is given.

mod announcement;
mod asks;
mod candidacy;
mod detection;
mod election;
mod lease;
mod log;
mod request;
#[cfg(test)]
mod tests;

pub use candidacy::{Candidacy, Config, Effect, End, Input};
pub use detection::{Detection, Leader, Noticed};
pub use lease::Lease;
pub use log::{Author, PIPELINE_MAX, Sealed};
pub use request::{Answer, Mode, Paths, Request, Ticket};

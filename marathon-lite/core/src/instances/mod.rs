//! Instances: the tasks of apps, from the decision to launch one to its end.
//!
//! [`Instances`] is the table of them. What happens goes in, and comes out as a [`Transition`]: what is to be stored, to be
//! killed and to be told. Everything in it is stored before anything else of it is done, so a new leader that reads what
//! was stored ([`Instances::recover`]) and asks for the states of tasks goes on where the old one was.

mod audit;
mod checks;
mod condition;
mod containers;
mod counts;
mod deadlines;
mod ended;
mod failure;
mod instance;
mod recovery;
mod render;
mod rules;
mod run_once;
mod seen;
mod statistics;
mod step;
mod stop;
mod stored;
mod table;
mod task_id;
mod transition;
mod unreachable;
mod update;

#[cfg(test)]
mod tests;

pub use checks::ReadinessResponse;
pub use condition::{Condition, task_state};
pub use counts::Counts;
pub(crate) use deadlines::Deadlines;
pub use instance::{CheckHealth, ContainerTask, Instance, Readiness, TaskFailure};
pub use render::{ip_addresses, task};
pub use rules::Rules;
pub use run_once::RunProgress;
pub use statistics::statistics;
pub use stored::{StoredError, instance_key, read_instance, write_instance};
pub use table::{ByApp, Instances};
pub use task_id::{app_of, container_task_id, instance_id};
pub use transition::{Transition, TransitionKind, Write};

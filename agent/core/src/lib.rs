//! The agent as a synchronous function: what it knows, what it reacts to ([`Input`]) and what it does ([`Effect`]).
//!
//! ```text
//!         master                        executors                     processes
//!           | epoch, ToAgent               | FromExecutor                 | ExecutorExited
//!           v                              v                              v
//!   session (the fence)                 attach                        lifetime
//!       |       |      \                   |                              |
//!    launch    kill   shutdown          updates  ------------------->  restart, adopt
//!        \       |       |                 |                              |
//!              frameworks: tasks, executors, what they use, what is free
//!                                          |
//!              Effect { after, body }: append, send, start, kill, changed
//! ```
//!
//! **Architecture invariant:** no clock, no chance, no disk, no socket, no logging. Time comes in with every call;
//! reports are values.
//!
//! **Architecture invariant:** a fact is appended before anything that depends on it leaves: the epoch before it is
//! obeyed, the launch before the executor has it, the update before anybody hears of it; and a master hears of nothing
//! that a crash of the machine could undo ([`Durability`]).

mod attach;
pub mod check;
pub mod config;
mod durability;
pub mod effect;
mod executors;
pub mod fact;
mod forgotten;
mod frameworks;
mod image;
pub mod input;
mod kill;
mod launch;
mod lifetime;
mod output;
pub mod parcel;
mod recover;
pub mod sabotage;
mod session;
mod shutdown;
mod tasks;
mod timers;
mod updates;

#[cfg(test)]
mod tests;

pub use check::Violation;
pub use config::Config;
pub use durability::Durability;
pub use effect::{AgentView, Body, Change, Closed, Dismissal, Effect, ExecutorView, LogIndex, Recipient, TaskView};
pub use fact::Fact;
pub use input::{ConnectionId, Input, LinkId};
pub use recover::Recovered;
pub use sabotage::{Sabotage, Switch};

use forgotten::Forgotten;
use frameworks::Frameworks;
use output::Output;
use proto_types::{AgentId, AgentInfo, ClusterId, Epoch, ExecutorId, FrameworkId, Now};
use session::Link;
use std::{collections::BTreeMap, sync::Arc};
use timers::{Timer, Timers};

/// An agent, from the start of its process to its end.
#[derive(Debug)]
pub struct Agent {
    config: Config,
    info: Arc<AgentInfo>,
    now: Now,
    id: Option<AgentId>,
    cluster: Option<ClusterId>,
    epoch: Epoch,
    link: Option<Link>,
    frameworks: Frameworks,
    connections: BTreeMap<ConnectionId, (FrameworkId, ExecutorId)>,
    forgotten: Forgotten,
    timers: Timers,
    out: Output,
    /// Executors started in this run.
    starts: u64,
    /// Whether everything is being ended.
    ending: bool,
    /// Whether the agent has less than is used since its resources were taken away from it.
    shrunk: bool,
    /// Whether the agent itself is to be shown anew.
    touched: bool,
}

impl Agent {
    /// Reacts to one input. Effects are appended in the order in which they are to be carried out.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.now = now;
        match input {
            Input::Tick => self.on_tick(),
            Input::LinkOpened { link } => self.on_link_opened(link),
            Input::LinkClosed { link } => self.on_link_closed(link),
            Input::FromMaster { link, epoch, message } => self.on_master(link, epoch, message),
            Input::FromExecutor { connection, message } => self.on_executor(connection, message),
            Input::ExecutorClosed { connection } => self.on_executor_closed(connection),
            Input::ExecutorExited { framework, executor, token, message } => {
                self.on_executor_exited(&framework, &executor, &token, &message);
            }
            Input::EndAll => self.on_end_all(),
        }
        self.publish();
        effects.append(&mut self.out.effects);
    }

    /// Whether no task runs and no executor lives.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.frameworks
            .all
            .values()
            .all(|framework| framework.executors.is_empty() && framework.tasks.values().all(tasks::Task::is_over))
    }

    /// Whether an operator has given the agent up: what it had is dead, and it has no new id yet. On the next link that is
    /// opened it asks for one.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.id.is_none() && self.cluster.is_some()
    }

    /// The highest epoch seen.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn on_tick(&mut self) {
        while let Some(timer) = self.timers.pop(self.now.monotonic) {
            match timer {
                Timer::Silence => self.on_silence(),
                Timer::Retry(key) => self.on_retry(&key),
                Timer::Executor(framework, executor) => self.on_executor_timer(&framework, &executor),
                Timer::KillLimit(key) => self.on_kill_limit(&key),
            }
        }
    }
}

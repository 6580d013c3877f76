//! The master as a synchronous function: what it knows, what it reacts to ([`Input`]) and what it does ([`Effect`]).
//!
//! ```text
//!            agents                    schedulers                operators
//!              | FromAgent                 | Subscribe, Call          | OperatorCall
//!              v                           v                          v
//!   register  liveness  updates     subscribe  accept  calls       operate, drain, maintenance, gone
//!              \           |            /                             |
//!               agents   frameworks (tasks, sessions)   offers   roles, explain
//!                              \        |        /
//!                               allocator::round      (paced by the shell)
//!                                       |
//!                     Effect { after, body }: append, send, reply, changed
//! ```
//!
//! **Architecture invariant:** no clock, no chance, no disk, no socket, no logging. Time comes in with every call; ids
//! are made from the epoch and counters; reports are values.
//!
//! **Architecture invariant:** handlers mark what changed; only [`Input::Allocate`] allocates.

mod accept;
mod accounts;
mod adoption;
mod agents;
mod allocator;
mod calls;
pub mod check;
pub mod config;
mod drain;
pub mod effect;
mod explain;
mod frameworks;
mod gone;
mod history;
pub mod input;
mod liveness;
mod maintenance;
mod minted;
mod offers;
mod operate;
mod output;
mod reconcile;
mod recover;
mod register;
mod removal;
mod roles;
mod session;
mod subscribe;
mod tasks;
#[cfg(test)]
mod tests;
mod timers;
mod updates;

pub use allocator::RoundReport;
pub use check::Violation;
pub use config::Config;
pub use effect::{Body, Change, Effect, LogIndex, Recipient};
pub use input::{CallId, ConnectionId, Input, LinkId, OperatorCall, OperatorReply};
pub use liveness::Absence;

use adoption::Adoption;
use agents::Agents;
use frameworks::Frameworks;
use history::History;
use minted::Mint;
use offers::Offers;
use output::Output;
use proto_types::{ClusterId, Epoch, Now, link::FromAgent, time::Monotonic};
use roles::Roles;
use timers::Timers;

/// A master for one term.
#[derive(Debug)]
pub struct Master {
    config: Config,
    cluster: ClusterId,
    epoch: Epoch,
    now: Now,
    mint: Mint,
    agents: Agents,
    frameworks: Frameworks,
    offers: Offers,
    roles: Roles,
    timers: Timers,
    out: Output,
    last_tick: Option<Monotonic>,
    last_round: RoundReport,
    history: History,
    last_marked: Option<Monotonic>,
    absence: Option<Absence>,
    /// The last write that removed a framework: whoever is told that one is dead is told after it.
    last_removal: Option<LogIndex>,
    /// The registry takes the place of one that was lost.
    adoption: Option<Adoption>,
}

impl Master {
    /// Reacts to one input. Effects are appended in the order in which they are to be carried out.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.now = now;
        match input {
            Input::Tick => self.on_tick(),
            Input::Allocate => self.on_allocate(),
            Input::Agent { link, principal, message } => self.on_agent(link, principal, message),
            Input::AgentLinkClosed { link } => self.on_link_closed(link),
            Input::Subscribe { connection, principal, request } => self.on_subscribe(connection, principal, *request),
            Input::SchedulerClosed { connection, too_slow } => self.on_scheduler_closed(connection, too_slow),
            Input::Call { call, principal, session, body } => self.on_call(call, &principal, &session, body),
            Input::Operate { call, principal, body } => self.on_operate(call, &principal, body),
        }
        self.conclude_drains();
        self.publish();
        effects.append(&mut self.out.effects);
    }

    /// Whether a round of allocation has anything to look at: the shell gives [`Input::Allocate`] then, paced.
    #[must_use]
    pub fn wants_allocation(&self) -> bool {
        !self.agents.dirty.is_empty() || !self.frameworks.dirty.is_empty() || self.roles.is_loosened()
    }

    /// What the last round of allocation looked at and did.
    #[must_use]
    pub fn last_round(&self) -> RoundReport {
        self.last_round
    }

    /// The epoch of the term.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn on_agent(&mut self, link: LinkId, principal: proto_types::Principal, message: FromAgent) {
        if let FromAgent::Register(registration) = message {
            self.on_register(link, principal, *registration);
            return;
        }
        // Before its registration a link has no agent; what it says then is not to be believed.
        let Some(id) = self.agents.by_link(link).cloned() else { return };
        match message {
            FromAgent::Register(_) => {}
            FromAgent::Updates(updates) => self.on_updates(&id, updates),
            FromAgent::Pong(number) => self.on_pong(&id, number),
            FromAgent::Message(message) => self.on_executor_message(&id, message),
            FromAgent::ExecutorExited { framework, executor, message } => {
                self.on_executor_exited(&id, framework, executor, message);
            }
        }
    }
}

//! The scheduler's side of the conversation with a master, as a machine: it subscribes, finds the leader, comes back
//! after failures, numbers, deduplicates, acknowledges and reconciles, so that a scheduler sees each thing once and in
//! order.
//!
//! ```text
//!            Start, Tick                       OpenStream, CloseStream
//!   shell    Event, StreamEnded   ┌─────────┐  Call                       master
//!   ────────►CallEnded           ►│ Session │►─────────────────────────────────►
//!   scheduler User, Handled       └─────────┘  Deliver, Answer, Stop      scheduler
//! ```
//!
//! **Architecture invariant:** nothing here waits, reads a clock or draws a number. The same inputs at the same moments
//! give the same effects.

mod accepting;
mod calls;
mod config;
mod effect;
mod events;
mod input;
mod link;
mod reconcile;
mod refused;
mod replies;
mod tasks;
mod updates;
mod user;

pub use config::{Config, TASKS_MAX};
pub use effect::{Effect, Notice, Outcome, Unanswered};
pub use input::{CallEnd, CallId, Input, Moment, StreamEnd, StreamId, Ticket, UserCall};

use calls::Calls;
use link::Link;
use proto_types::{AgentId, Epoch, OfferId, SessionId, time::Monotonic};
use reconcile::Inquiries;
use std::{collections::BTreeMap, time::Duration};
use tasks::Tasks;
use updates::Acknowledgements;

/// How long a scheduler that wants to stop waits for its last calls to be answered. Longer only delays an exit when the
/// master is gone; shorter would drop acknowledgements on a loaded machine, which then come again.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// How long a teardown may take. It is durable only once it is answered, so this is longer than [`STOP_PATIENCE`].
const TEARDOWN_PATIENCE: Duration = Duration::from_secs(15);

/// One scheduler's standing with the cluster.
#[derive(Debug)]
pub struct Session {
    config: Config,
    /// Whether the framework was there before this scheduler.
    adopted: bool,
    /// The highest epoch seen; events of lower ones are dropped.
    epoch: Epoch,
    link: Link,
    standing: Option<Standing>,
    offers: BTreeMap<OfferId, AgentId>,
    tasks: Tasks,
    calls: Calls,
    acknowledgements: Acknowledgements,
    inquiries: Inquiries,
    stopping: Option<Stopping>,
    started: Option<Monotonic>,
    now: Monotonic,
    jitter_permille: u16,
    out: Vec<Effect>,
}

/// The subscription that stands, or stood when the stream broke.
#[derive(Debug)]
struct Standing {
    session: SessionId,
    /// The number of the last event that arrived.
    last: u64,
    /// Whether the next stream may go on after it.
    resumable: bool,
}

/// The scheduler wants to end.
#[derive(Debug)]
struct Stopping {
    teardown: bool,
    deadline: Monotonic,
}

impl Session {
    /// A session that has not begun.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            tasks: Tasks::new(config.tasks_max),
            calls: Calls::new(config.request_prefix.clone()),
            adopted: config.framework.id.is_some(),
            config,
            epoch: Epoch::default(),
            link: Link::default(),
            standing: None,
            offers: BTreeMap::new(),
            acknowledgements: Acknowledgements::default(),
            inquiries: Inquiries::default(),
            stopping: None,
            started: None,
            now: Monotonic::default(),
            jitter_permille: 0,
            out: Vec::new(),
        }
    }

    /// Takes an input and says what is to be done, in this order.
    pub fn handle(&mut self, moment: Moment, input: Input) -> Vec<Effect> {
        self.now = moment.now;
        self.jitter_permille = moment.jitter_permille.min(1000);
        if self.link.is_stopped() {
            return self.ignore(input);
        }
        match input {
            Input::Start => self.on_start(),
            Input::Tick => self.on_tick(),
            Input::Event { stream, event } => self.on_event(stream, event),
            Input::StreamEnded { stream, end } => self.on_stream_ended(stream, end),
            Input::Leader(leader) => self.on_leader(leader),
            Input::CallEnded { call, end } => self.on_call_ended(call, end),
            Input::User(call) => {
                self.on_user_call(call);
                // Whatever else the scheduler asks for before `Handled` travels in the same calls.
                return std::mem::take(&mut self.out);
            }
            Input::Handled => self.on_handled(),
        }
        self.pump();
        self.stop_if_done();
        std::mem::take(&mut self.out)
    }

    /// When [`Input::Tick`] is due at the latest; none: nothing is waited for.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Monotonic> {
        if self.link.is_stopped() {
            return None;
        }
        let stop = self.stopping.as_ref().map(|stopping| stopping.deadline);
        let connect = self.connect_deadline();
        [self.link.deadline(), stop, connect, self.calls_deadline()].into_iter().flatten().min()
    }

    /// The tasks known, and of how many of them nothing terminal is known.
    #[must_use]
    pub fn task_counts(&self) -> (usize, usize) {
        self.tasks.counts()
    }

    fn on_start(&mut self) {
        if self.started.is_none() {
            self.started = Some(self.now);
            self.connect();
        }
    }

    fn on_tick(&mut self) {
        if self.connect_deadline().is_some_and(|deadline| deadline <= self.now) {
            let message = self.link.trouble().to_owned();
            return self.stop(Outcome::NeverConnected { message });
        }
        self.on_link_tick();
    }

    /// Until when the first subscription must stand, if there is such a limit and it does not yet.
    fn connect_deadline(&self) -> Option<Monotonic> {
        let patience = self.config.connect_timeout?;
        let started = self.started?;
        self.standing.is_none().then(|| started + patience)
    }

    fn deliver(&mut self, notice: Notice) {
        self.out.push(Effect::Deliver(notice));
    }

    fn ignore(&mut self, input: Input) -> Vec<Effect> {
        if let Input::User(UserCall::SendMessage { ticket, .. } | UserCall::Explain { ticket, .. }) = input {
            self.out.push(Effect::Answer { ticket, result: Err(Unanswered::Stopped) });
        }
        std::mem::take(&mut self.out)
    }

    /// Ends everything, once.
    fn stop(&mut self, outcome: Outcome) {
        if self.link.is_stopped() {
            return;
        }
        if let Some(stream) = self.link.stop() {
            self.out.push(Effect::CloseStream(stream));
        }
        for ticket in self.calls.tickets() {
            self.out.push(Effect::Answer { ticket, result: Err(Unanswered::Stopped) });
        }
        if matches!(outcome, Outcome::TornDown | Outcome::Removed { .. }) {
            self.out.push(Effect::Forget);
        }
        self.out.push(Effect::Stop(outcome));
    }

    fn stop_if_done(&mut self) {
        let Some(stopping) = &self.stopping else { return };
        let late = stopping.deadline <= self.now;
        if stopping.teardown {
            if late {
                let message = self.link.trouble().to_owned();
                self.stop(Outcome::TeardownUnconfirmed { message });
            }
            return;
        }
        let quiet = self.calls.is_idle() && self.acknowledgements.is_empty();
        if late || quiet || !self.link.is_open() {
            self.stop(Outcome::Asked);
        }
    }
}

#[cfg(test)]
mod tests;

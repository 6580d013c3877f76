//! Everything that a session reacts to.

use proto_types::{
    AgentId, ExecutorId, Filters, FrameworkInfo, OfferId, Role, TaskId,
    reconcile::Query,
    scheduling::{Acceptance, NumberedEvent, Refusal, Reply, Subject, Wants},
    time::Monotonic,
};
use std::time::Duration;

/// When an input is handled, and a number drawn for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// The time.
    pub now: Monotonic,
    /// From 0 to 1000; spreads the retries of many schedulers.
    pub jitter_permille: u16,
}

/// An event stream, numbered by the session, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// A unary call, numbered by the session, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Where an answer to the scheduler goes, numbered by the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Everything that a session reacts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Begin.
    Start,
    /// Time has passed; comes at [`crate::Session::next_deadline`].
    Tick,
    /// A stream brought an event.
    Event {
        /// Which.
        stream: StreamId,
        /// What.
        event: NumberedEvent,
    },
    /// A stream ended, or could not be opened.
    StreamEnded {
        /// Which.
        stream: StreamId,
        /// How.
        end: StreamEnd,
    },
    /// Somebody who follows the masters' election says who leads now.
    Leader(String),
    /// A call ended.
    CallEnded {
        /// Which.
        call: CallId,
        /// How.
        end: CallEnd,
    },
    /// The scheduler asks for something.
    User(UserCall),
    /// The scheduler has handled everything that was delivered and has asked for everything it wants for now.
    Handled,
}

/// How an event stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// The master refused the subscription.
    Refused(Refusal),
    /// This master does not lead; perhaps it knows who does.
    NotLeader(Option<String>),
    /// The scheduler read too slowly.
    TooSlow,
    /// The connection failed; for people.
    Broken(String),
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEnd {
    /// It was answered.
    Reply(Reply),
    /// It was refused as a whole.
    Refused(Refusal),
    /// The master does not lead; perhaps it knows who does.
    NotLeader(Option<String>),
    /// Nobody knows whether it arrived; for people.
    Lost(String),
}

/// What a scheduler asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCall {
    /// Use offers; each acceptance for itself, or everything or nothing.
    Accept {
        /// What is done with which offers.
        acceptances: Vec<Acceptance>,
        /// Whether everything is done or nothing.
        all_or_nothing: bool,
    },
    /// Refuse offers.
    Decline {
        /// Which.
        offers: Vec<OfferId>,
        /// How long they are kept away.
        filters: Filters,
    },
    /// End suppression and filters of roles; none: of all.
    Revive(Vec<Role>),
    /// Stop offers for roles; none: for all.
    Suppress(Vec<Role>),
    /// Kill tasks.
    Kill {
        /// Which.
        tasks: Vec<TaskId>,
        /// From the polite to the hard kill; none: what each task says.
        grace: Option<Duration>,
    },
    /// An update is done with, and those of its range before it. Only with explicit acknowledgements.
    Acknowledge {
        /// Of which task.
        task: TaskId,
        /// Its number.
        sequence: u64,
    },
    /// Ask what is known of tasks; none: of all. The answers are delivered as updates.
    Reconcile(Vec<Query>),
    /// Send bytes to an executor, at most once.
    SendMessage {
        /// Where the answer goes.
        ticket: Ticket,
        /// Where it is.
        agent: AgentId,
        /// Which.
        executor: ExecutorId,
        /// What.
        data: Vec<u8>,
    },
    /// Replace the framework's description and what it wants.
    UpdateFramework {
        /// The description.
        framework: Box<FrameworkInfo>,
        /// What it wants.
        wants: Wants,
    },
    /// Ask why.
    Explain {
        /// Where the answer goes.
        ticket: Ticket,
        /// About what.
        subject: Subject,
    },
    /// Remove the framework for good, then stop.
    Teardown,
    /// Stop; the framework stays, and its tasks run on.
    Stop,
}

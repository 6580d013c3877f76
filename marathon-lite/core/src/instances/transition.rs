//! What came of something that happened to an instance.

use super::{Instance, TaskFailure, stored};
use crate::{events::Event, scheduler::ObjectWrite};
use proto_types::TaskId;
use std::{sync::Arc, time::Duration};

/// What came of something that happened to an instance.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "what follows has to be done"]
pub struct Transition {
    /// Of which instance; or which task, if nobody knows it.
    pub instance: TaskId,
    /// What kind of change it is.
    pub kind: TransitionKind,
    /// As it was; none: it is new, or unknown.
    pub before: Option<Arc<Instance>>,
    /// As it is; or, when it ended, as it was at its end.
    pub after: Option<Arc<Instance>>,
    /// What becomes of its stored form, before anything else follows.
    pub write: Write,
    /// The app's last failure is this one.
    pub failure: Option<TaskFailure>,
    /// Whether the app's next launch has to wait longer.
    pub delays_launch: bool,
    /// To be killed now, with this grace or the task's own; it is repeated until the end is told.
    pub kills: Vec<(TaskId, Option<Duration>)>,
    /// To be told, in this order.
    pub events: Vec<Event>,
}

/// The kinds of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransitionKind {
    /// Nothing is different: it was said before, or comes too late.
    Unchanged,
    /// It is there for the first time, or does otherwise than before.
    Changed,
    /// It ended and is in the table no more.
    Ended,
    /// It was unreachable for so long that it is forgotten; should it come back, it is killed.
    Expunged,
    /// Nobody knows the task.
    Unknown,
}

/// What becomes of the stored form of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// It is right as it is.
    Keep,
    /// It is written anew.
    Put,
    /// It is removed.
    Remove,
}

impl Transition {
    /// Nothing came of it.
    pub(super) fn nothing(instance: &TaskId, kind: TransitionKind) -> Self {
        Self {
            instance: instance.clone(),
            kind,
            before: None,
            after: None,
            write: Write::Keep,
            failure: None,
            delays_launch: false,
            kills: Vec::new(),
            events: Vec::new(),
        }
    }

    /// What has to be stored.
    #[must_use]
    pub fn object(&self) -> Option<ObjectWrite> {
        let key = stored::instance_key(&self.instance);
        match self.write {
            Write::Keep => None,
            Write::Remove => Some(ObjectWrite { key, value: None }),
            Write::Put => self.after.as_ref().map(|one| ObjectWrite { key, value: Some(stored::write_instance(one)) }),
        }
    }

    /// Whether it is in the table no more.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        matches!(self.kind, TransitionKind::Ended | TransitionKind::Expunged)
    }

    /// Whether it runs now and did not before: its probes begin.
    #[must_use]
    pub fn began_to_run(&self) -> bool {
        let runs = |one: &Option<Arc<Instance>>| one.as_ref().is_some_and(|one| one.runs());
        !self.is_gone() && runs(&self.after) && !runs(&self.before)
    }

    /// Whether it runs no more: its probes end.
    #[must_use]
    pub fn ceased_to_run(&self) -> bool {
        let runs = |one: &Option<Arc<Instance>>| one.as_ref().is_some_and(|one| one.runs());
        runs(&self.before) && (self.is_gone() || !runs(&self.after))
    }

    /// Whether it counts again, after another one may have been launched in its place: then the app may have too many,
    /// and which goes is decided as when scaling down (see [`crate::kill::select`]).
    #[must_use]
    pub fn returned(&self) -> bool {
        let counts = |one: &Option<Arc<Instance>>| one.as_ref().is_some_and(|one| one.condition.is_active());
        self.kind == TransitionKind::Changed && self.before.is_some() && !counts(&self.before) && counts(&self.after)
    }
}

//! The table of frameworks.

use crate::{
    effect::{FrameworkView, LogIndex},
    input::ConnectionId,
    session::Session,
    tasks::Task,
    timers::TimerKey,
};
use proto_types::{
    AgentId, FrameworkId, FrameworkInfo, OfferId, Principal, RequestId, Role, SessionId, TaskId, TaskKey,
    resources::Quantities,
    scheduling::Wants,
    time::{Monotonic, Wall},
    verdict::TaskVerdict,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// Answers of accepts kept for each framework. A retry comes within seconds; more would only cost memory.
const ANSWERS_MAX: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Frameworks {
    by_id: BTreeMap<FrameworkId, Framework>,
    pub(crate) connections: BTreeMap<ConnectionId, FrameworkId>,
    sessions: BTreeMap<SessionId, FrameworkId>,
    /// Those that want offers which they did not want at the last round.
    pub(crate) dirty: BTreeSet<FrameworkId>,
    pub(crate) touched: BTreeSet<FrameworkId>,
    pub(crate) touched_tasks: BTreeSet<TaskKey>,
}

#[derive(Debug)]
pub(crate) struct Framework {
    pub(crate) info: Arc<FrameworkInfo>,
    pub(crate) incarnation: u64,
    pub(crate) principal: Principal,
    pub(crate) registered: Wall,
    /// The last write about it.
    pub(crate) written: Option<LogIndex>,
    pub(crate) session: Option<Session>,
    pub(crate) wants: Wants,
    pub(crate) suppressed: BTreeSet<Role>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    /// Tasks that are over and acknowledged, oldest first.
    pub(crate) completed: VecDeque<TaskId>,
    /// Where they were.
    pub(crate) completed_on: BTreeMap<TaskId, AgentId>,
    pub(crate) offers: BTreeSet<OfferId>,
    /// Where it has filters, so that reviving costs what there is to revive.
    pub(crate) filtered: BTreeSet<(AgentId, Role)>,
    pub(crate) used: Quantities,
    pub(crate) offered: Quantities,
    pub(crate) answers: Answers,
    /// Updates sent and not acknowledged.
    pub(crate) in_flight: u32,
    /// Tasks with updates that wait for credit.
    pub(crate) backlog: BTreeSet<TaskId>,
    pub(crate) away: Option<Away>,
    pub(crate) heartbeat: Option<TimerKey>,
    /// It is dead; it stays until its tasks are over.
    pub(crate) removed: bool,
    /// Its tasks that use resources.
    pub(crate) active_tasks: u32,
}

/// While a framework has no scheduler.
#[derive(Debug)]
pub(crate) struct Away {
    pub(crate) deadline: Monotonic,
    pub(crate) deadline_wall: Wall,
    pub(crate) failover: TimerKey,
    pub(crate) checkpoint: TimerKey,
}

/// The verdicts of the last accepts, so that a retried one gets the answer of the first.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    by_request: BTreeMap<RequestId, Arc<Vec<TaskVerdict>>>,
    order: VecDeque<RequestId>,
}

impl Answers {
    pub(crate) fn get(&self, request: &RequestId) -> Option<&Arc<Vec<TaskVerdict>>> {
        self.by_request.get(request)
    }

    pub(crate) fn keep(&mut self, request: RequestId, verdicts: Arc<Vec<TaskVerdict>>) {
        if self.order.len() == ANSWERS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_request.remove(&oldest);
        }
        self.order.push_back(request.clone());
        self.by_request.insert(request, verdicts);
    }
}

impl Framework {
    pub(crate) fn new(info: Arc<FrameworkInfo>, incarnation: u64, principal: Principal, registered: Wall) -> Self {
        Self {
            info,
            incarnation,
            principal,
            registered,
            written: None,
            session: None,
            wants: Wants::default(),
            suppressed: BTreeSet::new(),
            tasks: BTreeMap::new(),
            completed: VecDeque::new(),
            completed_on: BTreeMap::new(),
            offers: BTreeSet::new(),
            filtered: BTreeSet::new(),
            used: Quantities::default(),
            offered: Quantities::default(),
            answers: Answers::default(),
            in_flight: 0,
            backlog: BTreeSet::new(),
            away: None,
            heartbeat: None,
            removed: false,
            active_tasks: 0,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connection().is_some()
    }

    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        self.session.as_ref().and_then(|session| session.connection)
    }

    /// Whether a task of this id was there before.
    pub(crate) fn had_task(&self, id: &TaskId) -> bool {
        self.tasks.contains_key(id) || self.completed_on.contains_key(id)
    }

    pub(crate) fn view(&self) -> FrameworkView {
        FrameworkView {
            info: Arc::clone(&self.info),
            connected: self.is_connected(),
            incarnation: self.incarnation,
            deadline: self.away.as_ref().map(|away| away.deadline_wall),
            suppressed: self.suppressed.iter().cloned().collect(),
            used: self.used.clone(),
            offered: self.offered.clone(),
            tasks: self.active_tasks,
            principal: self.principal.clone(),
            registered: self.registered,
            removed: self.removed,
        }
    }
}

impl Frameworks {
    pub(crate) fn get(&self, id: &FrameworkId) -> Option<&Framework> {
        self.by_id.get(id)
    }

    /// The framework, to be changed.
    pub(crate) fn change(&mut self, id: &FrameworkId) -> Option<&mut Framework> {
        let framework = self.by_id.get_mut(id)?;
        self.touched.insert(id.clone());
        Some(framework)
    }

    /// The framework's task, to be changed.
    pub(crate) fn change_task(&mut self, key: &TaskKey) -> Option<&mut Task> {
        let task = self.by_id.get_mut(&key.framework)?.tasks.get_mut(&key.task)?;
        self.touched_tasks.insert(key.clone());
        Some(task)
    }

    pub(crate) fn task(&self, key: &TaskKey) -> Option<&Task> {
        self.by_id.get(&key.framework)?.tasks.get(&key.task)
    }

    /// The framework whose present session this is.
    pub(crate) fn by_session(&self, session: &SessionId) -> Option<&FrameworkId> {
        self.sessions.get(session)
    }

    /// Replaces the framework's session; calls of the old one are stale from now on.
    pub(crate) fn set_session(&mut self, id: &FrameworkId, session: Option<Session>) {
        let Some(framework) = self.by_id.get_mut(id) else { return };
        if let Some(new) = &session {
            self.sessions.insert(new.id.clone(), id.clone());
        }
        if let Some(old) = std::mem::replace(&mut framework.session, session) {
            self.sessions.remove(&old.id);
        }
        self.touched.insert(id.clone());
    }

    pub(crate) fn insert(&mut self, id: FrameworkId, framework: Framework) {
        self.touched.insert(id.clone());
        self.by_id.insert(id, framework);
    }

    pub(crate) fn remove(&mut self, id: &FrameworkId) -> Option<Framework> {
        self.set_session(id, None);
        self.touched.remove(id);
        self.dirty.remove(id);
        self.by_id.remove(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&FrameworkId, &Framework)> {
        self.by_id.iter()
    }
}

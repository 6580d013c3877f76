//! Effects on their way out.

use crate::{Agent, AgentView, Body, Change, ConnectionId, Effect, LinkId, LogIndex, fact::Fact, sabotage::Switch};
use proto_types::{executing::ToExecutor, link::FromAgent};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) effects: Vec<Effect>,
    appended: u64,
    /// The record of the highest epoch seen: nothing leaves before it is stored.
    fence: Option<LogIndex>,
}

impl Output {
    pub(crate) fn push(&mut self, after: Option<LogIndex>, body: Body) {
        self.effects.push(Effect { after: after.max(self.fence), body });
    }

    fn append(&mut self, fact: Fact) -> LogIndex {
        self.appended += 1;
        let index = LogIndex(self.appended);
        let fences = matches!(fact, Fact::EpochSeen(_) | Fact::Identified { .. } | Fact::Abandoned);
        self.effects.push(Effect { after: None, body: Body::Append(index, fact) });
        if fences {
            self.fence = Some(index);
        }
        index
    }
}

impl Agent {
    /// Journals a fact; what depends on it leaves after the index.
    pub(crate) fn append(&mut self, fact: Fact) -> Option<LogIndex> {
        let forgotten = match &fact {
            Fact::TaskLaunched(_) => self.breaks(Switch::ForgetLaunch),
            Fact::UpdateAcknowledged { .. } => self.breaks(Switch::ForgetAcknowledgement),
            _ => false,
        };
        if forgotten {
            return None;
        }
        let index = self.out.append(fact);
        if self.breaks(Switch::SendBeforeJournal) { None } else { Some(index) }
    }

    /// Says something to the master, if there is a link. A refused or broken one hears nothing.
    pub(crate) fn tell_master(&mut self, after: Option<LogIndex>, message: FromAgent) {
        if let Some(link) = &self.link {
            self.out.push(after, Body::ToMaster(link.id, message));
        }
    }

    pub(crate) fn tell_executor(&mut self, after: Option<LogIndex>, connection: ConnectionId, message: ToExecutor) {
        self.out.push(after, Body::ToExecutor(connection, message));
    }

    pub(crate) fn close_link(&mut self, link: LinkId, why: crate::Closed) {
        self.out.push(None, Body::CloseLink(link, why));
    }

    pub(crate) fn breaks(&self, switch: Switch) -> bool {
        self.config.sabotage.breaks(switch)
    }

    /// Shows what changed to the read model.
    pub(crate) fn publish(&mut self) {
        for key in std::mem::take(&mut self.frameworks.touched_tasks) {
            let (after, change) = match self.frameworks.task(&key) {
                Some(task) => (task.written, Change::Task(key, Box::new(task.view()))),
                None => (None, Change::TaskForgotten(key)),
            };
            self.out.push(after, Body::Changed(change));
            self.touched = true;
        }
        for (framework, id) in std::mem::take(&mut self.frameworks.touched_executors) {
            let change = match self.frameworks.executor(&framework, &id) {
                Some(executor) => Change::Executor(framework, id, executor.view()),
                None => Change::ExecutorEnded(framework, id),
            };
            self.out.push(None, Body::Changed(change));
            self.touched = true;
        }
        if std::mem::take(&mut self.touched) {
            let view = self.view();
            self.out.push(None, Body::Changed(Change::Agent(Box::new(view))));
        }
    }

    /// The agent as shown.
    #[must_use]
    pub fn view(&self) -> AgentView {
        AgentView {
            id: self.id.clone(),
            cluster: self.cluster.clone(),
            epoch: self.epoch,
            info: Arc::clone(&self.info),
            used: self.frameworks.used.clone(),
            registered: self.link.as_ref().is_some_and(|link| link.registered),
        }
    }
}

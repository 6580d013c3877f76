//! Effects on their way out.

use crate::{
    Master,
    effect::{Body, Change, Effect, LogIndex},
    input::{CallId, LinkId, OperatorReply},
};
use proto_types::{
    FrameworkId, Principal, TaskKey,
    link::ToAgent,
    registry::{Fact, RegistryChange},
    scheduling::{Event, Refusal, Reply},
};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) effects: Vec<Effect>,
    appended: u64,
}

impl Output {
    pub(crate) fn push(&mut self, after: Option<LogIndex>, body: Body) {
        self.effects.push(Effect { after, body });
    }

    /// Stores a fact; what depends on it leaves after the index.
    pub(crate) fn append(&mut self, principal: &Principal, fact: Fact) -> LogIndex {
        self.appended += 1;
        let index = LogIndex(self.appended);
        self.push(None, Body::Append(index, RegistryChange { principal: principal.clone(), fact }));
        index
    }

    pub(crate) fn send_agent(&mut self, after: Option<LogIndex>, link: LinkId, message: ToAgent) {
        self.push(after, Body::ToAgent(link, message));
    }

    pub(crate) fn reply(&mut self, after: Option<LogIndex>, call: CallId, reply: Result<Reply, Refusal>) {
        self.push(after, Body::Reply(call, reply));
    }

    pub(crate) fn operator_reply(
        &mut self,
        after: Option<LogIndex>,
        call: CallId,
        reply: Result<OperatorReply, Refusal>,
    ) {
        self.push(after, Body::OperatorReply(call, reply));
    }
}

impl Master {
    /// Tells a framework's scheduler; what it cannot hear now stays in its session's ring.
    pub(crate) fn tell(&mut self, id: &FrameworkId, after: Option<LogIndex>, event: Event) {
        let Some(framework) = self.frameworks.change(id) else { return };
        let after = after.max(framework.written);
        let Some(session) = framework.session.as_mut() else { return };
        let numbered = session.number(event);
        if let Some(connection) = session.connection {
            self.out.push(after, Body::ToScheduler(connection, numbered));
        }
    }

    /// Shows what changed to the read model.
    pub(crate) fn publish(&mut self) {
        for key in std::mem::take(&mut self.frameworks.touched_tasks) {
            self.publish_task(key);
        }
        for id in std::mem::take(&mut self.frameworks.touched) {
            let change = match self.frameworks.get(&id) {
                Some(framework) => (framework.written, Change::Framework(id, Arc::new(framework.view()))),
                None => continue,
            };
            self.out.push(change.0, Body::Changed(change.1));
        }
        for id in std::mem::take(&mut self.agents.touched) {
            let Some(agent) = self.agents.get(&id) else { continue };
            let (written, view) = (agent.written, agent.view());
            self.out.push(written, Body::Changed(Change::Agent(id, Arc::new(view))));
        }
        for role in self.roles.take_touched() {
            let change = match self.roles.get(&role) {
                Some(node) => Change::Role(role, Arc::new(self.roles.view(node))),
                None => Change::RoleRemoved(role),
            };
            self.out.push(None, Body::Changed(change));
        }
    }

    fn publish_task(&mut self, key: TaskKey) {
        // A completed task was shown for the last time when it was completed.
        let Some(framework) = self.frameworks.get(&key.framework) else { return };
        let Some(task) = framework.tasks.get(&key.task) else { return };
        let agent = self.agents.get(&task.agent);
        let after = framework.written.max(agent.and_then(|agent| agent.written));
        let view = task.view(agent.map_or("", |agent| &agent.info.hostname));
        self.out.push(after, Body::Changed(Change::Task(key, Arc::new(view))));
    }
}

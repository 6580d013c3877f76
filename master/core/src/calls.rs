//! What schedulers ask for within their session.

use crate::{CallId, Master, agents::Filter, minted::epoch_of, subscribe::validate, timers::Timer};
use proto_types::{
    AgentId, Filters, FrameworkId, OfferId, Principal, Rejection, RejectionKind, Resources, Role, SessionId, TaskId,
    TaskKey,
    link::{ExecutorMessage, ToAgent},
    offer::REFUSE_MAX,
    reconcile::Query,
    scheduling::{Accept, Call, Refusal, Reply},
    verdict::TaskVerdict,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

impl Master {
    pub(crate) fn on_call(&mut self, call: CallId, principal: &Principal, session: &SessionId, body: Call) {
        let Some(id) = self.session_holder(session) else {
            let reply = match body {
                Call::Accept(accept) if self.is_of_earlier_epoch(session) => Ok(self.outcome_unknown(&accept)),
                _ => Err(Refusal::StaleSession(session.clone())),
            };
            self.out.reply(self.last_removal, call, reply);
            return;
        };
        if let Some(removed) = self.frameworks.get(&id).filter(|framework| framework.removed) {
            let reply =
                if matches!(body, Call::Teardown) { Ok(Reply::Done) } else { Err(Refusal::FrameworkRemoved(id)) };
            return self.out.reply(removed.written, call, reply);
        }
        let reply = match body {
            Call::Accept(accept) => return self.on_accept(call, principal, &id, accept),
            Call::Decline { offers, filters } => Ok(Reply::Declined(self.on_decline(&id, &offers, filters))),
            Call::Revive(roles) => self.on_revive(&id, roles),
            Call::Suppress(roles) => self.on_suppress(&id, roles),
            Call::Kill { tasks, grace } => Ok(self.on_kill(&id, tasks, grace)),
            Call::Acknowledge(acknowledgements) => {
                self.on_acknowledge(&id, acknowledgements);
                Ok(Reply::Done)
            }
            Call::Reconcile { queries, after } => Ok(self.on_reconcile(&id, &queries, after.as_ref())),
            Call::SendMessage { agent, executor, data } => Ok(self.on_send_message(&id, &agent, executor, data)),
            Call::UpdateFramework { framework, wants } => validate(&framework, &wants).map(|()| {
                self.replace_description(&id, principal, *framework, None);
                self.take_wants(&id, wants);
                Reply::Done
            }),
            Call::Teardown => {
                let written = self.remove_framework(&id, principal);
                return self.out.reply(written, call, Ok(Reply::Done));
            }
            Call::Explain(subject) => self.explain_to_framework(&id, &subject).map(Reply::Explanation),
        };
        let written = self.frameworks.get(&id).and_then(|framework| framework.written);
        self.out.reply(written, call, reply);
    }

    /// The framework whose present session this is.
    fn session_holder(&self, session: &SessionId) -> Option<FrameworkId> {
        self.frameworks.by_session(session).cloned()
    }

    fn is_of_earlier_epoch(&self, session: &SessionId) -> bool {
        epoch_of(session.as_str()).is_some_and(|epoch| epoch < self.epoch)
    }

    fn outcome_unknown(&self, accept: &Accept) -> Reply {
        let message = format!("the request is of an earlier epoch, this is epoch {}; reconcile the task", self.epoch);
        let kind = RejectionKind::OutcomeUnknown;
        let rejection = Rejection { kind, field: String::new(), message, free: None };
        let tasks =
            accept.acceptances.iter().flat_map(|acceptance| &acceptance.launches).flat_map(|launch| &launch.tasks);
        Reply::Verdicts(
            tasks.map(|task| TaskVerdict { task: task.id.clone(), result: Err(rejection.clone()) }).collect(),
        )
    }

    fn on_decline(&mut self, id: &FrameworkId, offers: &[OfferId], filters: Filters) -> u32 {
        let mut declined = 0;
        for offer_id in offers {
            if self.offers.get(offer_id).is_none_or(|offer| offer.framework != *id) {
                continue;
            }
            if let Some(offer) = self.let_go(offer_id) {
                self.refuse(&offer.agent, id, &offer.role, &offer.resources, filters);
                declined += 1;
            }
        }
        declined
    }

    /// Keeps what was refused away from the framework for a while.
    pub(crate) fn refuse(
        &mut self,
        agent_id: &AgentId,
        framework: &FrameworkId,
        role: &Role,
        refused: &Resources,
        filters: Filters,
    ) {
        if filters.refuse.is_zero() || refused.is_empty() {
            return;
        }
        let due = self.now.monotonic + filters.refuse.min(REFUSE_MAX);
        let Some(agent) = self.agents.change(agent_id) else { return };
        let present = agent.filters.get(&(framework.clone(), role.clone()));
        if present.is_some_and(|present| present.timer.due() >= due && present.refused.contains(refused)) {
            return;
        }
        let timer = self.timers.set(due, Timer::Filter(agent_id.clone(), framework.clone(), role.clone()));
        let filter = Filter { refused: refused.clone(), timer };
        if let Some(old) = agent.filters.insert((framework.clone(), role.clone()), filter) {
            self.timers.cancel(Some(old.timer));
        }
        if let Some(framework) = self.frameworks.change(framework) {
            framework.filtered.insert((agent_id.clone(), role.clone()));
        }
    }

    pub(crate) fn on_filter_expired(&mut self, agent: &AgentId, framework: &FrameworkId, role: &Role) {
        let Some(changed) = self.agents.change(agent) else { return };
        changed.filters.remove(&(framework.clone(), role.clone()));
        if !changed.free.is_empty() {
            self.agents.dirty.insert(agent.clone());
        }
        if let Some(framework) = self.frameworks.change(framework) {
            framework.filtered.remove(&(agent.clone(), role.clone()));
        }
    }

    /// Forgets what the framework refused, for one role or all.
    pub(crate) fn clear_filters(&mut self, id: &FrameworkId, role: Option<&Role>) {
        let Some(framework) = self.frameworks.change(id) else { return };
        let (cleared, kept) =
            std::mem::take(&mut framework.filtered).into_iter().partition(|(_, of)| role.is_none_or(|role| role == of));
        framework.filtered = kept;
        let cleared: BTreeSet<(AgentId, Role)> = cleared;
        for (agent_id, of) in cleared {
            let Some(agent) = self.agents.change(&agent_id) else { continue };
            if let Some(filter) = agent.filters.remove(&(id.clone(), of)) {
                self.timers.cancel(Some(filter.timer));
            }
        }
    }

    /// Forgets what was refused of an agent: it may be another one now.
    pub(crate) fn clear_agent_filters(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.change(id) else { return };
        for ((framework, role), filter) in std::mem::take(&mut agent.filters) {
            self.timers.cancel(Some(filter.timer));
            if let Some(framework) = self.frameworks.change(&framework) {
                framework.filtered.remove(&(id.clone(), role));
            }
        }
    }

    fn on_revive(&mut self, id: &FrameworkId, roles: Vec<Role>) -> Result<Reply, Refusal> {
        for role in self.own_roles(id, roles)? {
            if let Some(framework) = self.frameworks.change(id) {
                framework.suppressed.remove(&role);
            }
            self.clear_filters(id, Some(&role));
        }
        self.activate(id);
        Ok(Reply::Done)
    }

    fn on_suppress(&mut self, id: &FrameworkId, roles: Vec<Role>) -> Result<Reply, Refusal> {
        for role in self.own_roles(id, roles)? {
            if let Some(framework) = self.frameworks.change(id) {
                framework.suppressed.insert(role.clone());
            }
            self.roles.set_active(&role, id, false);
        }
        Ok(Reply::Done)
    }

    /// The roles named, or all of the framework if none is.
    fn own_roles(&self, id: &FrameworkId, roles: Vec<Role>) -> Result<Vec<Role>, Refusal> {
        let own = self.frameworks.get(id).map(|framework| framework.info.roles.clone()).unwrap_or_default();
        if roles.is_empty() {
            return Ok(own);
        }
        match roles.iter().find(|role| !own.contains(role)) {
            Some(role) => Err(Refusal::Invalid {
                field: "roles".to_owned(),
                message: format!("role {role} is not among the framework's roles"),
            }),
            None => Ok(roles),
        }
    }

    fn on_kill(&mut self, id: &FrameworkId, tasks: Vec<TaskId>, grace: Option<Duration>) -> Reply {
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for task in tasks {
            let key = TaskKey { framework: id.clone(), task };
            if self.frameworks.task(&key).is_some() {
                known.push(key);
            } else {
                unknown.push(Query { task: key.task, agent: None });
            }
        }
        self.kill(known, grace);
        self.answer_all(id, &unknown)
    }

    /// Has tasks killed. An agent that is away is told when it comes back.
    pub(crate) fn kill(&mut self, keys: Vec<TaskKey>, grace: Option<Duration>) {
        let mut by_agent: BTreeMap<(AgentId, FrameworkId), Vec<TaskId>> = BTreeMap::new();
        for key in keys {
            let Some(task) = self.frameworks.task(&key).filter(|task| !task.state().is_terminal()) else { continue };
            let agent_id = task.agent.clone();
            if let Some(agent) = self.agents.change(&agent_id) {
                agent.kills.insert(key.clone(), grace);
                by_agent.entry((agent_id, key.framework)).or_default().push(key.task);
            }
        }
        for ((agent_id, framework), tasks) in by_agent {
            let Some(agent) = self.agents.get(&agent_id) else { continue };
            if let Some(link) = agent.link {
                self.out.send_agent(agent.written, link, ToAgent::Kill { framework, tasks, grace, max_grace: None });
            }
        }
    }

    fn on_send_message(
        &mut self,
        id: &FrameworkId,
        agent: &AgentId,
        executor: proto_types::ExecutorId,
        data: Vec<u8>,
    ) -> Reply {
        let Some(agent) = self.agents.get(agent) else { return Reply::Sent(false) };
        let Some(link) = agent.link else { return Reply::Sent(false) };
        let message = ExecutorMessage { framework: id.clone(), executor, data };
        self.out.send_agent(agent.written, link, ToAgent::Message(message));
        Reply::Sent(true)
    }
}

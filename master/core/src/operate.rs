//! What operators ask for.

use crate::{CallId, LogIndex, Master, OperatorCall, OperatorReply, effect::AgentStanding};
use proto_types::{
    AgentId, FrameworkId, Principal, Role, TaskId, TaskKey,
    agent::{Drain, Unavailability},
    registry::Fact,
    resources::Limits,
    scheduling::Refusal,
    time::Wall,
};
use std::time::Duration;

impl Master {
    pub(crate) fn on_operate(&mut self, call: CallId, principal: &Principal, body: OperatorCall) {
        let reply = match body {
            OperatorCall::ExplainFramework(id) => self.explain_framework(&id).map(OperatorReply::Explanation),
            OperatorCall::ExplainTask { framework, task } => {
                let explained = self.find_task(framework, task).and_then(|key| self.explain_task(&key));
                explained.map(OperatorReply::Explanation)
            }
            OperatorCall::ExplainRole(role) => self.explain_role(&role).map(OperatorReply::Explanation),
            OperatorCall::UpdateRole { role, weight_milli, limit } => {
                return self.on_update_role(call, principal, &role, weight_milli, limit);
            }
            OperatorCall::KillTask { framework, task, grace } => self.find_task(framework, task).map(|key| {
                let owner = key.framework.clone();
                self.kill(vec![key], grace);
                OperatorReply::Killed(owner)
            }),
            OperatorCall::TeardownFramework(id) => {
                let known = self.frameworks.get(&id).is_some_and(|framework| !framework.removed);
                if known {
                    let written = self.remove_framework(&id, principal);
                    return self.out.operator_reply(written, call, Ok(OperatorReply::Done));
                }
                Err(Refusal::NotFound(format!("there is no framework {id}")))
            }
            OperatorCall::DeactivateAgent(id) => {
                return self.on_agents(call, &[id], "agent_id", |master, id| master.deactivate(id, principal));
            }
            OperatorCall::DrainAgent { agent, max_grace, deadline, mark_gone } => {
                let deadline = deadline.map(|left| Wall(self.now.wall.0.saturating_add(millis(left))));
                let drain = Drain { max_grace, deadline, mark_gone, maintenance: false };
                return self.on_agents(call, &[agent], "agent_id", |master, id| master.drain(id, principal, drain));
            }
            OperatorCall::ReactivateAgent(id) => {
                return self.on_agents(call, &[id], "agent_id", |master, id| master.reactivate(id, principal));
            }
            OperatorCall::MarkAgentGone(id) => {
                if !self.is_gone(&id) {
                    return self.on_agents(call, &[id], "agent_id", |master, id| master.mark_gone(id, principal));
                }
                let written = self.agents.get(&id).and_then(|agent| agent.written);
                return self.out.operator_reply(written, call, Ok(OperatorReply::Done));
            }
            OperatorCall::ScheduleMaintenance { agents, unavailability } => {
                return self.on_schedule_maintenance(call, principal, &agents, unavailability);
            }
            OperatorCall::CancelMaintenance(agents) => {
                return self
                    .on_agents(call, &agents, "agent_ids", |master, id| master.cancel_maintenance(id, principal));
            }
            OperatorCall::LocateTask { framework, task, agent } => {
                let found = self.find_task(framework.clone(), task).and_then(|key| self.locate(&key));
                found.or_else(|refusal| self.locate_as_told(framework, agent).ok_or(refusal))
            }
        };
        self.out.operator_reply(self.last_removal, call, reply);
    }

    /// Does something to agents, if none of them is unknown or gone.
    fn on_agents(
        &mut self,
        call: CallId,
        agents: &[AgentId],
        field: &str,
        mut act: impl FnMut(&mut Self, &AgentId) -> Option<LogIndex>,
    ) {
        let invalid = |message: String| Err(Refusal::Invalid { field: field.to_owned(), message });
        if agents.is_empty() {
            return self.out.operator_reply(None, call, invalid("must name at least one agent".to_owned()));
        }
        if let Some(id) = agents.iter().find(|id| self.agents.get(id).is_none()) {
            let refusal = Refusal::NotFound(format!("there is no agent {id}"));
            return self.out.operator_reply(None, call, Err(refusal));
        }
        if let Some(id) = agents.iter().find(|id| self.is_gone(id)) {
            let written = self.agents.get(id).and_then(|agent| agent.written);
            let message = format!("agent {id} was marked gone and never comes back");
            return self.out.operator_reply(written, call, invalid(message));
        }
        let written = agents.iter().filter_map(|id| act(self, id)).max();
        self.out.operator_reply(written, call, Ok(OperatorReply::Done));
    }

    fn is_gone(&self, id: &AgentId) -> bool {
        self.agents.get(id).is_some_and(|agent| agent.standing == AgentStanding::Gone)
    }

    fn on_schedule_maintenance(
        &mut self,
        call: CallId,
        principal: &Principal,
        agents: &[AgentId],
        unavailability: Unavailability,
    ) {
        if let Some(end) = unavailability.end.filter(|end| *end <= self.now.wall) {
            let message = format!("is in the past: it is {} ms since 1970, now it is {}", end, self.now.wall);
            let refusal = Refusal::Invalid { field: "unavailability.end_ms".to_owned(), message };
            return self.out.operator_reply(None, call, Err(refusal));
        }
        self.on_agents(call, agents, "agent_ids", |master, id| {
            master.schedule_maintenance(id, principal, unavailability)
        });
    }

    fn on_update_role(
        &mut self,
        call: CallId,
        principal: &Principal,
        role: &Role,
        weight_milli: Option<u64>,
        limit: Option<Limits>,
    ) {
        if weight_milli == Some(0) {
            let message = "must be at least 0.001".to_owned();
            let refusal = Refusal::Invalid { field: "weight_milli".to_owned(), message };
            return self.out.operator_reply(None, call, Err(refusal));
        }
        let node = self.roles.get(role);
        let weight_milli =
            weight_milli.or(node.map(|node| node.weight_milli)).unwrap_or(crate::roles::WEIGHT_DEFAULT_MILLI);
        let limit = limit.or(node.map(|node| node.limit.clone())).unwrap_or_default();
        let fact = Fact::RoleUpdated { role: role.clone(), weight_milli, limit: limit.clone() };
        let written = self.out.append(principal, fact);
        self.roles.configure(role, weight_milli, limit, principal.clone());
        let frameworks: Vec<FrameworkId> = self.frameworks.iter().map(|(id, _)| id.clone()).collect();
        self.frameworks.dirty.extend(frameworks);
        self.out.operator_reply(Some(written), call, Ok(OperatorReply::Done));
    }

    /// Where the task is or was.
    fn locate(&self, key: &TaskKey) -> Result<OperatorReply, Refusal> {
        let active = self.frameworks.task(key).map(|task| &task.agent);
        let framework = self.frameworks.get(&key.framework);
        let completed = || framework.and_then(|framework| framework.completed_on.get(&key.task));
        let agent = active.or_else(completed).or_else(|| self.history.agent_of(&key.framework, &key.task));
        let agent = agent.ok_or_else(|| Refusal::NotFound(format!("there is no task {key}")))?.clone();
        let link = self.agents.get(&agent).and_then(|agent| agent.link);
        Ok(OperatorReply::Located { framework: key.framework.clone(), agent, link })
    }

    /// Where the caller says that the task ran: it may have been over before this master led. The agent knows.
    fn locate_as_told(&self, framework: Option<FrameworkId>, agent: Option<AgentId>) -> Option<OperatorReply> {
        let (framework, agent) = (framework?, agent?);
        let link = self.agents.get(&agent)?.link;
        Some(OperatorReply::Located { framework, agent, link })
    }

    /// The task that is meant, if exactly one framework has or had it.
    fn find_task(&self, framework: Option<FrameworkId>, task: TaskId) -> Result<TaskKey, Refusal> {
        if let Some(framework) = framework {
            let present = self.frameworks.get(&framework).is_some_and(|found| found.had_task(&task));
            return if present || self.history.agent_of(&framework, &task).is_some() {
                Ok(TaskKey { framework, task })
            } else {
                Err(Refusal::NotFound(format!("there is no task {framework}/{task}")))
            };
        }
        let present = self.frameworks.iter().filter(|(_, framework)| framework.had_task(&task)).map(|(id, _)| id);
        let owners: Vec<FrameworkId> = present.chain(self.history.owners(&task)).take(2).cloned().collect();
        match owners.as_slice() {
            [] => Err(Refusal::NotFound(format!("there is no task {task}"))),
            [owner] => Ok(TaskKey { framework: owner.clone(), task }),
            [one, another, ..] => Err(Refusal::Ambiguous(format!(
                "frameworks {one} and {another} both have a task {task}; name the framework, as in {one}/{task}"
            ))),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

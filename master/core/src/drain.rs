//! Agents that are to have no tasks: deactivated, draining, drained, and active again.

use crate::{LogIndex, Master, agents::Agent, effect::AgentStanding, timers::Timer};
use proto_types::{
    AgentId, FrameworkId, Principal, TaskId, TaskState, TaskStatus,
    agent::{Drain, Duty},
    link::ToAgent,
    registry::Fact,
    status::Reason,
};
use std::{collections::BTreeMap, time::Duration};

impl Master {
    /// Has no more offers made of the agent. One that drains or is drained has none made anyway; if that was for its
    /// maintenance, it stays so when that ends.
    pub(crate) fn deactivate(&mut self, id: &AgentId, principal: &Principal) -> Option<LogIndex> {
        let agent = self.agents.get(id)?;
        if let Some(drain) = agent.duty.drain().filter(|drain| drain.maintenance) {
            return Some(self.begin_drain(id, principal, Drain { maintenance: false, ..drain }));
        }
        if agent.duty != Duty::Active {
            return agent.written;
        }
        let written = self.out.append(principal, Fact::AgentDeactivated { agent: id.clone() });
        self.agents.set_duty(id, Duty::Deactivated, principal);
        self.withdraw(id, written);
        Some(written)
    }

    /// Has the agent offered again. What has been told to end still does; maintenance that has begun is over.
    pub(crate) fn reactivate(&mut self, id: &AgentId, principal: &Principal) -> Option<LogIndex> {
        let agent = self.agents.get(id)?;
        let mut written = agent.written;
        if agent.unavailability.is_some_and(|planned| planned.start <= self.now.wall) {
            written = self.end_maintenance(id, principal);
        }
        let agent = self.agents.get(id)?;
        if agent.duty == Duty::Active {
            return written;
        }
        let written = self.out.append(principal, Fact::AgentReactivated { agent: id.clone() });
        self.agents.set_duty(id, Duty::Active, principal);
        self.readmit(id, written);
        Some(written)
    }

    /// Has the agent offered no more, and its tasks ended.
    pub(crate) fn drain(&mut self, id: &AgentId, principal: &Principal, drain: Drain) -> Option<LogIndex> {
        let agent = self.agents.get(id)?;
        if agent.duty.drain() == Some(drain) {
            return agent.written;
        }
        Some(self.begin_drain(id, principal, drain))
    }

    fn begin_drain(&mut self, id: &AgentId, principal: &Principal, drain: Drain) -> LogIndex {
        let written = self.out.append(principal, Fact::AgentDrainBegun { agent: id.clone(), drain });
        self.agents.set_duty(id, Duty::Draining(drain), principal);
        self.withdraw(id, written);
        self.arm_drain(id);
        self.kill_for_drain(id);
        written
    }

    /// Goes on with the agent's drain when it comes back. If it has tasks although it was drained, that begins anew.
    pub(crate) fn drain_again(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.get(id) else { return };
        match agent.duty {
            Duty::Drained(drain) if !self.tasks_of_agent(id).is_empty() || !agent.strays.is_empty() => {
                let principal = agent.duty_by.clone();
                self.begin_drain(id, &principal, drain);
            }
            _ => self.kill_for_drain(id),
        }
    }

    /// Takes back what of the agent is offered, and has nothing more offered.
    pub(crate) fn withdraw(&mut self, id: &AgentId, written: LogIndex) {
        let Some(agent) = self.agents.change(id) else { return };
        agent.written = Some(written);
        let offers: Vec<_> = agent.offers.iter().cloned().collect();
        self.agents.account(id);
        self.rescind(offers);
    }

    /// The agent is offered again.
    pub(crate) fn readmit(&mut self, id: &AgentId, written: LogIndex) {
        let Some(agent) = self.agents.change(id) else { return };
        agent.written = Some(written);
        self.timers.cancel(agent.drain_timer.take());
        self.agents.account(id);
    }

    /// Sets the clock of the agent's drain. Within a term it is not moved by changes of the wall clock.
    pub(crate) fn arm_drain(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.change(id) else { return };
        self.timers.cancel(agent.drain_timer.take());
        let deadline = agent.duty.drain().and_then(|drain| drain.deadline);
        if let Some(deadline) = deadline.filter(|_| matches!(agent.duty, Duty::Draining(_))) {
            let left = Duration::from_millis(deadline.0.saturating_sub(self.now.wall.0));
            agent.drain_timer = Some(self.timers.set(self.now.monotonic + left, Timer::DrainDeadline(id.clone())));
        }
    }

    pub(crate) fn on_drain_deadline(&mut self, id: &AgentId) {
        if let Some(agent) = self.agents.change(id) {
            agent.drain_timer = None;
        }
        self.kill_for_drain(id);
    }

    /// Tells a draining agent to end its tasks. It is told again whenever it comes back, until none is left.
    pub(crate) fn kill_for_drain(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.get(id) else { return };
        let (Duty::Draining(drain), Some(link), after) = (agent.duty, agent.link, agent.written) else { return };
        // At the deadline the grace is not only short: no executor may hold what is left any longer.
        let (grace, max_grace) = if is_overdue(agent, drain) {
            (Some(Duration::ZERO), Some(Duration::ZERO))
        } else {
            (None, drain.max_grace)
        };
        let mut kills: BTreeMap<FrameworkId, Vec<TaskId>> = BTreeMap::new();
        for key in self.tasks_of_agent(id).into_iter().chain(agent.strays.iter().cloned()) {
            kills.entry(key.framework).or_default().push(key.task);
        }
        for (framework, tasks) in kills {
            let kill = ToAgent::Kill { framework, tasks, grace, max_grace };
            self.out.send_agent(after, link, kill);
        }
    }

    /// Notes which draining agents have no task any more.
    pub(crate) fn conclude_drains(&mut self) {
        let touched = self.agents.draining.intersection(&self.agents.touched);
        let idle: Vec<AgentId> = touched.filter(|id| self.is_drained(id)).cloned().collect();
        for id in idle {
            let Some(agent) = self.agents.get(&id) else { continue };
            let Duty::Draining(drain) = agent.duty else { continue };
            let principal = agent.duty_by.clone();
            let written = self.out.append(&principal, Fact::AgentDrained { agent: id.clone() });
            self.agents.set_duty(&id, Duty::Drained(drain), &principal);
            if let Some(agent) = self.agents.change(&id) {
                agent.written = Some(written);
                self.timers.cancel(agent.drain_timer.take());
            }
            if drain.mark_gone {
                self.mark_gone(&id, &principal);
            }
        }
    }

    /// Whether nothing runs on a draining agent, and we have it from itself. If it is to be gone, its frameworks have to
    /// know too, as long as there is time: the agent does not keep for them what they have not acknowledged.
    fn is_drained(&self, id: &AgentId) -> bool {
        let Some(agent) = self.agents.get(id).filter(|agent| agent.standing == AgentStanding::Connected) else {
            return false;
        };
        let waits = |drain: Drain| drain.mark_gone && !is_overdue(agent, drain) && !agent.tasks.is_empty();
        self.tasks_of_agent(id).is_empty() && agent.strays.is_empty() && !agent.duty.drain().is_some_and(waits)
    }

    /// The update as frameworks are told it: a task that is killed on an agent that drains is killed because of that.
    pub(crate) fn with_cause(&self, agent: &AgentId, mut status: TaskStatus) -> TaskStatus {
        let drains = self.agents.get(agent).is_some_and(|agent| agent.duty.drain().is_some());
        if drains && matches!(status.state, TaskState::Killing | TaskState::Killed) {
            status.reason = Some(Reason::AgentDraining);
        }
        status
    }
}

/// Whether the agent's tasks have had their time.
fn is_overdue(agent: &Agent, drain: Drain) -> bool {
    drain.deadline.is_some() && agent.drain_timer.is_none()
}

//! Who is there, who is missing, and what time does by itself.

use crate::{Body, Master, agents::Agent, effect::AgentStanding, timers::Timer};
use proto_types::{
    AgentId, Principal, TaskId, TaskState, TaskStatus,
    link::ToAgent,
    registry::Fact,
    scheduling::Event,
    status::{Reason, Source},
    time::Monotonic,
};
use std::collections::BTreeSet;

/// When more than one in so many of the agents is missing at once, the fault is likelier on our side of the network:
/// they are then marked one by one.
const MASS_FRACTION: usize = 5;

/// How an agent was counted before it was given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Was {
    /// Its resources count towards the cluster's.
    counted: bool,
    /// It was known to the master before and expected back, with all that it has perhaps in use.
    expected: bool,
}

impl Was {
    pub(crate) fn of(agent: &Agent) -> Self {
        Self { counted: agent.counts(), expected: agent.standing == AgentStanding::Recovered }
    }
}

/// How many agents were missing when last one was due to be marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    at: Monotonic,
    /// Agents that should be here.
    pub agents: usize,
    /// Those of them that do not answer.
    pub missing: usize,
}

impl Absence {
    fn is_mass(self) -> bool {
        self.missing > 1 && self.missing * MASS_FRACTION > self.agents
    }
}

impl Master {
    pub(crate) fn on_tick(&mut self) {
        let now = self.now.monotonic;
        let late = self.last_tick.is_some_and(|last| now.since(last) > self.config.ping_interval);
        self.last_tick = Some(now);
        if late {
            self.restart_clocks();
        }
        while let Some(id) = self.offers.pop_expired(now) {
            self.on_offer_expired(&id);
        }
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Filter(agent, framework, role) => self.on_filter_expired(&agent, &framework, &role),
                Timer::Ping(id) => self.on_ping_due(&id),
                Timer::Missing(id) => self.on_missing(&id),
                Timer::GivenUp(id) => self.give_up(&id),
                Timer::DrainDeadline(id) => self.on_drain_deadline(&id),
                Timer::Failover(id) => self.on_failover_timeout(&id),
                Timer::FailoverCheckpoint(id) => self.on_failover_checkpoint(&id),
                Timer::Heartbeat(id) => self.on_heartbeat(&id),
            }
        }
        self.keep_maintenance();
        self.forget_gone();
    }

    /// This master stalled: what it did not hear meanwhile says nothing about the agents.
    fn restart_clocks(&mut self) {
        let ids: Vec<AgentId> = self.agents.iter().map(|(id, _)| id.clone()).collect();
        let window = self.config.ping_interval * self.config.ping_misses;
        for id in ids {
            let Some(agent) = self.agents.get(&id) else { continue };
            let timer = match agent.standing {
                AgentStanding::Connected => {
                    self.timers.set(self.now.monotonic + self.config.ping_interval, Timer::Ping(id.clone()))
                }
                AgentStanding::Disconnected => self.timers.set(self.now.monotonic + window, Timer::Missing(id.clone())),
                AgentStanding::Recovered => {
                    let due = self.now.monotonic + self.config.reregistration_timeout;
                    self.timers.set(due, Timer::Missing(id.clone()))
                }
                AgentStanding::Unreachable | AgentStanding::Gone => continue,
            };
            if let Some(agent) = self.agents.change(&id) {
                agent.liveness.unanswered = 0;
                self.timers.cancel(agent.liveness.timer.replace(timer));
            }
        }
    }

    fn on_ping_due(&mut self, id: &AgentId) {
        let misses = self.config.ping_misses;
        let due = self.now.monotonic + self.config.ping_interval;
        let Some(agent) = self.agents.change(id) else { return };
        agent.liveness.timer = None;
        let Some(link) = agent.link else { return };
        let silent = agent.liveness.unanswered >= misses;
        if silent && self.may_mark_now() {
            self.mark_unreachable(id);
            return;
        }
        // An agent that may not be marked yet is asked on: it may answer meanwhile.
        let Some(agent) = self.agents.change(id) else { return };
        agent.liveness.number += 1;
        agent.liveness.unanswered = (agent.liveness.unanswered + 1).min(misses);
        let number = agent.liveness.number;
        agent.liveness.timer = Some(self.timers.set(due, Timer::Ping(id.clone())));
        self.out.send_agent(None, link, ToAgent::Ping(number));
    }

    pub(crate) fn on_pong(&mut self, id: &AgentId, number: u64) {
        if let Some(agent) = self.agents.change(id)
            && number == agent.liveness.number
        {
            agent.liveness.unanswered = 0;
        }
    }

    /// An agent that has no link did not come back in time.
    fn on_missing(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.change(id) else { return };
        agent.liveness.timer = None;
        if matches!(agent.standing, AgentStanding::Unreachable | AgentStanding::Gone) {
            return;
        }
        if !self.may_mark_now() {
            let due = self.now.monotonic + self.config.ping_interval;
            let timer = self.timers.set(due, Timer::Missing(id.clone()));
            if let Some(agent) = self.agents.change(id) {
                agent.liveness.timer = Some(timer);
            }
            return;
        }
        self.mark_unreachable(id);
    }

    /// Whether an agent may be marked now, or should wait because too many are missing at once.
    fn may_mark_now(&mut self) -> bool {
        if self.absence.is_none_or(|absence| absence.at != self.now.monotonic) {
            self.absence = Some(self.count_absence());
        }
        let many = self.absence.is_some_and(Absence::is_mass);
        !many || self.last_marked.is_none_or(|last| self.now.monotonic.since(last) >= self.config.ping_interval)
    }

    fn count_absence(&self) -> Absence {
        let here = self.agents.iter().filter(|(_, agent)| agent.counts() || agent.standing == AgentStanding::Recovered);
        let none = Absence { at: self.now.monotonic, agents: 0, missing: 0 };
        here.fold(none, |absence, (_, agent)| {
            let silent = agent.link.is_none() || agent.liveness.unanswered >= self.config.ping_misses;
            Absence { agents: absence.agents + 1, missing: absence.missing + usize::from(silent), ..absence }
        })
    }

    /// How many of the agents are missing, if that are so many that they are marked one by one.
    #[must_use]
    pub fn mass_absence(&self) -> Option<Absence> {
        self.absence.filter(|absence| absence.is_mass())
    }

    fn mark_unreachable(&mut self, id: &AgentId) {
        self.last_marked = Some(self.now.monotonic);
        if let Some(absence) = &mut self.absence {
            absence.agents = absence.agents.saturating_sub(1);
            absence.missing = absence.missing.saturating_sub(1);
        }
        let wall = self.now.wall;
        let fact = Fact::AgentMarkedUnreachable { agent: id.clone(), since: wall };
        let principal = Principal::anonymous();
        let written = self.out.append(&principal, fact);
        let Some(agent) = self.agents.get(id) else { return };
        let (was, link) = (Was::of(agent), agent.link);
        let message = format!("agent {id} ({}) does not answer", agent.info.hostname);
        let Some(agent) = self.agents.change(id) else { return };
        (agent.standing, agent.since, agent.written) = (AgentStanding::Unreachable, wall, Some(written));
        agent.marked_by = principal;
        if let Some(link) = link {
            self.out.push(None, Body::CloseLink(link));
        }
        self.detach(id, was);
        self.arm_giving_up(id, self.config.gone_after);
        let lost = |task| {
            let mut status = TaskStatus::new(task, TaskState::Unreachable, Source::Master, wall)
                .because(Reason::AgentRemoved, format!("{message}; the task may still run there"));
            status.unreachable_since = Some(wall);
            status
        };
        self.tell_lost(id, &message, lost);
    }

    /// Gives up what was bound to the agent: its link, its offers and filters, and what its executors use.
    pub(crate) fn detach(&mut self, id: &AgentId, was: Was) {
        let Some(agent) = self.agents.change(id) else { return };
        let (link, info) = (agent.link.take(), std::sync::Arc::clone(&agent.info));
        let offers: Vec<_> = agent.offers.iter().cloned().collect();
        let executors = std::mem::take(&mut agent.executors);
        self.timers.cancel(agent.liveness.timer.take());
        if was.counted {
            self.roles.subtract_total(&info.resources);
        }
        if was.expected {
            self.roles.expect_no_more(&info.resources);
        }
        if let Some(link) = link {
            self.agents.unbind(link);
        }
        self.rescind(offers);
        for executor in executors.values() {
            self.discharge(id, &executor.framework, &executor.role, &executor.info.resources);
        }
        self.clear_agent_filters(id);
        self.agents.account(id);
    }

    /// Tells frameworks that the agent is lost, and what becomes of each of their tasks there.
    pub(crate) fn tell_lost(&mut self, id: &AgentId, message: &str, lost: impl Fn(TaskId) -> TaskStatus) {
        let written = self.agents.get(id).and_then(|agent| agent.written);
        let mut frameworks = BTreeSet::new();
        for key in self.tasks_of_agent(id) {
            frameworks.insert(key.framework.clone());
            let status = TaskStatus { agent: Some(id.clone()), ..lost(key.task.clone()) };
            self.make_update(&key, status);
        }
        for framework in frameworks {
            let message = message.to_owned();
            self.tell(&framework, written, Event::Failure { agent: id.clone(), executor: None, message });
            self.pump(&framework);
        }
    }
}

//! Who is there, who is missing, and what time does by itself.

use crate::{Body, Master, effect::AgentStanding, timers::Timer};
use proto_types::{
    AgentId, Principal, TaskState, TaskStatus,
    link::ToAgent,
    registry::Fact,
    scheduling::Event,
    status::{Reason, Source},
};
use std::collections::BTreeSet;

/// When more than one in so many of the agents is missing at once, the fault is likelier on our side of the network:
/// they are then marked one by one.
const MASS_FRACTION: usize = 5;

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
                Timer::Failover(id) => self.on_failover_timeout(&id),
                Timer::FailoverCheckpoint(id) => self.on_failover_checkpoint(&id),
                Timer::Heartbeat(id) => self.on_heartbeat(&id),
            }
        }
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
        if agent.liveness.unanswered >= misses {
            self.on_missing(id);
            return;
        }
        agent.liveness.number += 1;
        agent.liveness.unanswered += 1;
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
        self.last_marked = Some(self.now.monotonic);
        self.mark_unreachable(id);
    }

    /// Whether an agent may be marked now, or should wait because too many are missing at once.
    fn may_mark_now(&self) -> bool {
        let here = self.agents.iter().filter(|(_, agent)| agent.counts() || agent.standing == AgentStanding::Recovered);
        let (all, missing) = here.fold((0_usize, 0_usize), |(all, missing), (_, agent)| {
            let silent = agent.link.is_none() || agent.liveness.unanswered >= self.config.ping_misses;
            (all + 1, missing + usize::from(silent))
        });
        let few = missing <= 1 || missing * MASS_FRACTION <= all;
        few || self.last_marked.is_none_or(|last| self.now.monotonic.since(last) >= self.config.ping_interval)
    }

    fn mark_unreachable(&mut self, id: &AgentId) {
        let wall = self.now.wall;
        let fact = Fact::AgentMarkedUnreachable { agent: id.clone(), since: wall };
        let written = self.out.append(&Principal::anonymous(), fact);
        let Some(agent) = self.agents.change(id) else { return };
        let counted = agent.counts();
        (agent.standing, agent.since, agent.written) = (AgentStanding::Unreachable, wall, Some(written));
        let (link, info) = (agent.link.take(), std::sync::Arc::clone(&agent.info));
        let offers: Vec<_> = agent.offers.iter().cloned().collect();
        let executors = std::mem::take(&mut agent.executors);
        if counted {
            self.roles.subtract_total(&info.resources);
        }
        if let Some(link) = link {
            self.agents.unbind(link);
            self.out.push(None, Body::CloseLink(link));
        }
        self.rescind(offers);
        for executor in executors.values() {
            self.discharge(id, &executor.framework, &executor.role, &executor.info.resources);
        }
        self.tell_unreachable(id, &info.hostname);
        self.clear_agent_filters(id);
        self.agents.account(id);
    }

    fn tell_unreachable(&mut self, id: &AgentId, hostname: &str) {
        let written = self.agents.get(id).and_then(|agent| agent.written);
        let mut frameworks = BTreeSet::new();
        for key in self.tasks_of_agent(id) {
            frameworks.insert(key.framework.clone());
            let message = format!("agent {id} ({hostname}) does not answer; the task may still run there");
            let mut status = TaskStatus::new(key.task.clone(), TaskState::Unreachable, Source::Master, self.now.wall)
                .because(Reason::AgentRemoved, message);
            status.agent = Some(id.clone());
            status.unreachable_since = Some(self.now.wall);
            self.make_update(&key, status);
        }
        for framework in frameworks {
            let message = format!("agent {id} ({hostname}) does not answer");
            self.tell(&framework, written, Event::Failure { agent: id.clone(), executor: None, message });
            self.pump(&framework);
        }
    }
}

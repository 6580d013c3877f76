//! Agents that never come back, by an operator's word or after a long time.

use crate::{Body, Change, LogIndex, Master, effect::AgentStanding, liveness::Was, timers::Timer};
use proto_types::{
    AgentId, Principal, TaskId, TaskState, TaskStatus,
    link::{RefusedReason, ToAgent},
    registry::Fact,
    status::{Reason, Source},
    time::Wall,
};
use std::time::Duration;

/// The least part of [`crate::Config::gone_after`] that a leader waits by its own clock before it gives up an agent that
/// is unreachable since before: a wall clock that jumps ahead says nothing about agents.
const WATCHED_PART: u32 = 14;

impl Master {
    /// Sets when an agent that is unreachable is given up, if it stays away for so long.
    pub(crate) fn arm_giving_up(&mut self, id: &AgentId, left: Duration) {
        let timer = self.timers.set(self.now.monotonic + left, Timer::GivenUp(id.clone()));
        if let Some(agent) = self.agents.change(id) {
            self.timers.cancel(agent.liveness.timer.replace(timer));
        }
    }

    /// How long a new leader waits for an agent that is unreachable since then.
    pub(crate) fn waits_for(&self, since: Wall) -> Duration {
        let away = Duration::from_millis(self.now.wall.0.saturating_sub(since.0));
        self.config.gone_after.saturating_sub(away).max(self.config.gone_after / WATCHED_PART)
    }

    /// The agent has been unreachable for so long that nobody waits for it any more. This is also what ends the doubt
    /// about tasks that nobody knows of but that it might hold.
    pub(crate) fn give_up(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.get(id).filter(|agent| agent.standing == AgentStanding::Unreachable) else {
            return;
        };
        let away = Duration::from_secs(self.now.wall.0.saturating_sub(agent.since.0) / 1000);
        let message = format!("agent {id} ({}) has not answered for {} s", agent.info.hostname, away.as_secs());
        let wall = self.now.wall;
        let lost = |task| {
            TaskStatus::new(task, TaskState::Gone, Source::Master, wall).because(Reason::AgentRemoved, message.clone())
        };
        self.end_agent(id, &Principal::anonymous(), &message, lost);
    }

    /// Has the agent be gone: its tasks are reported so, and if it is there after all it is told to end them. Its id is
    /// dead.
    pub(crate) fn mark_gone(&mut self, id: &AgentId, principal: &Principal) -> Option<LogIndex> {
        let agent = self.agents.get(id)?;
        if agent.standing == AgentStanding::Gone {
            return agent.written;
        }
        let message = format!("agent {id} ({}) was marked gone by an operator", agent.info.hostname);
        let wall = self.now.wall;
        let lost = |task| {
            TaskStatus::new(task, TaskState::GoneByOperator, Source::Master, wall)
                .because(Reason::AgentRemovedByOperator, message.clone())
        };
        self.end_agent(id, principal, &message, lost)
    }

    fn end_agent(
        &mut self,
        id: &AgentId,
        principal: &Principal,
        message: &str,
        lost: impl Fn(TaskId) -> TaskStatus,
    ) -> Option<LogIndex> {
        let agent = self.agents.get(id)?;
        let (was, link, wall) = (Was::of(agent), agent.link, self.now.wall);
        let written = self.out.append(principal, Fact::AgentMarkedGone { agent: id.clone(), since: wall });
        if let Some(link) = link {
            let refused = ToAgent::Refused { reason: RefusedReason::Gone, message: message.to_owned() };
            self.out.send_agent(Some(written), link, refused);
            self.out.push(Some(written), Body::CloseLink(link));
        }
        self.agents.set_gone(id, wall, principal);
        if let Some(agent) = self.agents.change(id) {
            agent.written = Some(written);
            agent.kills.clear();
            agent.strays.clear();
            self.timers.cancel(agent.drain_timer.take());
        }
        self.detach(id, was);
        self.tell_lost(id, message, lost);
        Some(written)
    }

    /// Forgets agents that have been gone for long, and the oldest if there are too many. One with tasks of which a
    /// framework has still to be told stays.
    pub(crate) fn forget_gone(&mut self) {
        let age = u64::try_from(self.config.gone_agents_age.as_millis()).unwrap_or(u64::MAX);
        let excess = self.agents.gone.len().saturating_sub(self.config.gone_agents_max);
        let oldest = self.agents.gone.iter().enumerate();
        let past =
            oldest.take_while(|(index, (since, _))| *index < excess || self.now.wall.0.saturating_sub(since.0) >= age);
        let idle = past.map(|(_, (_, id))| id).filter(|id| self.agents.get(id).is_some_and(|a| a.tasks.is_empty()));
        let forgotten: Vec<AgentId> = idle.cloned().collect();
        for id in forgotten {
            let written = self.out.append(&Principal::anonymous(), Fact::AgentForgotten { agent: id.clone() });
            self.agents.remove(&id);
            self.remember_forgotten_agent(&id);
            self.out.push(Some(written), Body::Changed(Change::AgentRemoved(id)));
        }
    }
}

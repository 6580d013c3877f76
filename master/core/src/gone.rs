//! Agents that never come back, by an operator's word.

use crate::{Body, Change, LogIndex, Master, effect::AgentStanding, liveness::Was};
use proto_types::{
    AgentId, Principal, TaskState, TaskStatus,
    link::{RefusedReason, ToAgent},
    registry::Fact,
    status::{Reason, Source},
};

impl Master {
    /// Has the agent be gone: its tasks are reported so, and if it is there after all it is told to end them. Its id is
    /// dead.
    pub(crate) fn mark_gone(&mut self, id: &AgentId, principal: &Principal) -> Option<LogIndex> {
        let agent = self.agents.get(id)?;
        if agent.standing == AgentStanding::Gone {
            return agent.written;
        }
        let (was, link) = (Was::of(agent), agent.link);
        let message = format!("agent {id} ({}) was marked gone by an operator", agent.info.hostname);
        let wall = self.now.wall;
        let written = self.out.append(principal, Fact::AgentMarkedGone { agent: id.clone(), since: wall });
        if let Some(link) = link {
            let refused = ToAgent::Refused { reason: RefusedReason::Gone, message: message.clone() };
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
        let lost = |task| {
            TaskStatus::new(task, TaskState::GoneByOperator, Source::Master, wall)
                .because(Reason::AgentRemovedByOperator, message.clone())
        };
        self.tell_lost(id, &message, lost);
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
            self.out.push(Some(written), Body::Changed(Change::AgentRemoved(id)));
        }
    }
}

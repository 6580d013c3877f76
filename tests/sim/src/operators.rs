//! What operators do to agents, at random.

use crate::{hosts::AgentIndex, world::World};
use master_core::OperatorCall;
use proto_types::{AgentId, agent::Unavailability, time::Wall};
use std::time::Duration;

impl World {
    /// An operator takes an agent out of use or back, or gives it up.
    pub(crate) fn operate_on(&mut self, index: AgentIndex) {
        let Some(agent) = self.agent(index).id.clone() else { return };
        let skew = self.coordination.leader.map_or(0, |leader| self.master(leader).skew_ms);
        let now = self.kernel.now.now(skew).wall.0;
        let chance = &mut self.kernel.chances.faults;
        let seconds = |count: u64| Duration::from_secs(count);
        let call = match chance.below(12) {
            0..=3 => {
                let max_grace = chance.once_in(2).then(|| seconds(chance.below(5)));
                let deadline = chance.once_in(2).then(|| seconds(chance.below(30)));
                OperatorCall::DrainAgent { agent, max_grace, deadline, mark_gone: chance.once_in(8) }
            }
            4..=5 => OperatorCall::DeactivateAgent(agent),
            6 => OperatorCall::MarkAgentGone(agent),
            7 => {
                let start = now + chance.below(10_000);
                let end = Some(Wall(start + 1_000 + chance.below(20_000)));
                let unavailability = Unavailability { start: Wall(start), end };
                OperatorCall::ScheduleMaintenance { agents: vec![agent], unavailability }
            }
            _ => OperatorCall::ReactivateAgent(agent),
        };
        self.operate(call);
    }

    /// Every agent is offered again.
    pub(crate) fn give_agents_back(&mut self) {
        let agents: Vec<AgentId> = self.agents.iter().filter_map(|agent| agent.id.clone()).collect();
        for agent in agents {
            self.operate(OperatorCall::CancelMaintenance(vec![agent.clone()]));
            self.operate(OperatorCall::ReactivateAgent(agent));
        }
    }
}

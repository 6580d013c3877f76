//! What operators do to agents, at random.

use crate::{hosts::AgentIndex, world::World};
use master_core::OperatorCall;
use proto_types::{agent::Unavailability, time::Wall};
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
            0..=4 => {
                let max_grace = chance.once_in(2).then(|| seconds(chance.below(5)));
                let deadline = chance.once_in(2).then(|| seconds(chance.below(30)));
                OperatorCall::DrainAgent { agent, max_grace, deadline, mark_gone: chance.once_in(8) }
            }
            5..=6 => OperatorCall::DeactivateAgent(agent),
            7 => OperatorCall::MarkAgentGone(agent),
            8..=10 => {
                let start = now + chance.below(10_000);
                let end = Some(Wall(start + 1_000 + chance.below(20_000)));
                let unavailability = Unavailability { start: Wall(start), end };
                OperatorCall::ScheduleMaintenance { agents: vec![agent], unavailability }
            }
            _ => OperatorCall::ReactivateAgent(agent),
        };
        self.operate(call);
    }

    /// An operator has an agent offered again.
    pub(crate) fn give_agent_back(&mut self, index: AgentIndex) {
        let Some(agent) = self.agent(index).id.clone() else { return };
        self.operate(OperatorCall::CancelMaintenance(vec![agent.clone()]));
        self.operate(OperatorCall::ReactivateAgent(agent));
    }
}

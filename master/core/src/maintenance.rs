//! Maintenance that operators plan: offers say when an agent will not be there, it is drained when that begins, and
//! offered again when it ends.

use crate::{LogIndex, Master};
use proto_types::{
    AgentId, Principal,
    agent::{Drain, Duty, Unavailability},
    registry::Fact,
};

impl Master {
    /// Plans the agent's maintenance, in the stead of what was planned before.
    pub(crate) fn schedule_maintenance(
        &mut self,
        id: &AgentId,
        principal: &Principal,
        unavailability: Unavailability,
    ) -> Option<LogIndex> {
        let agent = self.agents.get(id)?;
        if agent.unavailability == Some(unavailability) {
            return agent.written;
        }
        let begun = agent.unavailability.is_some_and(|planned| planned.start <= self.now.wall);
        if begun && unavailability.start > self.now.wall {
            self.end_maintenance(id, principal);
        }
        let fact = Fact::AgentMaintenanceScheduled { agent: id.clone(), unavailability };
        let written = self.out.append(principal, fact);
        self.agents.set_unavailability(id, Some(unavailability), principal);
        // Whoever holds offers has to hear of it: they are made anew.
        self.withdraw(id, written);
        self.keep_maintenance();
        self.agents.get(id)?.written
    }

    /// Takes back what is planned for the agent, and ends what has begun.
    pub(crate) fn cancel_maintenance(&mut self, id: &AgentId, principal: &Principal) -> Option<LogIndex> {
        match self.agents.get(id)?.unavailability {
            Some(_) => self.end_maintenance(id, principal),
            None => self.agents.get(id)?.written,
        }
    }

    /// Begins and ends what is due.
    pub(crate) fn keep_maintenance(&mut self) {
        while let Some((edge, id)) = self.agents.maintenance.first().cloned()
            && edge <= self.now.wall
        {
            self.agents.maintenance.remove(&(edge, id.clone()));
            self.on_maintenance(&id);
        }
    }

    fn on_maintenance(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.get(id) else { return };
        let Some(planned) = agent.unavailability.filter(|planned| planned.start <= self.now.wall) else { return };
        let (duty, principal) = (agent.duty, agent.unavailability_by.clone());
        if planned.end.is_some_and(|end| end <= self.now.wall) {
            self.end_maintenance(id, &principal);
        } else if duty.drain().is_none() {
            // An agent that an operator deactivated is not offered again by the end of its maintenance.
            let drain = Drain { maintenance: duty == Duty::Active, ..Drain::default() };
            self.drain(id, &principal, drain);
        }
    }

    pub(crate) fn end_maintenance(&mut self, id: &AgentId, principal: &Principal) -> Option<LogIndex> {
        let written = self.out.append(principal, Fact::AgentMaintenanceEnded { agent: id.clone() });
        self.agents.end_maintenance(id, principal);
        if self.agents.get(id)?.duty == Duty::Active {
            self.withdraw(id, written);
            self.readmit(id, written);
        } else if let Some(agent) = self.agents.change(id) {
            agent.written = Some(written);
        }
        Some(written)
    }
}

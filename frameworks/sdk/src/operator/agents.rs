//! What operators do to agents.

use super::{Operator, OperatorError, v1};

impl Operator {
    /// Has no more offers made of an agent; its tasks run on.
    ///
    /// # Errors
    /// The call failed.
    pub async fn deactivate_agent(&mut self, agent: &str) -> Result<(), OperatorError> {
        self.ask(|mut client| {
            let request = v1::DeactivateAgentRequest { agent_id: agent.to_owned() };
            async move { client.deactivate_agent(request).await }
        })
        .await
        .map(|_: v1::DeactivateAgentResponse| ())
    }

    /// Has no more offers made of an agent, and ends its tasks.
    ///
    /// # Errors
    /// The call failed.
    pub async fn drain_agent(&mut self, request: v1::DrainAgentRequest) -> Result<(), OperatorError> {
        self.ask(|mut client| {
            let request = request.clone();
            async move { client.drain_agent(request).await }
        })
        .await
        .map(|_: v1::DrainAgentResponse| ())
    }

    /// Has an agent offered again.
    ///
    /// # Errors
    /// The call failed.
    pub async fn reactivate_agent(&mut self, agent: &str) -> Result<(), OperatorError> {
        self.ask(|mut client| {
            let request = v1::ReactivateAgentRequest { agent_id: agent.to_owned() };
            async move { client.reactivate_agent(request).await }
        })
        .await
        .map(|_: v1::ReactivateAgentResponse| ())
    }

    /// Says that an agent never comes back.
    ///
    /// # Errors
    /// The call failed.
    pub async fn mark_agent_gone(&mut self, agent: &str) -> Result<(), OperatorError> {
        self.ask(|mut client| {
            let request = v1::MarkAgentGoneRequest { agent_id: agent.to_owned() };
            async move { client.mark_agent_gone(request).await }
        })
        .await
        .map(|_: v1::MarkAgentGoneResponse| ())
    }

    /// Plans the maintenance of agents.
    ///
    /// # Errors
    /// The call failed.
    pub async fn schedule_maintenance(&mut self, request: v1::ScheduleMaintenanceRequest) -> Result<(), OperatorError> {
        self.ask(|mut client| {
            let request = request.clone();
            async move { client.schedule_maintenance(request).await }
        })
        .await
        .map(|_: v1::ScheduleMaintenanceResponse| ())
    }

    /// Takes back what is planned for agents, or ends the maintenance that has begun.
    ///
    /// # Errors
    /// The call failed.
    pub async fn cancel_maintenance(&mut self, agents: &[String]) -> Result<(), OperatorError> {
        self.ask(|mut client| {
            let request = v1::CancelMaintenanceRequest { agent_ids: agents.to_vec() };
            async move { client.cancel_maintenance(request).await }
        })
        .await
        .map(|_: v1::CancelMaintenanceResponse| ())
    }
}

//! What can be asked of every running cluster, whoever leads it.

use crate::wait::until;
use anyhow::{Context, Result};
use proffer_proto::v1::{self, AgentState, operator_service_client::OperatorServiceClient};
use std::{future::Future, path::Path};
use tonic::transport::Channel;

/// A cluster that runs.
pub trait Running: Sync {
    /// Where everything of it lives.
    fn home(&self) -> &Path;

    /// How many agents it has.
    fn agent_count(&self) -> usize;

    /// The address of the master that leads.
    ///
    /// # Errors
    /// If none does in time.
    fn leader_address(&self) -> impl Future<Output = Result<String>> + Send;

    /// A client for operators, connected to the master that leads.
    ///
    /// # Errors
    /// If the master does not listen.
    fn operator(&self) -> impl Future<Output = Result<OperatorServiceClient<Channel>>> + Send {
        async {
            let address = self.leader_address().await?;
            let channel = Channel::from_shared(format!("http://{address}")).context("address of the master")?;
            Ok(OperatorServiceClient::new(channel.connect().await.context("connect to the master")?))
        }
    }

    /// Waits until every agent is connected.
    ///
    /// # Errors
    /// If they are not, in time.
    fn connected(&self) -> impl Future<Output = Result<()>> + Send {
        async { self.stand(AgentState::Connected, self.agent_count()).await }
    }

    /// Waits until so many agents are in this state.
    ///
    /// # Errors
    /// If they are not, in time.
    fn stand(&self, state: AgentState, count: usize) -> impl Future<Output = Result<()>> + Send {
        async move {
            until(&format!("{count} agents are {}", state.as_str_name()), || async {
                let agents = self.list_agents().await.ok()?;
                (agents.iter().filter(|agent| agent.state() == state).count() == count).then_some(())
            })
            .await
        }
    }

    /// The agents as the master knows them; at most a thousand.
    ///
    /// # Errors
    /// If the master does not answer.
    fn list_agents(&self) -> impl Future<Output = Result<Vec<v1::AgentRecord>>> + Send {
        async {
            let page = Some(v1::Page { size: 1000, token: String::new() });
            let request = v1::ListAgentsRequest { page };
            Ok(self.operator().await?.list_agents(request).await.context("list agents")?.into_inner().agents)
        }
    }

    /// The tasks that are not over, as the master knows them; at most a thousand.
    ///
    /// # Errors
    /// If the master does not answer.
    fn list_tasks(&self) -> impl Future<Output = Result<Vec<v1::TaskRecord>>> + Send {
        async {
            let page = Some(v1::Page { size: 1000, token: String::new() });
            let request = v1::ListTasksRequest { page, active_only: true, ..Default::default() };
            Ok(self.operator().await?.list_tasks(request).await.context("list tasks")?.into_inner().tasks)
        }
    }
}

//! Simulated agents: real links to a real master, one connection each, whose tasks end at once.

use anyhow::{Context, Result};
use futures::StreamExt;
use proffer_proto::v1::{
    AgentInfo, AgentMessage, AgentUpdate, AgentUpdates, MasterMessage, Pong, Register, Resource, TaskState, TaskStatus,
    agent_message, agent_service_client::AgentServiceClient, master_message, resource,
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

/// Simulated agents. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Agents(Vec<JoinHandle<()>>);

impl Agents {
    /// Registers so many agents with so many cpus each.
    ///
    /// # Errors
    /// If the master does not admit one.
    pub(crate) async fn register(master: &str, count: usize, cpus: u64) -> Result<Self> {
        let mut agents = Vec::new();
        for index in 0..count {
            let (sender, messages) = link(master, index, cpus).await?;
            agents.push(tokio::spawn(serve(sender, messages)));
        }
        Ok(Self(agents))
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

async fn link(master: &str, index: usize, cpus: u64) -> Result<(mpsc::Sender<AgentMessage>, Streaming<MasterMessage>)> {
    let endpoint = Channel::from_shared(format!("http://{master}")).context("address of the master")?;
    let channel = endpoint.tcp_nodelay(true).connect().await.context("connect to the master")?;
    let (sender, receiver) = mpsc::channel(256);
    let resources = [("cpus", cpus * 1000), ("mem", cpus * 1_000_000)].map(|(name, milli)| Resource {
        name: name.to_owned(),
        value: Some(resource::Value::ScalarMilli(milli)),
        ..Resource::default()
    });
    let agent =
        AgentInfo { hostname: format!("simulated{index}"), resources: resources.into(), ..AgentInfo::default() };
    let register = Register { agent: Some(agent), ..Register::default() };
    let register = AgentMessage { message: Some(agent_message::Message::Register(register)) };
    sender.send(register).await.context("register")?;
    let messages = AgentServiceClient::new(channel).link(ReceiverStream::new(receiver)).await;
    Ok((sender, messages.context("open a link")?.into_inner()))
}

async fn serve(sender: mpsc::Sender<AgentMessage>, mut messages: Streaming<MasterMessage>) {
    while let Some(Ok(message)) = messages.next().await {
        let answer = match message.message {
            Some(master_message::Message::Ping(ping)) => agent_message::Message::Pong(Pong { number: ping.number }),
            Some(master_message::Message::Launch(launch)) => {
                let tasks = launch.launch.map(|launch| launch.tasks).unwrap_or_default();
                let update = |task: proffer_proto::v1::TaskInfo| AgentUpdate {
                    framework_id: launch.framework_id.clone(),
                    status: Some(finished(task.id)),
                };
                agent_message::Message::Updates(AgentUpdates { updates: tasks.into_iter().map(update).collect() })
            }
            _ => continue,
        };
        if sender.send(AgentMessage { message: Some(answer) }).await.is_err() {
            return;
        }
    }
}

fn finished(task_id: String) -> TaskStatus {
    let mut status = TaskStatus { task_id, sequence: 1, exit_code: Some(0), ..TaskStatus::default() };
    status.set_state(TaskState::TaskFinished);
    status.set_source(proffer_proto::v1::Source::Executor);
    status
}

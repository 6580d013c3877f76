//! Simulated agents: real links to a real master, whose tasks end at once.

use anyhow::{Context, Result, bail};
use futures::StreamExt;
use proffer_proto::v1::{
    AgentInfo, AgentMessage, AgentTask, AgentUpdate, AgentUpdates, MasterMessage, Pong, Register, Resource, TaskState,
    TaskStatus, agent_message, agent_service_client::AgentServiceClient, master_message, resource,
};
use std::time::Duration;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, transport::Channel};

/// A simulated agent.
#[derive(Debug)]
pub(crate) struct Agent {
    info: AgentInfo,
    tasks: Vec<AgentTask>,
    id: String,
    cluster: String,
    epoch: u64,
    /// Over how long agents spread when another master leads, as the last one said.
    pub(crate) reconnect_within: Duration,
}

/// Its link to a master, which has admitted it.
#[derive(Debug)]
pub(crate) struct Link {
    sender: mpsc::Sender<AgentMessage>,
    messages: Streaming<MasterMessage>,
}

/// Simulated agents with a connection each. They end when this is dropped.
#[derive(Debug)]
pub(crate) struct Agents(Vec<JoinHandle<()>>);

/// A connection to a master.
///
/// # Errors
/// If there is none.
pub(crate) async fn connect(master: &str) -> Result<Channel> {
    let endpoint = Channel::from_shared(format!("http://{master}")).context("address of the master")?;
    endpoint.tcp_nodelay(true).connect().await.context("connect to the master")
}

impl Agent {
    /// One of this number, which no master has seen, with so many cpus.
    pub(crate) fn new(index: usize, cpus: u64) -> Self {
        let resources = [("cpus", cpus * 1000), ("mem", cpus * 1_000_000)].map(|(name, milli)| Resource {
            name: name.to_owned(),
            value: Some(resource::Value::ScalarMilli(milli)),
            ..Resource::default()
        });
        let info =
            AgentInfo { hostname: format!("simulated{index}"), resources: resources.into(), ..AgentInfo::default() };
        let (id, cluster) = (String::new(), String::new());
        Self { info, tasks: Vec::new(), id, cluster, epoch: 0, reconnect_within: Duration::ZERO }
    }

    /// The same with tasks that run.
    pub(crate) fn with_tasks(self, tasks: Vec<AgentTask>) -> Self {
        Self { tasks, ..self }
    }

    /// Opens a link over a connection and waits until the master has admitted the agent.
    ///
    /// # Errors
    /// If it does not.
    pub(crate) async fn register(&mut self, channel: Channel) -> Result<Link> {
        let (sender, receiver) = mpsc::channel(256);
        let register = Register {
            agent_id: self.id.clone(),
            cluster_id: self.cluster.clone(),
            agent: Some(self.info.clone()),
            epoch: self.epoch,
            tasks: self.tasks.clone(),
            ..Register::default()
        };
        let register = AgentMessage { message: Some(agent_message::Message::Register(register)) };
        sender.send(register).await.context("register")?;
        let messages = AgentServiceClient::new(channel).link(ReceiverStream::new(receiver)).await;
        let mut messages = messages.context("open a link")?.into_inner();
        let answer = messages.message().await.context("register")?.context("the master closed the link")?;
        let Some(master_message::Message::Registered(registered)) = answer.message else {
            bail!("the master does not admit the agent: {answer:?}")
        };
        (self.id, self.cluster, self.epoch) = (registered.agent_id, registered.cluster_id, answer.epoch);
        self.reconnect_within = Duration::from_millis(registered.reconnect_within_ms);
        Ok(Link { sender, messages })
    }
}

impl Agents {
    /// Registers so many agents with so many cpus each.
    ///
    /// # Errors
    /// If the master does not admit one.
    pub(crate) async fn register(master: &str, count: usize, cpus: u64) -> Result<Self> {
        let mut agents = Vec::new();
        for index in 0..count {
            let link = Agent::new(index, cpus).register(connect(master).await?).await?;
            agents.push(tokio::spawn(link.serve()));
        }
        Ok(Self(agents))
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

impl Link {
    /// Answers pings, and ends tasks as soon as they are launched, until the link ends.
    pub(crate) async fn serve(mut self) {
        while let Some(Ok(message)) = self.messages.next().await {
            let Some(answer) = message.message.and_then(answer) else { continue };
            if self.sender.send(AgentMessage { message: Some(answer) }).await.is_err() {
                return;
            }
        }
    }
}

fn answer(message: master_message::Message) -> Option<agent_message::Message> {
    match message {
        master_message::Message::Ping(ping) => Some(agent_message::Message::Pong(Pong { number: ping.number })),
        master_message::Message::Launch(launch) => {
            let tasks = launch.launch.map(|launch| launch.tasks).unwrap_or_default();
            let update = |task: proffer_proto::v1::TaskInfo| AgentUpdate {
                framework_id: launch.framework_id.clone(),
                status: Some(finished(task.id)),
            };
            let updates = tasks.into_iter().map(update).collect();
            Some(agent_message::Message::Updates(AgentUpdates { updates }))
        }
        _ => None,
    }
}

fn finished(task_id: String) -> TaskStatus {
    let mut status = TaskStatus { task_id, sequence: 1, exit_code: Some(0), ..TaskStatus::default() };
    status.set_state(TaskState::TaskFinished);
    status.set_source(proffer_proto::v1::Source::Executor);
    status
}

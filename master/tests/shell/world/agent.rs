//! An agent: a link, and nothing behind it.

use proffer_proto::v1::{
    self, agent_message::Message as FromAgent, agent_service_client::AgentServiceClient,
    master_message::Message as ToAgent,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, transport::Channel};

pub(crate) struct Agent {
    pub(crate) id: String,
    sender: mpsc::Sender<v1::AgentMessage>,
    messages: Streaming<v1::MasterMessage>,
    channel: Channel,
}

impl Agent {
    /// Opens a link and says this first.
    pub(crate) async fn link(channel: &Channel, register: v1::Register) -> Self {
        let (sender, receiver) = mpsc::channel(1024);
        let mut client = AgentServiceClient::new(channel.clone());
        let messages = client.link(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        let agent = Self { id: String::new(), sender, messages, channel: channel.clone() };
        agent.say(FromAgent::Register(register)).await;
        agent
    }

    /// Registers with these cpus; with an id, as the agent that it was before.
    pub(crate) async fn register(channel: &Channel, id: &str, hostname: &str, cpus: u64) -> Self {
        let resources = [("cpus", cpus * 1000), ("mem", cpus * 1_000_000)].map(|(name, milli)| v1::Resource {
            name: name.to_owned(),
            value: Some(v1::resource::Value::ScalarMilli(milli)),
            ..v1::Resource::default()
        });
        let info =
            v1::AgentInfo { hostname: hostname.to_owned(), resources: resources.into(), ..v1::AgentInfo::default() };
        let register = v1::Register { agent_id: id.to_owned(), agent: Some(info), ..v1::Register::default() };
        let mut agent = Self::link(channel, register).await;
        match agent.hear().await.unwrap() {
            Some(ToAgent::Registered(registered)) => agent.id = registered.agent_id,
            other => panic!("not registered: {other:?}"),
        }
        agent
    }

    pub(crate) async fn say(&self, message: FromAgent) {
        self.sender.send(v1::AgentMessage { message: Some(message) }).await.unwrap();
    }

    /// What the master says next, besides pings; nothing: it ended the link.
    pub(crate) async fn hear(&mut self) -> Result<Option<ToAgent>, Status> {
        while let Some(message) = self.messages.message().await? {
            match message.message.unwrap() {
                ToAgent::Ping(ping) => self.say(FromAgent::Pong(v1::Pong { number: ping.number })).await,
                other => return Ok(Some(other)),
            }
        }
        Ok(None)
    }

    pub(crate) async fn launched(&mut self) -> v1::AgentLaunch {
        match self.hear().await.unwrap() {
            Some(ToAgent::Launch(launch)) => launch,
            other => panic!("no launch: {other:?}"),
        }
    }

    pub(crate) async fn finish(&self, framework: &str, task: &str) {
        let mut status =
            v1::TaskStatus { task_id: task.to_owned(), sequence: 1, exit_code: Some(0), ..v1::TaskStatus::default() };
        status.set_state(v1::TaskState::TaskFinished);
        status.set_source(v1::Source::Executor);
        let update = v1::AgentUpdate { framework_id: framework.to_owned(), status: Some(status) };
        self.say(FromAgent::Updates(v1::AgentUpdates { updates: vec![update] })).await;
    }

    /// Opens a data stream that says this and stays open until its sender is dropped; what is left of it.
    pub(crate) async fn data(
        &self,
        data: impl IntoIterator<Item = v1::agent_data::Data>,
    ) -> Result<(mpsc::Sender<v1::AgentData>, Streaming<v1::MasterData>), Status> {
        let (sender, receiver) = mpsc::channel(16);
        for data in data {
            sender.send(v1::AgentData { data: Some(data) }).await.unwrap();
        }
        let mut client = AgentServiceClient::new(self.channel.clone());
        Ok((sender, client.data(ReceiverStream::new(receiver)).await?.into_inner()))
    }
}

//! Single messages that are lost, doubled or late, by name and recipient.

use crate::{
    hosts::Host,
    network::{CallResult, Packet},
    time,
    zookeeper::{FromZooKeeper, ToZooKeeper},
};
use coordination_core::{Answer, Request};
use proto_types::{
    link::{FromAgent, ToAgent},
    scheduling::{Call, Event, Reply},
};
use std::{fmt, time::Duration};

/// What is done to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    /// It never arrives. Where it travels on a stream, the stream breaks there: streams are whole until they break.
    Lose,
    /// It arrives twice.
    Double,
    /// It arrives so much later, and what follows on its stream not before it.
    Delay(Duration),
}

/// Messages that are singled out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interference {
    /// The name of the message.
    pub message: String,
    /// To whom.
    pub to: Host,
    /// What is done to it.
    pub trick: Trick,
    /// To the next so many of them.
    pub times: u32,
}

impl Trick {
    /// How much later a message arrives.
    #[must_use]
    pub fn delay(self) -> Duration {
        match self {
            Self::Delay(delay) => delay,
            Self::Lose | Self::Double => Duration::ZERO,
        }
    }
}

impl fmt::Display for Trick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lose => f.write_str("lost"),
            Self::Double => f.write_str("doubled"),
            Self::Delay(delay) => write!(f, "late by {}", time::seconds(*delay)),
        }
    }
}

/// The names of all messages.
pub const NAMES: &[&str] = &[
    "link",
    "subscribe",
    "refused",
    "not-leader",
    "end",
    "register",
    "updates",
    "pong",
    "message",
    "exited",
    "registered",
    "launch",
    "kill",
    "acknowledge",
    "ping",
    "shutdown",
    "reconcile",
    "subscribed",
    "offers",
    "rescinded",
    "failure",
    "heartbeat",
    "closed",
    "accept",
    "decline",
    "revive",
    "suppress",
    "update-framework",
    "teardown",
    "explain",
    "verdicts",
    "declined",
    "answers",
    "sent",
    "explanation",
    "done",
    "refusal",
    "lost",
    "open",
    "create",
    "get",
    "watch",
    "list",
    "delete",
    "close",
    "opened",
    "created",
    "data",
    "names",
    "deleted",
    "answer",
    "changed",
];

/// The name of a message on a stream.
#[must_use]
pub fn packet(packet: &Packet) -> &'static str {
    match packet {
        Packet::AgentLink => "link",
        Packet::FromAgent(message) => from_agent(message),
        Packet::ToAgent(_, message) => to_agent(message),
        Packet::Subscribe(_) => "subscribe",
        Packet::Event(event) => self::event(&event.event),
        Packet::Refused(_) => "refused",
        Packet::NotLeader(_) => "not-leader",
        Packet::ToZooKeeper(message) => to_zookeeper(message),
        Packet::FromZooKeeper(message) => from_zookeeper(message),
        Packet::End => "end",
    }
}

fn to_zookeeper(message: &ToZooKeeper) -> &'static str {
    match message {
        ToZooKeeper::Look | ToZooKeeper::Open(..) => "open",
        ToZooKeeper::Ask(_, request) => match request {
            Request::Create { .. } => "create",
            Request::Get { .. } => "get",
            Request::Watch { .. } => "watch",
            Request::List { .. } => "list",
            Request::Delete { .. } => "delete",
        },
        ToZooKeeper::Close => "close",
    }
}

fn from_zookeeper(message: &FromZooKeeper) -> &'static str {
    match message {
        FromZooKeeper::Opened(_) => "opened",
        FromZooKeeper::Answer(_, answer) => match answer {
            Answer::Created(_) => "created",
            Answer::Data(_) => "data",
            Answer::Names(_) => "names",
            Answer::Deleted => "deleted",
            Answer::Taken | Answer::Found | Answer::Missing | Answer::Lost | Answer::Refused(_) => "answer",
        },
        FromZooKeeper::Changed(_) => "changed",
    }
}

fn from_agent(message: &FromAgent) -> &'static str {
    match message {
        FromAgent::Register(_) => "register",
        FromAgent::Updates(_) => "updates",
        FromAgent::Pong(_) => "pong",
        FromAgent::Message(_) => "message",
        FromAgent::ExecutorExited { .. } => "exited",
    }
}

fn to_agent(message: &ToAgent) -> &'static str {
    match message {
        ToAgent::Registered { .. } => "registered",
        ToAgent::Refused { .. } => "refused",
        ToAgent::Launch(_) => "launch",
        ToAgent::Kill { .. } => "kill",
        ToAgent::Acknowledge(_) => "acknowledge",
        ToAgent::Ping(_) => "ping",
        ToAgent::ShutdownFramework(_) => "shutdown",
        ToAgent::Message(_) => "message",
    }
}

fn event(event: &Event) -> &'static str {
    match event {
        Event::Subscribed { .. } => "subscribed",
        Event::Offers(_) => "offers",
        Event::Rescinded(_) => "rescinded",
        Event::Updates(_) => "updates",
        Event::Message { .. } => "message",
        Event::Failure { .. } => "failure",
        Event::Heartbeat => "heartbeat",
        Event::Closed { .. } => "closed",
    }
}

/// The name of a call.
#[must_use]
pub fn call(call: &Call) -> &'static str {
    match call {
        Call::Accept(_) => "accept",
        Call::Decline { .. } => "decline",
        Call::Revive(_) => "revive",
        Call::Suppress(_) => "suppress",
        Call::Kill { .. } => "kill",
        Call::Acknowledge(_) => "acknowledge",
        Call::Reconcile { .. } => "reconcile",
        Call::SendMessage { .. } => "message",
        Call::UpdateFramework { .. } => "update-framework",
        Call::Teardown => "teardown",
        Call::Explain(_) => "explain",
    }
}

/// The name of what a call ends with.
#[must_use]
pub fn result(result: &CallResult) -> &'static str {
    match result {
        CallResult::Answered(Ok(reply)) => match reply {
            Reply::Verdicts(_) => "verdicts",
            Reply::Declined(_) => "declined",
            Reply::Answers { .. } => "answers",
            Reply::Sent(_) => "sent",
            Reply::Explanation(_) => "explanation",
            Reply::Done => "done",
        },
        CallResult::Answered(Err(_)) => "refusal",
        CallResult::NotLeader(_) => "not-leader",
        CallResult::Lost => "lost",
    }
}

//! How many bytes things have on the wire, about: enough to bound what waits for a reader, without encoding it twice.

use crate::{driver::LinkMessage, queue::Item};
use proto_types::{
    AgentInfo, Labels, TaskInfo, TaskStatus,
    link::{AgentLaunch, ToAgent},
    scheduling::{Event, NumberedEvent},
    task::{Command, ExecutorInfo},
};
use std::sync::Arc;

/// Of anything, for what is not looked at: ids, numbers, tags.
const BASE: usize = 64;

/// Of an acknowledgement: two ids and a number.
const ACKNOWLEDGEMENT: usize = 80;

/// Acknowledgements in one message at most, so that it stays below the size of a message even if every id is long.
const ACKNOWLEDGEMENTS_MAX: usize = 1000;

impl Item for Arc<NumberedEvent> {
    fn weight(&self) -> usize {
        BASE + match &self.event {
            Event::Offers(offers) => offers
                .iter()
                .map(|offer| 2 * BASE + agent(&offer.agent_info) + BASE * offer.resources.iter().len())
                .sum(),
            Event::Rescinded(offers) => offers.len() * BASE,
            Event::Updates(statuses) => statuses.iter().map(status).sum(),
            Event::Message { data, .. } => data.len(),
            Event::Subscribed { .. } | Event::Failure { .. } | Event::Heartbeat | Event::Closed { .. } => BASE,
        }
    }

    /// Events are numbered one by one.
    fn join(&mut self, next: Self) -> Option<Self> {
        Some(next)
    }
}

impl Item for LinkMessage {
    fn weight(&self) -> usize {
        BASE + match self {
            Self::Control(ToAgent::Launch(launched)) => launch(launched),
            Self::Control(ToAgent::Kill { tasks, .. }) => tasks.len() * BASE,
            Self::Control(ToAgent::Acknowledge(known)) => known.len() * ACKNOWLEDGEMENT,
            Self::Control(ToAgent::Reconcile(tasks)) => tasks.len() * BASE,
            Self::Control(ToAgent::Message(message)) => message.data.len(),
            Self::Control(
                ToAgent::Registered { .. } | ToAgent::Refused { .. } | ToAgent::Ping(_) | ToAgent::ShutdownFramework(_),
            )
            | Self::OpenData(_) => BASE,
        }
    }

    /// Acknowledgements that wait behind each other are one message.
    fn join(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Control(ToAgent::Acknowledge(known)), Self::Control(ToAgent::Acknowledge(more)))
                if known.len() + more.len() <= ACKNOWLEDGEMENTS_MAX =>
            {
                known.extend(more);
                None
            }
            (_, next) => Some(next),
        }
    }
}

fn agent(info: &AgentInfo) -> usize {
    // The resources of the whole agent are not in an offer.
    BASE + info.hostname.len() + info.isolation.len() + BASE * info.attributes.0.len()
}

fn status(status: &TaskStatus) -> usize {
    2 * BASE + status.message.len() + status.data.len() + labels(&status.labels)
}

fn launch(launched: &AgentLaunch) -> usize {
    let executor = launched.launch.executor.as_ref().map_or(0, executor);
    executor + launched.launch.tasks.iter().map(|launched| task(launched)).sum::<usize>()
}

fn executor(info: &ExecutorInfo) -> usize {
    BASE + command(&info.command) + info.data.len()
}

fn task(info: &TaskInfo) -> usize {
    let resources = BASE * info.resources.iter().len();
    2 * BASE + info.name.len() + resources + command(&info.command) + labels(&info.labels) + info.data.len()
}

fn command(command: &Command) -> usize {
    let arguments: usize = command.arguments.iter().map(String::len).sum();
    let uris: usize = command.uris.iter().map(|uri| BASE + uri.value.len()).sum();
    command.value.len() + arguments + uris + labels(&command.environment)
}

fn labels(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len() + 4).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_types::TaskKey;

    fn acknowledge(count: u64) -> LinkMessage {
        let key = TaskKey { framework: "F1-1".parse().unwrap(), task: "t".parse().unwrap() };
        LinkMessage::Control(ToAgent::Acknowledge((1..=count).map(|sequence| (key.clone(), sequence)).collect()))
    }

    #[test]
    fn acknowledgements_join_up_to_a_message() {
        let mut first = acknowledge(2);
        assert!(first.join(acknowledge(3)).is_none());
        assert_eq!(first.weight(), acknowledge(5).weight());
        assert!(first.join(acknowledge(ACKNOWLEDGEMENTS_MAX as u64)).is_some());
        assert!(first.join(LinkMessage::Control(ToAgent::Ping(1))).is_some());
    }
}

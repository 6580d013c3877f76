//! How much of what waits for a reader weighs, so that it can be bounded.

use crate::{driver::LinkMessage, queue::Item};
use proto_types::{
    link::ToAgent,
    scheduling::{Event, NumberedEvent},
    weight::{BASE, Weigh as _},
};
use std::sync::Arc;

/// Of an acknowledgement: two ids and a number.
const ACKNOWLEDGEMENT: usize = 80;

/// Acknowledgements in one message at most, so that it stays below the size of a message even if every id is long.
const ACKNOWLEDGEMENTS_MAX: usize = 1000;

impl Item for Arc<NumberedEvent> {
    fn weight(&self) -> usize {
        BASE + match &self.event {
            Event::Offers(offers) => offers.iter().map(|offer| offer.weight()).sum(),
            Event::Rescinded(offers) => offers.len() * BASE,
            Event::Updates(statuses) => statuses.iter().map(|status| status.weight()).sum(),
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
            Self::Control(ToAgent::Launch(launch)) => launch.weight(),
            Self::Control(ToAgent::Kill { tasks, .. }) => tasks.len() * BASE,
            Self::Control(ToAgent::Acknowledge(known)) => known.len() * ACKNOWLEDGEMENT,
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

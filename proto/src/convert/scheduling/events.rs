//! What a scheduler is told.

use crate::{
    convert::{
        Invalid,
        at::{At, list, required},
        offer::offer,
        readable,
        task_status::from_master,
        text::{
            executor_id, framework_id, id, message_data, millis, offer_ids, optional_id, or_empty, texts, to_millis,
        },
    },
    v1::{self, event::Event as WireEvent},
};
use proto_types::{
    Epoch,
    scheduling::{CloseReason, Event, NumberedEvent},
};

readable! { v1::Event => NumberedEvent: numbered_event; }

fn numbered_event(wire: v1::Event, at: &At<'_>) -> Result<NumberedEvent, Invalid> {
    let event = event(required(wire.event, &at.field("event"))?, at)?;
    Ok(NumberedEvent { number: wire.number, epoch: Epoch(wire.epoch), event })
}

fn event(wire: WireEvent, at: &At<'_>) -> Result<Event, Invalid> {
    Ok(match wire {
        WireEvent::Subscribed(wire) => subscribed(wire, &at.field("subscribed"))?,
        WireEvent::Offers(wire) => Event::Offers(list(wire.offers, &at.field("offers").field("offers"), offer)?),
        WireEvent::Rescinded(wire) => {
            Event::Rescinded(offer_ids(wire.offer_ids, &at.field("rescinded").field("offer_ids"))?)
        }
        WireEvent::Updates(wire) => {
            Event::Updates(list(wire.statuses, &at.field("updates").field("statuses"), from_master)?)
        }
        WireEvent::Message(wire) => {
            let at = at.field("message");
            Event::Message {
                agent: id(&wire.agent_id, &at.field("agent_id"))?,
                executor: executor_id(&wire.executor_id, &at)?,
                data: message_data(wire.data, &at.field("data"))?,
            }
        }
        WireEvent::Failure(wire) => {
            let at = at.field("failure");
            Event::Failure {
                agent: id(&wire.agent_id, &at.field("agent_id"))?,
                executor: optional_id(&wire.executor_id, &at.field("executor_id"))?,
                message: wire.message,
            }
        }
        WireEvent::Heartbeat(v1::Heartbeat {}) => Event::Heartbeat,
        WireEvent::Closed(wire) => Event::Closed { reason: close_reason(wire.reason), message: wire.message },
    })
}

fn subscribed(wire: v1::Subscribed, at: &At<'_>) -> Result<Event, Invalid> {
    Ok(Event::Subscribed {
        framework: framework_id(&wire.framework_id, at)?,
        session: id(&wire.session_id, &at.field("session_id"))?,
        cluster: id(&wire.cluster_id, &at.field("cluster_id"))?,
        heartbeat_interval: millis(wire.heartbeat_interval_ms),
        resumed: wire.resumed,
        version: wire.master_version,
    })
}

/// A reason that is not said, or that only a newer master knows, means: subscribe again, wherever the leader is.
fn close_reason(number: i32) -> CloseReason {
    match v1::CloseReason::try_from(number) {
        Ok(v1::CloseReason::Superseded) => CloseReason::Superseded,
        Ok(v1::CloseReason::Reconnected) => CloseReason::Reconnected,
        Ok(v1::CloseReason::Removed) => CloseReason::Removed,
        Ok(v1::CloseReason::TooSlow) => CloseReason::TooSlow,
        Ok(v1::CloseReason::LeadershipLost | v1::CloseReason::Unspecified) | Err(_) => CloseReason::LeadershipLost,
    }
}

impl From<NumberedEvent> for v1::Event {
    fn from(event: NumberedEvent) -> Self {
        (&event).into()
    }
}

/// Events are shared with the ring that a broken stream resumes from.
impl From<&NumberedEvent> for v1::Event {
    fn from(event: &NumberedEvent) -> Self {
        Self { number: event.number, epoch: event.epoch.0, event: Some((&event.event).into()) }
    }
}

impl From<&Event> for WireEvent {
    fn from(event: &Event) -> Self {
        match event {
            Event::Subscribed { framework, session, cluster, heartbeat_interval, resumed, version } => {
                Self::Subscribed(v1::Subscribed {
                    framework_id: framework.to_string(),
                    session_id: session.to_string(),
                    cluster_id: cluster.to_string(),
                    heartbeat_interval_ms: to_millis(*heartbeat_interval),
                    resumed: *resumed,
                    master_version: version.clone(),
                })
            }
            Event::Offers(offers) => Self::Offers(v1::Offers { offers: offers.iter().map(Into::into).collect() }),
            Event::Rescinded(offers) => Self::Rescinded(v1::Rescinded { offer_ids: texts(offers) }),
            Event::Updates(statuses) => {
                Self::Updates(v1::Updates { statuses: statuses.iter().map(Into::into).collect() })
            }
            Event::Message { agent, executor, data } => Self::Message(v1::ExecutorMessage {
                agent_id: agent.to_string(),
                executor_id: executor.to_string(),
                data: data.clone(),
            }),
            Event::Failure { agent, executor, message } => Self::Failure(v1::Failure {
                agent_id: agent.to_string(),
                executor_id: or_empty(executor.as_ref()),
                message: message.clone(),
            }),
            Event::Heartbeat => Self::Heartbeat(v1::Heartbeat {}),
            Event::Closed { reason, message } => {
                Self::Closed(v1::Closed { reason: v1::CloseReason::from(*reason).into(), message: message.clone() })
            }
        }
    }
}

impl From<CloseReason> for v1::CloseReason {
    fn from(reason: CloseReason) -> Self {
        match reason {
            CloseReason::Superseded => Self::Superseded,
            CloseReason::Reconnected => Self::Reconnected,
            CloseReason::Removed => Self::Removed,
            CloseReason::TooSlow => Self::TooSlow,
            CloseReason::LeadershipLost => Self::LeadershipLost,
        }
    }
}

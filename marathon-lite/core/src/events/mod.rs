//! What subscribers of the event stream are told.
//!
//! Fields are Marathon's, as its code wrote them. Where a consumer may read either of `taskId` and `instanceId`, both are
//! there. New are the ids: a subscriber that comes back says which event it saw last, and gets the rest.

mod apps;
mod deployments;
mod filter;
mod frame;
mod health;
mod instances;
mod log;
mod system;

#[cfg(test)]
mod tests;

pub use apps::{
    api_post, app_terminated, group_change_failed, group_change_success, pod_created, pod_deleted, pod_updated,
};
pub use deployments::{
    deployment_failed, deployment_info, deployment_step_failure, deployment_step_success, deployment_success, plan,
    step,
};
pub use filter::Filter;
pub use frame::{HEARTBEAT, frame};
pub use health::{
    add_health_check, failed_health_check, health_status_changed, instance_health_changed, remove_health_check,
    unhealthy_instance_kill,
};
pub use instances::{instance_changed, status_update, unknown_instance_terminated};
pub use log::{EventId, EventLog, LogLimits, Replay, Told};
pub use system::{
    event_stream_attached, event_stream_detached, events_lost, framework_message, scheduler_disconnected,
    scheduler_registered, scheduler_reregistered, subscribe, unsubscribe,
};

use crate::app::Timestamp;
use serde_json::{Map, Value};

/// An event, as it is told. Its fields are those of Marathon's.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `eventType`.
    pub kind: &'static str,
    /// When.
    pub timestamp: Timestamp,
    /// Everything else.
    pub fields: Map<String, Value>,
}

impl Event {
    /// One with these fields.
    fn new<const N: usize>(kind: &'static str, timestamp: Timestamp, fields: [(&str, Value); N]) -> Self {
        let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { kind, timestamp, fields }
    }

    /// The event as JSON, on one line.
    #[must_use]
    pub fn json(&self) -> String {
        let mut all = self.fields.clone();
        all.insert("eventType".to_owned(), self.kind.into());
        all.insert("timestamp".to_owned(), self.timestamp.to_string().into());
        Value::Object(all).to_string()
    }
}

/// Anything that is written as text.
fn text(value: &impl ToString) -> Value {
    Value::String(value.to_string())
}

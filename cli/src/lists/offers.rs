//! `proffer offers`.

use super::{ListOptions, agents::unavailability, show};
use crate::output::{Listed, resources};
use anyhow::Result;
use proffer_framework::operator::v1;
use serde_json::{Value, json};
use std::process::ExitCode;

impl Listed for v1::Offer {
    const COLUMNS: &'static [&'static str] = &["offer", "framework", "role", "agent", "hostname", "resources"];

    fn cells(&self) -> Vec<String> {
        let hostname = self.agent.as_ref().map(|agent| agent.hostname.clone()).unwrap_or_default();
        vec![
            self.id.clone(),
            self.framework_id.clone(),
            self.role.clone(),
            self.agent_id.clone(),
            hostname,
            resources(&self.resources),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id, "framework_id": self.framework_id, "role": self.role, "agent_id": self.agent_id,
            "hostname": self.agent.as_ref().map(|agent| agent.hostname.clone()),
            "resources": resources(&self.resources),
            "unavailability": self.unavailability.map(unavailability),
        })
    }
}

pub(crate) async fn run(options: ListOptions) -> Result<ExitCode> {
    show(&options, v1::WatchKind::Offers, async |operator| operator.offers().await).await
}

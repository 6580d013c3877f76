//! `proffer frameworks`.

use super::{ListOptions, show};
use crate::output::{Listed, ago, resources};
use anyhow::Result;
use proffer_framework::operator::v1;
use serde_json::{Value, json};
use std::process::ExitCode;

impl Listed for v1::FrameworkRecord {
    const COLUMNS: &'static [&'static str] =
        &["framework", "name", "state", "roles", "#tasks", "used", "offered", "registered"];

    fn cells(&self) -> Vec<String> {
        let info = self.info.clone().unwrap_or_default();
        vec![
            self.id.clone(),
            info.name,
            state(self).to_owned(),
            info.roles.join(","),
            self.tasks.to_string(),
            resources(&self.used),
            resources(&self.offered),
            ago(self.registered_ms),
        ]
    }

    fn json(&self) -> Value {
        let info = self.info.clone().unwrap_or_default();
        json!({
            "id": self.id, "name": info.name, "state": state(self), "roles": info.roles,
            "suppressed_roles": self.suppressed_roles, "tasks": self.tasks, "used": resources(&self.used),
            "offered": resources(&self.offered), "principal": self.principal, "hostname": info.hostname,
            "webui_url": info.webui_url, "failover_timeout_ms": info.failover_timeout_ms,
            "incarnation": self.incarnation, "deadline_ms": self.deadline_ms, "registered_ms": self.registered_ms,
            "labels": info.labels,
        })
    }
}

fn state(framework: &v1::FrameworkRecord) -> &'static str {
    match (framework.removed, framework.connected) {
        (true, _) => "REMOVED",
        (false, true) => "CONNECTED",
        (false, false) => "DISCONNECTED",
    }
}

pub(crate) async fn run(options: ListOptions) -> Result<ExitCode> {
    show(&options, v1::WatchKind::Frameworks, async |operator| operator.frameworks().await).await
}

//! `proffer frameworks`.

use super::{ListOptions, show};
use crate::output::{Listed, ago, resources};
use anyhow::Result;
use clap::Args;
use proffer_framework::operator::{Operator, v1};
use serde_json::{Value, json};
use std::process::ExitCode;

/// What `frameworks` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    list: ListOptions,
    /// Show those that were removed, too.
    #[arg(long)]
    all: bool,
}

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

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let fetch = async |operator: &mut Operator| {
        let mut frameworks = operator.frameworks().await?;
        frameworks.retain(|framework| options.all || !framework.removed);
        Ok(frameworks)
    };
    show(&options.list, v1::WatchKind::Frameworks, fetch).await
}

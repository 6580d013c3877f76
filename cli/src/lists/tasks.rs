//! `proffer tasks`.

use super::{ListOptions, show};
use crate::{
    output::{Listed, ago, resources},
    subject::state_name,
};
use anyhow::Result;
use clap::Args;
use proffer_framework::operator::{TaskFilter, v1};
use serde_json::{Value, json};
use std::process::ExitCode;

/// What `tasks` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    list: ListOptions,
    /// Only of this framework.
    #[arg(long, value_name = "ID", default_value = "")]
    framework: String,
    /// Only on this agent.
    #[arg(long, value_name = "ID", default_value = "")]
    agent: String,
    /// Leave out tasks that are over.
    #[arg(long)]
    active: bool,
}

impl Listed for v1::TaskRecord {
    const COLUMNS: &'static [&'static str] =
        &["task", "name", "framework", "state", "since", "hostname", "resources", "message"];

    fn cells(&self) -> Vec<String> {
        let info = self.info.clone().unwrap_or_default();
        let latest = self.latest.as_ref();
        let healthy = match latest.and_then(|status| status.healthy) {
            Some(true) => " healthy",
            Some(false) => " unhealthy",
            None => "",
        };
        vec![
            self.id.clone(),
            info.name,
            self.framework_id.clone(),
            format!("{}{healthy}", state_name(latest)),
            latest.map_or_else(|| "-".to_owned(), |status| ago(status.timestamp_ms)),
            self.hostname.clone(),
            resources(&info.resources),
            latest.map(|status| status.message.clone()).unwrap_or_default(),
        ]
    }

    fn json(&self) -> Value {
        let info = self.info.clone().unwrap_or_default();
        let latest = self.latest.clone().unwrap_or_default();
        let container = latest.container.clone().unwrap_or_default();
        json!({
            "id": self.id, "name": info.name, "framework_id": self.framework_id, "agent_id": self.agent_id,
            "hostname": self.hostname, "executor_id": self.executor_id, "role": self.role,
            "state": state_name(self.latest.as_ref()), "reason": latest.reason().as_str_name().replace("REASON_", ""),
            "message": latest.message, "timestamp_ms": latest.timestamp_ms, "healthy": latest.healthy,
            "exit_code": latest.exit_code, "signal": latest.signal, "pid": container.pid,
            "container_id": container.container_id, "unacknowledged": self.unacknowledged,
            "resources": resources(&info.resources), "labels": info.labels, "principal": self.principal,
        })
    }
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let filter = TaskFilter {
        framework: options.framework,
        agent: options.agent,
        task: String::new(),
        active_only: options.active,
    };
    show(&options.list, v1::WatchKind::Tasks, async |operator| operator.tasks(&filter).await).await
}

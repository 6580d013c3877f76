//! `proffer roles`.

use super::{ListOptions, show};
use crate::output::{Listed, resources};
use anyhow::Result;
use proffer_framework::operator::v1;
use serde_json::{Value, json};
use std::process::ExitCode;

impl Listed for v1::RoleRecord {
    const COLUMNS: &'static [&'static str] = &["role", "#weight", "limit", "allocated", "#share", "#frameworks"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.role.clone(),
            format!("{}", self.weight_milli as f64 / 1000.0),
            resources(&self.limit),
            resources(&self.allocated),
            format!("{:.1}%", self.share_milli as f64 / 10.0),
            self.frameworks.len().to_string(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "role": self.role, "weight": self.weight_milli as f64 / 1000.0, "limit": resources(&self.limit),
            "allocated": resources(&self.allocated), "share": self.share_milli as f64 / 1000.0,
            "frameworks": self.frameworks,
        })
    }
}

pub(crate) async fn run(options: ListOptions) -> Result<ExitCode> {
    show(&options, v1::WatchKind::Roles, async |operator| operator.roles().await).await
}

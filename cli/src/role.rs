//! `proffer role set`.

use crate::{master_option::MasterOption, usage};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use proffer_framework::{Resources, Scalar, operator::v1};
use std::process::ExitCode;

/// What `role` takes.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Set a role's weight and limit.
    Set(Set),
}

/// What `role set` takes.
#[derive(Debug, Args)]
struct Set {
    #[command(flatten)]
    master: MasterOption,
    /// The role, such as research/physics.
    role: String,
    /// Its weight among its siblings, such as 2.5.
    #[arg(long, allow_negative_numbers = true)]
    weight: Option<Scalar>,
    /// The most that it and the roles below it may have, such as cpus:8;mem:4096.
    #[arg(long, value_name = "RESOURCES")]
    limit: Option<String>,
    /// Take its limit away.
    #[arg(long, conflicts_with = "limit")]
    no_limit: bool,
}

pub(crate) async fn run(options: Options) -> Result<ExitCode> {
    let Action::Set(set) = options.action;
    if set.weight.is_none() && set.limit.is_none() && !set.no_limit {
        return Err(usage("role set: name --weight, --limit or --no-limit"));
    }
    let limit = match &set.limit {
        Some(text) => wire(text).map_err(|error| usage(format!("--limit: {error}")))?,
        None => Vec::new(),
    };
    let request = v1::UpdateRoleRequest {
        role: set.role.clone(),
        weight_milli: set.weight.map(Scalar::milli),
        set_limit: set.limit.is_some() || set.no_limit,
        limit,
    };
    let mut operator = set.master.operator();
    operator.update_role(request).await.with_context(|| format!("role {}", set.role))?;
    eprintln!("role {} is set", set.role);
    Ok(ExitCode::SUCCESS)
}

/// Limits name amounts; of `cpus:0` nothing is left as resources, so each part is read by itself.
fn wire(text: &str) -> Result<Vec<v1::Resource>> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            part.parse::<Resources>()?;
            let (name, amount) = part.split_once(':').context("an amount such as cpus:8")?;
            let amount: Scalar = amount.trim().parse()?;
            let value = Some(v1::resource::Value::ScalarMilli(amount.milli()));
            Ok(v1::Resource { name: name.trim().to_owned(), value, ..v1::Resource::default() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_may_be_zero() {
        let limit = wire("cpus:2.5;gpus:0").unwrap();
        assert_eq!(limit.len(), 2);
        assert_eq!(limit[1].value, Some(v1::resource::Value::ScalarMilli(0)));
        assert!(wire("ports:[1-2]").is_err());
        assert!(wire("cpus").is_err());
    }
}

//! `proffer agent drain`, `deactivate`, `reactivate` and `gone`: what operators do to agents.

use crate::{master_option::MasterOption, subject::find_agents};
use anyhow::Result;
use clap::{Args, Subcommand};
use proffer_framework::operator::v1;
use std::{process::ExitCode, time::Duration};

/// What is done to agents.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Offer agents no more, and end their tasks so that they start elsewhere.
    Drain(Drain),
    /// Offer agents no more; their tasks run on.
    Deactivate(Named),
    /// Offer agents again that were deactivated, drain, are drained or in maintenance.
    Reactivate(Named),
    /// Say that agents never come back: their tasks are reported gone, and their ids are dead.
    Gone(Named),
}

/// Agents.
#[derive(Debug, Args)]
pub(crate) struct Named {
    #[command(flatten)]
    master: MasterOption,
    /// The agents, by id or hostname.
    #[arg(required = true, value_name = "AGENT")]
    agents: Vec<String>,
}

/// What `agent drain` takes.
#[derive(Debug, Args)]
pub(crate) struct Drain {
    #[command(flatten)]
    named: Named,
    /// The longest that a task gets from the polite to the hard kill. Default: what each task says.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    max_grace: Option<Duration>,
    /// How long the tasks have, whatever they say; what is left then is killed hard. Default: for ever.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    deadline: Option<Duration>,
    /// Once they are drained the agents are gone for good.
    #[arg(long)]
    mark_gone: bool,
}

pub(crate) async fn run(action: Action) -> Result<ExitCode> {
    match action {
        Action::Drain(drain) => drain_all(drain).await?,
        Action::Deactivate(named) => {
            let mut operator = named.master.operator();
            for agent in find_agents(&mut operator, &named.agents).await? {
                operator.deactivate_agent(&agent).await?;
                eprintln!("agent {agent} is deactivated");
            }
        }
        Action::Reactivate(named) => {
            let mut operator = named.master.operator();
            for agent in find_agents(&mut operator, &named.agents).await? {
                operator.reactivate_agent(&agent).await?;
                eprintln!("agent {agent} is active");
            }
        }
        Action::Gone(named) => {
            let mut operator = named.master.operator();
            for agent in find_agents(&mut operator, &named.agents).await? {
                operator.mark_agent_gone(&agent).await?;
                eprintln!("agent {agent} is gone");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn drain_all(drain: Drain) -> Result<()> {
    let mut operator = drain.named.master.operator();
    for agent_id in find_agents(&mut operator, &drain.named.agents).await? {
        let request = v1::DrainAgentRequest {
            agent_id: agent_id.clone(),
            max_grace_ms: drain.max_grace.map(milliseconds),
            deadline_ms: drain.deadline.map(milliseconds),
            mark_gone: drain.mark_gone,
        };
        operator.drain_agent(request).await?;
        eprintln!("agent {agent_id} is being drained");
    }
    Ok(())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

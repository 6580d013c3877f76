//! `proffer agent drain`, `deactivate`, `reactivate` and `gone`: what operators do to agents.

use crate::{master_option::MasterOption, subject::find_agents};
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use proffer_framework::operator::{Operator, v1};
use std::{process::ExitCode, time::Duration};
use tokio::time::timeout;

/// How often it is looked whether agents are drained although nothing was heard of them.
const REFRESH: Duration = Duration::from_secs(10);

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
    /// Wait until nothing runs on them.
    #[arg(long)]
    wait: bool,
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
    let agents = find_agents(&mut operator, &drain.named.agents).await?;
    for agent_id in agents.clone() {
        let request = v1::DrainAgentRequest {
            agent_id: agent_id.clone(),
            max_grace_ms: drain.max_grace.map(milliseconds),
            deadline_ms: drain.deadline.map(milliseconds),
            mark_gone: drain.mark_gone,
        };
        operator.drain_agent(request).await?;
        eprintln!("agent {agent_id} is being drained");
    }
    if drain.wait {
        wait(&mut operator, &agents).await?;
        eprintln!("nothing runs on {}", agents.join(", "));
    }
    Ok(())
}

/// Waits until nothing runs on the agents.
async fn wait(operator: &mut Operator, agents: &[String]) -> Result<()> {
    loop {
        let mut changes = operator.watch(&[v1::WatchKind::Agents]).await?;
        loop {
            if are_drained(&operator.agents().await?, agents)? {
                return Ok(());
            }
            match timeout(REFRESH, changes.message()).await {
                Ok(Ok(Some(_))) | Err(_) => {}
                Ok(Ok(None) | Err(_)) => break,
            }
        }
    }
}

/// Whether nothing runs on any of these; an error if one is not drained any more.
fn are_drained(listed: &[v1::AgentRecord], agents: &[String]) -> Result<bool> {
    let mut all = true;
    for agent in listed.iter().filter(|agent| agents.contains(&agent.id)) {
        match (agent.state(), agent.duty()) {
            (v1::AgentState::Gone, _) | (_, v1::AgentDuty::Drained) => {}
            (_, v1::AgentDuty::Draining) => all = false,
            _ => bail!("agent {} was given back before it was drained", agent.id),
        }
    }
    Ok(all)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_waited_for_all_and_not_for_those_given_back() {
        let agent = |id: &str, duty: v1::AgentDuty, state: v1::AgentState| v1::AgentRecord {
            id: id.to_owned(),
            duty: duty.into(),
            state: state.into(),
            ..v1::AgentRecord::default()
        };
        let (here, gone) = (v1::AgentState::Connected, v1::AgentState::Gone);
        let names = ["A1".to_owned(), "A2".to_owned()];
        let with = |duty| [agent("A1", duty, here), agent("A2", v1::AgentDuty::Active, gone)];
        assert!(!are_drained(&with(v1::AgentDuty::Draining), &names).unwrap());
        assert!(are_drained(&with(v1::AgentDuty::Drained), &names).unwrap());
        let error = are_drained(&with(v1::AgentDuty::Active), &names).unwrap_err().to_string();
        assert_eq!(error, "agent A1 was given back before it was drained");
    }
}

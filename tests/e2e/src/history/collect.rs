//! A history from a running cluster.

use super::{Amounts, History, Log, TaskKey, check, evidence};
use crate::running::Running;
use anyhow::{Context, Result};
use proffer_proto::v1::AgentState;
use std::path::PathBuf;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Where the tasks of a cluster write their evidence.
#[must_use]
pub fn file(cluster: &impl Running) -> PathBuf {
    cluster.home().join("evidence")
}

/// Asks every connected agent which epoch it obeys, and writes that down.
///
/// # Errors
/// If the master or an agent does not answer.
pub async fn observe(cluster: &impl Running, log: &Log) -> Result<()> {
    for agent in cluster.list_agents().await? {
        if agent.state() != AgentState::Connected {
            continue;
        }
        let address = agent.info.map(|info| info.address).unwrap_or_default();
        let state = shown(&address).await.with_context(|| format!("ask agent {} at {address}", agent.id))?;
        log.obeys(&agent.id, state["epoch"].as_u64().context("the agent's epoch")?);
    }
    Ok(())
}

/// What an agent shows of itself.
///
/// # Errors
/// If it does not answer.
pub async fn shown(address: &str) -> Result<serde_json::Value> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /api/v1/state HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, body) = answer.split_once("\r\n\r\n").context("an answer over HTTP")?;
    Ok(serde_json::from_str(body)?)
}

/// All that is known: what tasks wrote, what schedulers wrote, what agents and the master say now.
///
/// # Errors
/// If the master or a connected agent does not answer.
pub async fn collect(cluster: &impl Running, log: &Log) -> Result<History> {
    observe(cluster, log).await?;
    let mut history = log.history();
    // A history without evidence would pass for a sound one.
    let written = std::fs::read_to_string(file(cluster)).context("what the tasks wrote")?;
    history.runs = evidence::read(&written);
    for agent in cluster.list_agents().await? {
        let resources = agent.info.map(|info| info.resources).unwrap_or_default();
        history.totals.insert(agent.id, Amounts::of(&resources));
    }
    let key = |framework, task| TaskKey { framework, task };
    history.known = cluster.list_tasks().await?.into_iter().map(|task| key(task.framework_id, task.id)).collect();
    Ok(history)
}

/// Holds the history of a cluster against all rules.
///
/// # Errors
/// Names every rule that did not hold; or the cluster cannot be asked.
pub async fn assert_sound(cluster: &impl Running, log: &Log) -> Result<()> {
    let history = collect(cluster, log).await?;
    let violations: Vec<String> = check(&history).iter().map(ToString::to_string).collect();
    anyhow::ensure!(violations.is_empty(), "{}", violations.join("\n"));
    Ok(())
}

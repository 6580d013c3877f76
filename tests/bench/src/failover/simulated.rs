//! The process of the simulated agents: each with a connection, a link and tasks, as real ones would have; only the eyes
//! on ZooKeeper are shared, for real agents are on machines of their own.

use crate::{
    agents::{Agent, connect},
    watcher::role,
};
use anyhow::{Context, Result, bail};
use coordination::Detector;
use proffer_proto::v1::{AgentTask, Command, Resource, TaskInfo, TaskState, TaskStatus, resource};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// The word after which this program is the agents.
pub(crate) const WORD: &str = "agents";

/// Between two agents that start, so that a cluster is built and not stormed.
const START_PAUSE: Duration = Duration::from_micros(500);

/// Until an agent that got no link tries again, at most.
const RETRY: Duration = Duration::from_secs(1);

/// With what this program is started to be so many agents.
pub(super) fn arguments(
    address: &str,
    agents: usize,
    cpus: u64,
    tasks_per_agent: usize,
    frameworks: &[String],
) -> Vec<String> {
    let mut arguments = vec![WORD.to_owned(), address.to_owned()];
    arguments.extend([agents.to_string(), cpus.to_string(), tasks_per_agent.to_string()]);
    arguments.extend(frameworks.iter().cloned());
    arguments
}

/// Is the agents, for ever.
///
/// # Errors
/// If the arguments are not those of [`arguments`].
pub(crate) async fn run(arguments: &[String]) -> Result<()> {
    let [address, agents, cpus, tasks, frameworks @ ..] = arguments else {
        bail!("the agents need an address, their number, cpus, tasks and frameworks")
    };
    kit::limits::raise_open_files();
    let (agents, cpus): (usize, u64) = (agents.parse()?, cpus.parse()?);
    let tasks: usize = tasks.parse()?;
    let detector = Arc::new(Detector::new(address.parse().context("address of ZooKeeper")?));
    let mut living = JoinSet::new();
    for index in 0..agents {
        let held = (0..tasks).map(|number| task(index, number, frameworks)).collect();
        let agent = Agent::new(index, cpus).with_tasks(held);
        living.spawn(live(agent, Arc::clone(&detector)));
        tokio::time::sleep(START_PAUSE).await;
    }
    living.join_all().await;
    Ok(())
}

/// Comes back to whoever leads, as an agent does: not at the same moment as all others.
async fn live(mut agent: Agent, detector: Arc<Detector>) {
    let mut home = String::new();
    loop {
        let leader = detector.other_than(&home).await.address;
        tokio::time::sleep(agent.reconnect_within.mul_f64(rand::random())).await;
        let linked = match connect(&leader).await {
            Ok(channel) => agent.register(channel).await,
            Err(error) => Err(error),
        };
        match linked {
            Ok(link) => {
                home = leader;
                link.serve().await;
            }
            Err(error) => {
                eprintln!("{error:#}");
                tokio::time::sleep(RETRY.mul_f64(rand::random())).await;
            }
        }
    }
}

fn task(agent: usize, number: usize, frameworks: &[String]) -> AgentTask {
    let framework = (agent + number) % frameworks.len();
    let id = format!("task-{agent}-{number}");
    let resources = [("cpus", 1000), ("mem", 1_000_000)].map(|(name, milli)| Resource {
        name: name.to_owned(),
        value: Some(resource::Value::ScalarMilli(milli)),
        ..Resource::default()
    });
    let command = Some(Command { value: "sleep 1000".to_owned(), shell: true, ..Command::default() });
    let mut latest = TaskStatus { task_id: id.clone(), sequence: 2, ..TaskStatus::default() };
    latest.set_state(TaskState::TaskRunning);
    latest.set_source(proffer_proto::v1::Source::Executor);
    let info = TaskInfo { id: id.clone(), resources: resources.into(), command, ..TaskInfo::default() };
    AgentTask {
        framework_id: frameworks[framework].clone(),
        executor_id: "built-in".to_owned(),
        task: Some(info),
        task_id: id,
        latest: Some(latest),
        unacknowledged: Vec::new(),
        role: role(framework),
    }
}

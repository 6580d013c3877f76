//! The core's part: a new term begins with what the registry holds, schedulers subscribe, agents register with their
//! tasks, and each is offered, with no network between.

use anyhow::{Context, Result, ensure};
use master_core::{Body, Change, Config, ConnectionId, Effect, Input, LinkId, Master};
use proto_types::{
    AgentId, AgentInfo, ClusterId, Epoch, ExecutorId, FrameworkId, FrameworkInfo, Now, Principal, Role, TaskId,
    TaskInfo, TaskKey, TaskState, TaskStatus,
    link::{FromAgent, HeldTask, Registration},
    registry::{Fact, RegistryChange},
    scheduling::{Subscribe, Wants},
    status::Source,
    task::Command,
    time::{Monotonic, Wall},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

const AGENTS: usize = 40_000;

const TASKS_PER_AGENT: usize = 10;

const FRAMEWORKS: usize = 10;

/// Registrations between two rounds of allocation: the master lets rounds follow each other closely, and many agents
/// register during each.
const REGISTRATIONS_PER_ROUND: usize = 100;

/// From the registry in memory to the last agent offered.
pub(super) fn seconds() -> Result<f64> {
    let registry = registry()?;
    let inputs = inputs()?;
    let now = Now { monotonic: Monotonic(Duration::from_secs(1)), wall: Wall(1_000_000) };
    let (mut offered, mut effects) = (BTreeSet::new(), Vec::new());
    let begin = Instant::now();
    let mut master = Master::recover(Config::default(), ClusterId::new("c1")?, Epoch(2), registry, now);
    for (index, input) in inputs.into_iter().enumerate() {
        master.handle(now, input, &mut effects);
        if index % REGISTRATIONS_PER_ROUND == 0 {
            master.handle(now, Input::Allocate, &mut effects);
        }
        note_offers(&mut effects, &mut offered);
    }
    while master.wants_allocation() {
        master.handle(now, Input::Allocate, &mut effects);
        note_offers(&mut effects, &mut offered);
    }
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(offered.len() == AGENTS, "{} of {AGENTS} agents were offered", offered.len());
    Ok(seconds)
}

fn note_offers(effects: &mut Vec<Effect>, offered: &mut BTreeSet<AgentId>) {
    for effect in effects.drain(..) {
        if let Body::Changed(Change::Offer(_, offer)) = effect.body {
            offered.insert(offer.agent.clone());
        }
    }
}

fn registry() -> Result<Vec<RegistryChange>> {
    let mut facts = Vec::new();
    for index in 0..FRAMEWORKS {
        let info = Arc::new(framework(index)?);
        facts.push(Fact::FrameworkRegistered { info, incarnation: 1, registered: Wall(1) });
    }
    for index in 0..AGENTS {
        facts.push(Fact::AgentAdmitted { agent: agent_id(index)?, info: Arc::new(agent(index)?) });
    }
    Ok(facts.into_iter().map(|fact| RegistryChange { principal: Principal::anonymous(), fact }).collect())
}

/// Schedulers are few and come back first.
fn inputs() -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for index in 0..FRAMEWORKS {
        let framework = framework(index)?;
        let request =
            Box::new(Subscribe { framework, incarnation: 1, cluster: None, wants: Wants::default(), resume: None });
        let connection = ConnectionId(index as u64 + 1);
        inputs.push(Input::Subscribe { connection, principal: Principal::anonymous(), request });
    }
    for index in 0..AGENTS {
        let tasks = (0..TASKS_PER_AGENT).map(|number| held(index, number)).collect::<Result<_>>()?;
        let registration = Registration {
            id: Some(agent_id(index)?),
            cluster: None,
            info: agent(index)?,
            epoch: Epoch(1),
            tasks,
            executors: Vec::new(),
        };
        let (link, principal) = (LinkId(index as u64 + 1), Principal::anonymous());
        inputs.push(Input::Agent { link, principal, message: FromAgent::Register(Box::new(registration)) });
    }
    Ok(inputs)
}

fn framework_id(index: usize) -> Result<FrameworkId> {
    FrameworkId::new(format!("F1-{}", index + 1)).context("id of a framework")
}

fn agent_id(index: usize) -> Result<AgentId> {
    AgentId::new(format!("A1-{}", index + 1)).context("id of an agent")
}

fn role(framework: usize) -> Result<Role> {
    Role::new(format!("role{framework}")).context("role")
}

fn framework(index: usize) -> Result<FrameworkInfo> {
    Ok(FrameworkInfo {
        id: Some(framework_id(index)?),
        name: format!("framework{index}"),
        user: None,
        roles: std::iter::once(role(index)?).collect(),
        failover_timeout: Duration::from_secs(3600),
        webui_url: String::new(),
        hostname: String::new(),
        labels: BTreeMap::new(),
    })
}

fn agent(index: usize) -> Result<AgentInfo> {
    let resources = "cpus:16;mem:64000;disk:500000".parse().context("resources of an agent")?;
    Ok(AgentInfo { hostname: format!("host{index}"), resources, ..AgentInfo::default() })
}

fn held(agent: usize, number: usize) -> Result<HeldTask> {
    let framework = (agent + number) % FRAMEWORKS;
    let task = TaskId::new(format!("task-{agent}-{number}")).context("id of a task")?;
    let mut latest = TaskStatus::new(task.clone(), TaskState::Running, Source::Executor, Wall(1));
    latest.sequence = 2;
    Ok(HeldTask {
        key: TaskKey { framework: framework_id(framework)?, task: task.clone() },
        executor: ExecutorId::built_in(),
        role: role(framework)?,
        info: Some(Arc::new(info(task)?)),
        latest,
        unacknowledged: Vec::new(),
    })
}

fn info(id: TaskId) -> Result<TaskInfo> {
    Ok(TaskInfo {
        name: id.as_str().to_owned(),
        id,
        resources: "cpus:1;mem:1024".parse().context("resources of a task")?,
        command: Command { value: "sleep 1000".to_owned(), ..Command::default() },
        container: None,
        health_check: None,
        kill_grace: None,
        max_completion_time: None,
        labels: BTreeMap::new(),
        data: Vec::new(),
        discovery: None,
    })
}

//! The conversation between a master and an agent.

use super::{
    Invalid,
    agent::own_agent_info,
    at::{At, list, required},
    files::open_data,
    readable,
    task::{known_executor, launch, required_task},
    task_status::{from_agent, required_status},
    text::{
        self, executor_id, framework_id, id, message_data, millis, optional_id, or_empty, role, task_ids, task_key,
        texts, to_millis,
    },
};
use crate::v1::{self, agent_message::Message as WireFromAgent, master_message::Message as WireFromMaster};
use proto_types::{
    Epoch, FrameworkId, TaskKey, TaskStatus,
    files::OpenData,
    link::{AgentLaunch, ExecutorMessage, FromAgent, HeldExecutor, HeldTask, RefusedReason, Registration, ToAgent},
    status::Source,
};

/// What an agent hears from a master, beside the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromMaster {
    /// Something to act on.
    Control(ToAgent),
    /// The wish for a stream of files, which concerns the shell alone.
    OpenData(OpenData),
}

readable! {
    v1::AgentMessage => FromAgent: from_agent_message;
    v1::MasterMessage => (Epoch, FromMaster): from_master_message;
    v1::AgentTask => HeldTask: held_task;
    v1::AgentExecutor => HeldExecutor: held_executor;
}

fn from_agent_message(wire: v1::AgentMessage, at: &At<'_>) -> Result<FromAgent, Invalid> {
    Ok(match required(wire.message, &at.field("message"))? {
        WireFromAgent::Register(wire) => FromAgent::Register(Box::new(registration(wire, &at.field("register"))?)),
        WireFromAgent::Updates(wire) => {
            FromAgent::Updates(list(wire.updates, &at.field("updates").field("updates"), update)?)
        }
        WireFromAgent::Pong(wire) => FromAgent::Pong(wire.number),
        WireFromAgent::ExecutorMessage(wire) => {
            FromAgent::Message(executor_message(wire, &at.field("executor_message"))?)
        }
        WireFromAgent::ExecutorExited(wire) => {
            let at = at.field("executor_exited");
            FromAgent::ExecutorExited {
                framework: framework_id(&wire.framework_id, &at)?,
                executor: executor_id(&wire.executor_id, &at)?,
                message: wire.message,
            }
        }
    })
}

fn registration(wire: v1::Register, at: &At<'_>) -> Result<Registration, Invalid> {
    let mut info = own_agent_info(required(wire.agent, &at.field("agent"))?, &at.field("agent"))?;
    if info.version.is_empty() {
        info.version = wire.version;
    }
    Ok(Registration {
        id: optional_id(&wire.agent_id, &at.field("agent_id"))?,
        cluster: optional_id(&wire.cluster_id, &at.field("cluster_id"))?,
        info,
        epoch: Epoch(wire.epoch),
        tasks: list(wire.tasks, &at.field("tasks"), held_task)?,
        executors: list(wire.executors, &at.field("executors"), held_executor)?,
    })
}

fn held_task(wire: v1::AgentTask, at: &At<'_>) -> Result<HeldTask, Invalid> {
    let key = task_key(&wire.framework_id, &wire.task_id, at)?;
    let info = match wire.task {
        Some(task) => Some(required_task(Some(task), &at.field("task"))?),
        None => None,
    };
    if info.as_ref().is_some_and(|info| info.id != key.task) {
        return Err(at.field("task").field("id").invalid(format_args!("differs from task_id, {}", key.task)));
    }
    let latest = required_status(wire.latest, Source::Agent, &at.field("latest"))?;
    if latest.task != key.task {
        return Err(at.field("latest").field("task_id").invalid(format_args!("differs from task_id, {}", key.task)));
    }
    Ok(HeldTask {
        executor: executor_id(&wire.executor_id, at)?,
        role: role(&wire.role, &at.field("role"))?,
        info,
        latest,
        unacknowledged: list(wire.unacknowledged, &at.field("unacknowledged"), |wire, at| {
            let status = from_agent(wire, at)?;
            if status.task == key.task {
                Ok(status)
            } else {
                Err(at.field("task_id").invalid(format_args!("differs from the task's, {}", key.task)))
            }
        })?,
        key,
    })
}

fn held_executor(wire: v1::AgentExecutor, at: &At<'_>) -> Result<HeldExecutor, Invalid> {
    Ok(HeldExecutor {
        framework: framework_id(&wire.framework_id, at)?,
        info: known_executor(required(wire.executor, &at.field("executor"))?, &at.field("executor"))?,
        role: role(&wire.role, &at.field("role"))?,
    })
}

fn update(wire: v1::AgentUpdate, at: &At<'_>) -> Result<(FrameworkId, TaskStatus), Invalid> {
    let status = required_status(wire.status, Source::Agent, &at.field("status"))?;
    Ok((framework_id(&wire.framework_id, at)?, status))
}

fn executor_message(wire: v1::AgentExecutorMessage, at: &At<'_>) -> Result<ExecutorMessage, Invalid> {
    Ok(ExecutorMessage {
        framework: framework_id(&wire.framework_id, at)?,
        executor: executor_id(&wire.executor_id, at)?,
        data: message_data(wire.data, &at.field("data"))?,
    })
}

fn from_master_message(wire: v1::MasterMessage, at: &At<'_>) -> Result<(Epoch, FromMaster), Invalid> {
    let epoch = Epoch(wire.epoch);
    let control = match required(wire.message, &at.field("message"))? {
        WireFromMaster::Registered(wire) => {
            let at = at.field("registered");
            ToAgent::Registered {
                id: id(&wire.agent_id, &at.field("agent_id"))?,
                cluster: id(&wire.cluster_id, &at.field("cluster_id"))?,
                ping_interval: millis(wire.ping_interval_ms),
                ping_misses: wire.ping_misses,
                reconnect_within: millis(wire.reconnect_within_ms),
            }
        }
        WireFromMaster::Refused(wire) => {
            ToAgent::Refused { reason: refused_reason(wire.reason), message: wire.message }
        }
        WireFromMaster::Launch(wire) => ToAgent::Launch(Box::new(agent_launch(wire, &at.field("launch"))?)),
        WireFromMaster::Kill(wire) => {
            let at = at.field("kill");
            ToAgent::Kill {
                framework: framework_id(&wire.framework_id, &at)?,
                tasks: task_ids(wire.task_ids, &at.field("task_ids"))?,
                grace: wire.grace_ms.map(millis),
                max_grace: wire.max_grace_ms.map(millis),
            }
        }
        WireFromMaster::Acknowledge(wire) => {
            let at = at.field("acknowledge");
            ToAgent::Acknowledge(list(wire.acknowledgements, &at.field("acknowledgements"), |wire, at| {
                Ok((task_key(&wire.framework_id, &wire.task_id, at)?, wire.sequence))
            })?)
        }
        WireFromMaster::Ping(wire) => ToAgent::Ping(wire.number),
        WireFromMaster::ShutdownFramework(wire) => {
            ToAgent::ShutdownFramework(framework_id(&wire.framework_id, &at.field("shutdown_framework"))?)
        }
        WireFromMaster::ExecutorMessage(wire) => {
            ToAgent::Message(executor_message(wire, &at.field("executor_message"))?)
        }
        WireFromMaster::OpenData(wire) => {
            let open = open_data(wire, &at.field("open_data"))?;
            return Ok((epoch, FromMaster::OpenData(open)));
        }
    };
    Ok((epoch, FromMaster::Control(control)))
}

fn agent_launch(wire: v1::AgentLaunch, at: &At<'_>) -> Result<AgentLaunch, Invalid> {
    let work = required(wire.launch, &at.field("launch"))?;
    Ok(AgentLaunch {
        framework: framework_id(&wire.framework_id, at)?,
        user: text::user((!wire.user.is_empty()).then_some(wire.user), &at.field("user"))?,
        role: role(&wire.role, &at.field("role"))?,
        launch: launch(work, wire.group, &at.field("launch"))?,
    })
}

/// A reason that is not said, or that only a newer master knows, means: try again.
fn refused_reason(number: i32) -> RefusedReason {
    match v1::RefusedReason::try_from(number) {
        Ok(v1::RefusedReason::WrongCluster) => RefusedReason::WrongCluster,
        Ok(v1::RefusedReason::Gone) => RefusedReason::Gone,
        Ok(v1::RefusedReason::Invalid) => RefusedReason::Invalid,
        Ok(v1::RefusedReason::NotLeader | v1::RefusedReason::Unspecified) | Err(_) => RefusedReason::NotLeader,
    }
}

impl From<FromAgent> for v1::AgentMessage {
    fn from(message: FromAgent) -> Self {
        let message = match message {
            FromAgent::Register(registration) => WireFromAgent::Register((*registration).into()),
            FromAgent::Updates(updates) => {
                let update = |(framework, status): (FrameworkId, TaskStatus)| v1::AgentUpdate {
                    framework_id: framework.to_string(),
                    status: Some(status.into()),
                };
                WireFromAgent::Updates(v1::AgentUpdates { updates: updates.into_iter().map(update).collect() })
            }
            FromAgent::Pong(number) => WireFromAgent::Pong(v1::Pong { number }),
            FromAgent::Message(message) => WireFromAgent::ExecutorMessage(message.into()),
            FromAgent::ExecutorExited { framework, executor, message } => {
                WireFromAgent::ExecutorExited(v1::ExecutorExited {
                    framework_id: framework.to_string(),
                    executor_id: executor.to_string(),
                    message,
                })
            }
        };
        Self { message: Some(message) }
    }
}

impl From<Registration> for v1::Register {
    fn from(registration: Registration) -> Self {
        Self {
            agent_id: or_empty(registration.id),
            cluster_id: or_empty(registration.cluster),
            version: registration.info.version.clone(),
            agent: Some((&registration.info).into()),
            epoch: registration.epoch.0,
            tasks: registration.tasks.into_iter().map(Into::into).collect(),
            executors: registration.executors.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<HeldTask> for v1::AgentTask {
    fn from(held: HeldTask) -> Self {
        Self {
            framework_id: held.key.framework.to_string(),
            executor_id: held.executor.to_string(),
            task: held.info.as_deref().map(Into::into),
            task_id: held.key.task.to_string(),
            latest: Some(held.latest.into()),
            unacknowledged: held.unacknowledged.into_iter().map(Into::into).collect(),
            role: held.role.to_string(),
        }
    }
}

impl From<HeldExecutor> for v1::AgentExecutor {
    fn from(held: HeldExecutor) -> Self {
        Self {
            framework_id: held.framework.to_string(),
            executor: Some((&held.info).into()),
            role: held.role.to_string(),
        }
    }
}

impl From<ExecutorMessage> for v1::AgentExecutorMessage {
    fn from(message: ExecutorMessage) -> Self {
        Self {
            framework_id: message.framework.to_string(),
            executor_id: message.executor.to_string(),
            data: message.data,
        }
    }
}

impl From<(Epoch, OpenData)> for v1::MasterMessage {
    fn from((epoch, open): (Epoch, OpenData)) -> Self {
        Self { epoch: epoch.0, message: Some(WireFromMaster::OpenData(open.into())) }
    }
}

impl From<(Epoch, ToAgent)> for v1::MasterMessage {
    fn from((epoch, message): (Epoch, ToAgent)) -> Self {
        let message = match message {
            ToAgent::Registered { id, cluster, ping_interval, ping_misses, reconnect_within } => {
                WireFromMaster::Registered(v1::Registered {
                    agent_id: id.to_string(),
                    cluster_id: cluster.to_string(),
                    ping_interval_ms: to_millis(ping_interval),
                    ping_misses,
                    reconnect_within_ms: to_millis(reconnect_within),
                })
            }
            ToAgent::Refused { reason, message } => {
                WireFromMaster::Refused(v1::Refused { reason: v1::RefusedReason::from(reason).into(), message })
            }
            ToAgent::Launch(launch) => WireFromMaster::Launch((*launch).into()),
            ToAgent::Kill { framework, tasks, grace, max_grace } => WireFromMaster::Kill(v1::AgentKill {
                framework_id: framework.to_string(),
                task_ids: texts(tasks),
                grace_ms: grace.map(to_millis),
                max_grace_ms: max_grace.map(to_millis),
            }),
            ToAgent::Acknowledge(acknowledgements) => {
                let acknowledgement = |(key, sequence): (TaskKey, u64)| v1::AgentAcknowledgement {
                    framework_id: key.framework.to_string(),
                    task_id: key.task.to_string(),
                    sequence,
                };
                let acknowledgements = acknowledgements.into_iter().map(acknowledgement).collect();
                WireFromMaster::Acknowledge(v1::AgentAcknowledge { acknowledgements })
            }
            ToAgent::Ping(number) => WireFromMaster::Ping(v1::Ping { number }),
            ToAgent::ShutdownFramework(framework) => {
                WireFromMaster::ShutdownFramework(v1::ShutdownFramework { framework_id: framework.to_string() })
            }
            ToAgent::Message(message) => WireFromMaster::ExecutorMessage(message.into()),
        };
        Self { epoch: epoch.0, message: Some(message) }
    }
}

impl From<AgentLaunch> for v1::AgentLaunch {
    fn from(launch: AgentLaunch) -> Self {
        Self {
            framework_id: launch.framework.to_string(),
            user: launch.user.unwrap_or_default(),
            role: launch.role.to_string(),
            group: launch.launch.group,
            launch: Some((&launch.launch).into()),
        }
    }
}

impl From<RefusedReason> for v1::RefusedReason {
    fn from(reason: RefusedReason) -> Self {
        match reason {
            RefusedReason::WrongCluster => Self::WrongCluster,
            RefusedReason::Gone => Self::Gone,
            RefusedReason::Invalid => Self::Invalid,
            RefusedReason::NotLeader => Self::NotLeader,
        }
    }
}

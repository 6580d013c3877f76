//! Facts as they are stored.

use agent_core::fact::{ExecutorStart, Fact, LaunchRecord, UpdateRecord};
use proffer_proto::{
    convert::Invalid,
    storage::v1::{self, journal_record::Record},
    v1::TaskLaunch,
};
use proto_types::{Epoch, ExecutorId, FrameworkId, Role, TaskId, TaskInfo, TaskKey, task::ExecutorInfo};
use std::{fmt::Display, sync::Arc};

/// Why a record cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It says nothing that this version knows.
    #[error("the record says nothing that this version knows")]
    Unknown,
    /// A header stands where only facts may.
    #[error("a header stands between records")]
    Header,
    /// A name in it is none.
    #[error("{field}: {problem}")]
    Name {
        /// Which.
        field: &'static str,
        /// Why.
        problem: String,
    },
    /// A value in it is wrong.
    #[error("a value is wrong")]
    Value(#[from] Invalid),
}

/// The stored form of a fact.
pub(super) fn to_stored(fact: &Fact) -> v1::JournalRecord {
    let record = match fact {
        Fact::Identified { agent, cluster } => {
            Record::Identified(v1::AgentIdentified { agent_id: agent.to_string(), cluster_id: cluster.to_string() })
        }
        Fact::Abandoned => Record::Abandoned(v1::AgentAbandoned {}),
        Fact::EpochSeen(epoch) => Record::EpochSeen(v1::EpochSeen { epoch: epoch.0 }),
        Fact::ExecutorStarting(start) => Record::ExecutorStarting(v1::ExecutorStarting {
            framework_id: start.framework.to_string(),
            executor: Some((&start.info).into()),
            token: start.token.clone(),
            role: start.role.to_string(),
            user: start.user.clone().unwrap_or_default(),
        }),
        Fact::ExecutorEnded { framework, executor } => Record::ExecutorEnded(v1::ExecutorEnded {
            framework_id: framework.to_string(),
            executor_id: executor.to_string(),
        }),
        Fact::TaskLaunched(launch) => Record::TaskLaunched(launched(launch)),
        Fact::UpdateMade(update) => Record::UpdateMade(v1::UpdateMade {
            framework_id: update.framework.to_string(),
            status: Some((&update.status).into()),
            executor_number: update.number,
            role: update.role.to_string(),
        }),
        Fact::UpdateAcknowledged { key, sequence } => Record::UpdateAcknowledged(v1::UpdateAcknowledged {
            framework_id: key.framework.to_string(),
            task_id: key.task.to_string(),
            sequence: *sequence,
        }),
        Fact::FrameworkShutDown(framework) => {
            Record::FrameworkShutDown(v1::FrameworkShutDown { framework_id: framework.to_string() })
        }
        Fact::TasksForgotten { framework, tasks } => Record::TasksForgotten(v1::TasksForgotten {
            framework_id: framework.to_string(),
            task_ids: tasks.iter().map(ToString::to_string).collect(),
        }),
    };
    v1::JournalRecord { record: Some(record) }
}

fn launched(launch: &LaunchRecord) -> v1::TaskLaunched {
    let task = |task: &Arc<TaskInfo>| TaskLaunch {
        task: Some((&**task).into()),
        // Where a sandbox lies follows from its names.
        sandbox: String::new(),
        user: launch.user.clone().unwrap_or_default(),
        adopt: false,
    };
    v1::TaskLaunched {
        framework_id: launch.framework.to_string(),
        executor_id: launch.executor.to_string(),
        tasks: launch.tasks.iter().map(task).collect(),
        group: launch.group,
        role: launch.role.to_string(),
    }
}

/// The fact that a record stores.
pub(super) fn from_stored(record: v1::JournalRecord) -> Result<Fact, Unreadable> {
    Ok(match record.record.ok_or(Unreadable::Unknown)? {
        Record::Header(_) => return Err(Unreadable::Header),
        Record::Identified(wire) => Fact::Identified {
            agent: name("agent_id", wire.agent_id.parse())?,
            cluster: name("cluster_id", wire.cluster_id.parse())?,
        },
        Record::Abandoned(_) => Fact::Abandoned,
        Record::EpochSeen(wire) => Fact::EpochSeen(Epoch(wire.epoch)),
        Record::ExecutorStarting(wire) => Fact::ExecutorStarting(Box::new(ExecutorStart {
            framework: framework(&wire.framework_id)?,
            info: ExecutorInfo::try_from(wire.executor.unwrap_or_default())?,
            token: wire.token,
            role: role(&wire.role)?,
            user: user(wire.user),
        })),
        Record::ExecutorEnded(wire) => Fact::ExecutorEnded {
            framework: framework(&wire.framework_id)?,
            executor: name("executor_id", wire.executor_id.parse::<ExecutorId>())?,
        },
        Record::TaskLaunched(wire) => Fact::TaskLaunched(Box::new(read_launch(wire)?)),
        Record::UpdateMade(wire) => Fact::UpdateMade(Box::new(UpdateRecord {
            framework: framework(&wire.framework_id)?,
            status: wire.status.unwrap_or_default().try_into()?,
            number: wire.executor_number,
            role: role(&wire.role)?,
        })),
        Record::UpdateAcknowledged(wire) => Fact::UpdateAcknowledged {
            key: TaskKey {
                framework: framework(&wire.framework_id)?,
                task: name("task_id", wire.task_id.parse::<TaskId>())?,
            },
            sequence: wire.sequence,
        },
        Record::FrameworkShutDown(wire) => Fact::FrameworkShutDown(framework(&wire.framework_id)?),
        Record::TasksForgotten(wire) => {
            let tasks = wire.task_ids.iter().map(|task| name("task_ids", task.parse::<TaskId>()));
            Fact::TasksForgotten { framework: framework(&wire.framework_id)?, tasks: tasks.collect::<Result<_, _>>()? }
        }
    })
}

fn read_launch(wire: v1::TaskLaunched) -> Result<LaunchRecord, Unreadable> {
    let mut tasks = Vec::with_capacity(wire.tasks.len());
    let mut as_user = None;
    for launch in wire.tasks {
        as_user = user(launch.user);
        tasks.push(Arc::new(TaskInfo::try_from(launch.task.unwrap_or_default())?));
    }
    Ok(LaunchRecord {
        framework: framework(&wire.framework_id)?,
        executor: name("executor_id", wire.executor_id.parse())?,
        tasks,
        group: wire.group,
        role: role(&wire.role)?,
        user: as_user,
    })
}

fn framework(text: &str) -> Result<FrameworkId, Unreadable> {
    name("framework_id", text.parse())
}

fn role(text: &str) -> Result<Role, Unreadable> {
    if text.is_empty() { Ok(Role::any()) } else { name("role", Role::new(text)) }
}

fn user(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn name<T, E: Display>(field: &'static str, parsed: Result<T, E>) -> Result<T, Unreadable> {
    parsed.map_err(|problem| Unreadable::Name { field, problem: problem.to_string() })
}

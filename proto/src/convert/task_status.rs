//! Reports on tasks.

use super::{
    Invalid,
    at::{At, required},
    readable,
    text::{self, id, optional_id, or_empty},
};
use crate::v1;
use proto_types::{
    TaskState, TaskStatus,
    status::{ContainerStatus, Reason, Source},
    time::Wall,
};

readable! { v1::TaskStatus => TaskStatus: from_master; }

/// A report in a conversation with a master, which made it unless it says otherwise.
pub(crate) fn from_master(wire: v1::TaskStatus, at: &At<'_>) -> Result<TaskStatus, Invalid> {
    task_status(wire, Source::Master, at)
}

/// A report in a conversation with an agent, which made it unless it says otherwise.
pub(crate) fn from_agent(wire: v1::TaskStatus, at: &At<'_>) -> Result<TaskStatus, Invalid> {
    task_status(wire, Source::Agent, at)
}

/// What must be there of a report, by whom if it does not say.
pub(crate) fn required_status(
    wire: Option<v1::TaskStatus>,
    source: Source,
    at: &At<'_>,
) -> Result<TaskStatus, Invalid> {
    task_status(required(wire, at)?, source, at)
}

fn task_status(wire: v1::TaskStatus, unsaid: Source, at: &At<'_>) -> Result<TaskStatus, Invalid> {
    Ok(TaskStatus {
        task: id(&wire.task_id, &at.field("task_id"))?,
        state: state(wire.state, &at.field("state"))?,
        sequence: wire.sequence,
        source: match v1::Source::try_from(wire.source) {
            Ok(v1::Source::Master) => Source::Master,
            Ok(v1::Source::Agent) => Source::Agent,
            Ok(v1::Source::Executor) => Source::Executor,
            Ok(v1::Source::Unspecified) | Err(_) => unsaid,
        },
        // A reason that a newer version knows says nothing to this one; the state and the message still do.
        reason: v1::Reason::try_from(wire.reason).ok().and_then(reason),
        message: wire.message,
        agent: optional_id(&wire.agent_id, &at.field("agent_id"))?,
        executor: optional_id(&wire.executor_id, &at.field("executor_id"))?,
        timestamp: Wall(wire.timestamp_ms),
        healthy: wire.healthy,
        exit_code: wire.exit_code,
        signal: wire.signal,
        container: wire.container.map(|wire| ContainerStatus {
            container_id: wire.container_id,
            pid: wire.pid,
            ip_address: wire.ip_address,
        }),
        unreachable_since: wire.unreachable_since_ms.map(Wall),
        data: wire.data,
        labels: text::labels(wire.labels, &at.field("labels"))?,
    })
}

fn state(number: i32, at: &At<'_>) -> Result<TaskState, Invalid> {
    Ok(match v1::TaskState::try_from(number) {
        Ok(v1::TaskState::TaskStaging) => TaskState::Staging,
        Ok(v1::TaskState::TaskStarting) => TaskState::Starting,
        Ok(v1::TaskState::TaskRunning) => TaskState::Running,
        Ok(v1::TaskState::TaskKilling) => TaskState::Killing,
        Ok(v1::TaskState::TaskFinished) => TaskState::Finished,
        Ok(v1::TaskState::TaskFailed) => TaskState::Failed,
        Ok(v1::TaskState::TaskKilled) => TaskState::Killed,
        Ok(v1::TaskState::TaskError) => TaskState::Error,
        Ok(v1::TaskState::TaskDropped) => TaskState::Dropped,
        Ok(v1::TaskState::TaskUnreachable) => TaskState::Unreachable,
        Ok(v1::TaskState::TaskGone) => TaskState::Gone,
        Ok(v1::TaskState::TaskGoneByOperator) => TaskState::GoneByOperator,
        Ok(v1::TaskState::TaskUnknown) => TaskState::Unknown,
        Ok(v1::TaskState::Unspecified) => return Err(at.missing()),
        Err(_) => return Err(at.invalid(format_args!("{number} is no state known here"))),
    })
}

impl From<TaskState> for v1::TaskState {
    fn from(state: TaskState) -> Self {
        match state {
            TaskState::Staging => Self::TaskStaging,
            TaskState::Starting => Self::TaskStarting,
            TaskState::Running => Self::TaskRunning,
            TaskState::Killing => Self::TaskKilling,
            TaskState::Finished => Self::TaskFinished,
            TaskState::Failed => Self::TaskFailed,
            TaskState::Killed => Self::TaskKilled,
            TaskState::Error => Self::TaskError,
            TaskState::Dropped => Self::TaskDropped,
            TaskState::Unreachable => Self::TaskUnreachable,
            TaskState::Gone => Self::TaskGone,
            TaskState::GoneByOperator => Self::TaskGoneByOperator,
            TaskState::Unknown => Self::TaskUnknown,
        }
    }
}

impl From<Source> for v1::Source {
    fn from(source: Source) -> Self {
        match source {
            Source::Master => Self::Master,
            Source::Agent => Self::Agent,
            Source::Executor => Self::Executor,
        }
    }
}

/// Writes the two directions between the reasons of the wire and those of the domain, which have the same names.
macro_rules! reasons {
    ($($reason:ident)*) => {
        fn reason(wire: v1::Reason) -> Option<Reason> {
            match wire {
                v1::Reason::Unspecified => None,
                $(v1::Reason::$reason => Some(Reason::$reason),)*
            }
        }

        impl From<Reason> for v1::Reason {
            fn from(reason: Reason) -> Self {
                match reason {
                    $(Reason::$reason => Self::$reason,)*
                }
            }
        }
    };
}

reasons! {
    AgentDisconnected AgentDraining AgentReregistered AgentRemoved AgentRemovedByOperator AgentRestarted AgentUnknown
    CommandExecutorFailed ContainerLaunchFailed ContainerLimitation ContainerLimitationDisk ContainerLimitationMemory
    ContainerPreempted ExecutorRegistrationTimeout ExecutorReregistrationTimeout ExecutorTerminated FetchFailed
    FrameworkRemoved GcError InvalidFrameworkId InvalidOffers MaxCompletionTimeReached Reconciliation ResourcesUnknown
    TaskCheckStatusUpdated TaskGroupInvalid TaskHealthCheckStatusUpdated TaskInvalid TaskKilledDuringLaunch
    TaskUnauthorized TaskUnknown
}

impl From<TaskStatus> for v1::TaskStatus {
    fn from(status: TaskStatus) -> Self {
        Self {
            task_id: status.task.to_string(),
            state: v1::TaskState::from(status.state).into(),
            sequence: status.sequence,
            source: v1::Source::from(status.source).into(),
            reason: status.reason.map_or(v1::Reason::Unspecified, v1::Reason::from).into(),
            message: status.message,
            agent_id: or_empty(status.agent),
            executor_id: or_empty(status.executor),
            timestamp_ms: status.timestamp.0,
            healthy: status.healthy,
            exit_code: status.exit_code,
            signal: status.signal,
            container: status.container.map(|container| v1::ContainerStatus {
                container_id: container.container_id,
                pid: container.pid,
                ip_address: container.ip_address,
            }),
            unreachable_since_ms: status.unreachable_since.map(|since| since.0),
            data: status.data,
            labels: status.labels,
        }
    }
}

impl From<&TaskStatus> for v1::TaskStatus {
    fn from(status: &TaskStatus) -> Self {
        status.clone().into()
    }
}

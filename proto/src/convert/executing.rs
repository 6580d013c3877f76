//! The conversation between an agent and an executor.

use super::{
    Invalid, MESSAGE_BYTES_MAX,
    at::{At, list, required},
    readable,
    task::required_task,
    task_status::required_status,
    text::{self, executor_id, filled, framework_id, id, message_data, millis, task_ids, texts, to_millis},
};
use crate::v1::{self, executor_call::Call as WireCall, executor_event::Event as WireEvent};
use proto_types::{
    TaskId,
    executing::{FromExecutor, NumberedStatus, Subscription, TaskLaunch, ToExecutor},
    status::Source,
};
use std::path::PathBuf;

readable! {
    v1::ExecutorCall => FromExecutor: from_executor;
    v1::ExecutorEvent => ToExecutor: to_executor;
    v1::TaskLaunch => TaskLaunch: task_launch;
}

fn from_executor(wire: v1::ExecutorCall, at: &At<'_>) -> Result<FromExecutor, Invalid> {
    Ok(match required(wire.call, &at.field("call"))? {
        WireCall::Subscribe(wire) => FromExecutor::Subscribe(subscription(wire, &at.field("subscribe"))?),
        WireCall::Updates(wire) => {
            FromExecutor::Updates(list(wire.updates, &at.field("updates").field("updates"), numbered)?)
        }
        WireCall::Message(data) => FromExecutor::Message(message_data(data, &at.field("message"))?),
    })
}

fn subscription(wire: v1::ExecutorSubscribe, at: &At<'_>) -> Result<Subscription, Invalid> {
    Ok(Subscription {
        framework: framework_id(&wire.framework_id, at)?,
        executor: executor_id(&wire.executor_id, at)?,
        token: filled(wire.token, &at.field("token"))?,
        tasks: task_ids(wire.task_ids, &at.field("task_ids"))?,
        unacknowledged: list(wire.unacknowledged, &at.field("unacknowledged"), numbered)?,
        pid: wire.pid,
    })
}

fn numbered(wire: v1::ExecutorUpdate, at: &At<'_>) -> Result<NumberedStatus, Invalid> {
    if wire.number == 0 {
        return Err(at.field("number").invalid("updates of a task are numbered from 1"));
    }
    text::check_size(&wire, MESSAGE_BYTES_MAX, at)?;
    Ok(NumberedStatus {
        number: wire.number,
        status: required_status(wire.status, Source::Executor, &at.field("status"))?,
    })
}

fn to_executor(wire: v1::ExecutorEvent, at: &At<'_>) -> Result<ToExecutor, Invalid> {
    Ok(match required(wire.event, &at.field("event"))? {
        WireEvent::Subscribed(wire) => {
            let at = at.field("subscribed");
            ToExecutor::Subscribed {
                agent: id(&wire.agent_id, &at.field("agent_id"))?,
                hostname: wire.hostname,
                kill_grace: millis(wire.kill_grace_ms),
            }
        }
        WireEvent::Launch(wire) => ToExecutor::Launch {
            tasks: list(wire.tasks, &at.field("launch").field("tasks"), task_launch)?,
            group: wire.group,
        },
        WireEvent::Kill(wire) => ToExecutor::Kill {
            tasks: task_ids(wire.task_ids, &at.field("kill").field("task_ids"))?,
            grace: wire.grace_ms.map(millis),
        },
        WireEvent::Acknowledged(wire) => {
            let at = at.field("acknowledged");
            ToExecutor::Acknowledged(list(wire.acknowledgements, &at.field("acknowledgements"), acknowledgement)?)
        }
        WireEvent::Message(data) => ToExecutor::Message(message_data(data, &at.field("message"))?),
        WireEvent::Shutdown(wire) => ToExecutor::Shutdown { grace: wire.grace_ms.map(millis) },
    })
}

fn task_launch(wire: v1::TaskLaunch, at: &At<'_>) -> Result<TaskLaunch, Invalid> {
    Ok(TaskLaunch {
        task: required_task(wire.task, &at.field("task"))?,
        sandbox: PathBuf::from(text::absolute_path(wire.sandbox, &at.field("sandbox"))?),
        user: text::user((!wire.user.is_empty()).then_some(wire.user), &at.field("user"))?,
        adopt: wire.adopt,
    })
}

fn acknowledgement(wire: v1::ExecutorAcknowledgement, at: &At<'_>) -> Result<(TaskId, u64), Invalid> {
    Ok((id(&wire.task_id, &at.field("task_id"))?, wire.number))
}

impl From<FromExecutor> for v1::ExecutorCall {
    fn from(message: FromExecutor) -> Self {
        let call = match message {
            FromExecutor::Subscribe(subscription) => WireCall::Subscribe(subscription.into()),
            FromExecutor::Updates(updates) => {
                WireCall::Updates(v1::ExecutorUpdates { updates: updates.into_iter().map(Into::into).collect() })
            }
            FromExecutor::Message(data) => WireCall::Message(data),
        };
        Self { call: Some(call) }
    }
}

impl From<Subscription> for v1::ExecutorSubscribe {
    fn from(subscription: Subscription) -> Self {
        Self {
            framework_id: subscription.framework.to_string(),
            executor_id: subscription.executor.to_string(),
            token: subscription.token,
            task_ids: texts(subscription.tasks),
            unacknowledged: subscription.unacknowledged.into_iter().map(Into::into).collect(),
            pid: subscription.pid,
        }
    }
}

impl From<NumberedStatus> for v1::ExecutorUpdate {
    fn from(update: NumberedStatus) -> Self {
        Self { number: update.number, status: Some(update.status.into()) }
    }
}

impl From<ToExecutor> for v1::ExecutorEvent {
    fn from(message: ToExecutor) -> Self {
        let grace = |grace: Option<_>| grace.map(to_millis);
        let event = match message {
            ToExecutor::Subscribed { agent, hostname, kill_grace } => WireEvent::Subscribed(v1::ExecutorSubscribed {
                agent_id: agent.to_string(),
                hostname,
                kill_grace_ms: to_millis(kill_grace),
            }),
            ToExecutor::Launch { tasks, group } => {
                WireEvent::Launch(v1::ExecutorLaunch { tasks: tasks.iter().map(Into::into).collect(), group })
            }
            ToExecutor::Kill { tasks, grace: given } => {
                WireEvent::Kill(v1::ExecutorKill { task_ids: texts(tasks), grace_ms: grace(given) })
            }
            ToExecutor::Acknowledged(acknowledgements) => {
                let acknowledgements = acknowledgements
                    .into_iter()
                    .map(|(task, number)| v1::ExecutorAcknowledgement { task_id: task.to_string(), number })
                    .collect();
                WireEvent::Acknowledged(v1::ExecutorAcknowledged { acknowledgements })
            }
            ToExecutor::Message(data) => WireEvent::Message(data),
            ToExecutor::Shutdown { grace: given } => {
                WireEvent::Shutdown(v1::ExecutorShutdown { grace_ms: grace(given) })
            }
        };
        Self { event: Some(event) }
    }
}

impl From<&TaskLaunch> for v1::TaskLaunch {
    fn from(launch: &TaskLaunch) -> Self {
        Self {
            task: Some((&*launch.task).into()),
            // An agent's work directory is checked at its start to be UTF-8, so nothing is lost here.
            sandbox: launch.sandbox.to_string_lossy().into_owned(),
            user: launch.user.clone().unwrap_or_default(),
            adopt: launch.adopt,
        }
    }
}

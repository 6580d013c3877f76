//! What the agent said, task by task: one that cannot be read is told about, and does not end the conversation.

use crate::driver::Event;
use executor_core::Input;
use proffer_proto::{
    convert::Invalid,
    v1::{ExecutorEvent, ExecutorLaunch, executor_event::Event as Wire},
};
use proto_types::{
    TaskId,
    executing::{TaskLaunch, ToExecutor},
};

/// What is to be done about what the agent said.
///
/// # Errors
/// It cannot be read, and is of no single task.
pub(crate) fn events(said: ExecutorEvent) -> Result<Vec<Event>, Invalid> {
    match said.event {
        Some(Wire::Launch(launch)) => Ok(launches(launch)),
        event => Ok(vec![Event::Agent(ToExecutor::try_from(ExecutorEvent { event })?)]),
    }
}

fn launches(launch: ExecutorLaunch) -> Vec<Event> {
    let group = launch.group;
    let (mut tasks, mut unreadable) = (Vec::new(), Vec::new());
    for wire in launch.tasks {
        let id = wire.task.as_ref().map(|task| task.id.clone()).unwrap_or_default();
        match (TaskLaunch::try_from(wire), TaskId::new(id)) {
            (Ok(launch), _) => tasks.push(launch),
            (Err(invalid), Ok(task)) => unreadable.push((task, format!("its executor cannot read it: {invalid}"))),
            (Err(error), Err(_)) => tracing::error!(%error, "the agent launches a task without an id"),
        }
    }
    if group && !unreadable.is_empty() {
        // A group lives whole or not at all.
        let others = tasks.drain(..).map(|launch| launch.task.id.clone());
        unreadable.extend(others.map(|task| (task, "its executor cannot read all tasks of its group".to_owned())));
    }
    let unreadable = unreadable.into_iter().map(|(task, message)| Event::Input(Input::Unreadable { task, message }));
    let readable = (!tasks.is_empty()).then(|| Event::Agent(ToExecutor::Launch { tasks, group }));
    unreadable.chain(readable).collect()
}

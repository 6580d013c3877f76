//! What leaves after one wakeup of the driver: messages to one recipient, merged where that changes nothing.

use agent_core::ConnectionId;
use proto_types::{executing::ToExecutor, link::FromAgent};
use std::collections::BTreeMap;

/// Items in one merged message at most, so that it stays well below the size that gRPC allows.
const ITEMS_MAX: usize = 500;

/// Messages on their way out.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) master: Vec<FromAgent>,
    pub(crate) executors: BTreeMap<ConnectionId, Vec<ToExecutor>>,
}

impl Outbox {
    pub(crate) fn to_master(&mut self, message: FromAgent) {
        if let (Some(FromAgent::Updates(last)), FromAgent::Updates(more)) = (self.master.last_mut(), &message)
            && last.len() + more.len() <= ITEMS_MAX
        {
            last.extend(more.iter().cloned());
            return;
        }
        self.master.push(message);
    }

    pub(crate) fn to_executor(&mut self, connection: ConnectionId, message: ToExecutor) {
        let queue = self.executors.entry(connection).or_default();
        match message {
            ToExecutor::Acknowledged(more) => acknowledge(queue, more),
            ToExecutor::Launch { tasks, group: false } => launch(queue, tasks),
            other => queue.push(other),
        }
    }
}

/// Acknowledgements may stand anywhere: all of them are about what is written already.
fn acknowledge(queue: &mut Vec<ToExecutor>, more: Vec<(proto_types::TaskId, u64)>) {
    for message in queue.iter_mut().rev() {
        if let ToExecutor::Acknowledged(last) = message
            && last.len() + more.len() <= ITEMS_MAX
        {
            last.extend(more);
            return;
        }
    }
    queue.push(ToExecutor::Acknowledged(more));
}

/// Launches keep their place among all but acknowledgements.
fn launch(queue: &mut Vec<ToExecutor>, more: Vec<proto_types::executing::TaskLaunch>) {
    let last = queue.iter_mut().rev().find(|message| !matches!(message, ToExecutor::Acknowledged(_)));
    match last {
        Some(ToExecutor::Launch { tasks, group: false }) if tasks.len() + more.len() <= ITEMS_MAX => tasks.extend(more),
        _ => queue.push(ToExecutor::Launch { tasks: more, group: false }),
    }
}

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
    pub(crate) fn add_for_master(&mut self, message: FromAgent) {
        if let (Some(FromAgent::Updates(last)), FromAgent::Updates(more)) = (self.master.last_mut(), &message)
            && last.len() + more.len() <= ITEMS_MAX
        {
            last.extend(more.iter().cloned());
            return;
        }
        self.master.push(message);
    }

    pub(crate) fn add_for_executor(&mut self, connection: ConnectionId, message: ToExecutor) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proto_types::{FrameworkId, TaskId, TaskState, TaskStatus, status::Source, time::Wall};

    fn task(name: &str) -> TaskId {
        TaskId::new(name).unwrap()
    }

    fn updates(name: &str) -> FromAgent {
        let status = TaskStatus::new(task(name), TaskState::Running, Source::Executor, Wall(1));
        FromAgent::Updates(vec![(FrameworkId::new("f").unwrap(), status)])
    }

    #[test]
    fn updates_leave_together_and_keep_their_place_among_other_messages() {
        let mut outbox = Outbox::default();
        outbox.add_for_master(updates("a"));
        outbox.add_for_master(updates("b"));
        outbox.add_for_master(FromAgent::Pong(1));
        outbox.add_for_master(updates("c"));
        let sizes = outbox.master.iter().map(|message| match message {
            FromAgent::Updates(updates) => updates.len(),
            _ => 0,
        });
        assert_eq!(sizes.collect::<Vec<_>>(), [2, 0, 1]);
    }

    #[test]
    fn acknowledgements_and_launches_to_one_executor_are_gathered() {
        let mut outbox = Outbox::default();
        let connection = ConnectionId(1);
        let launch = || ToExecutor::Launch { tasks: Vec::new(), group: false };
        for number in 0..3 {
            outbox.add_for_executor(connection, launch());
            outbox.add_for_executor(connection, ToExecutor::Acknowledged(vec![(task("a"), number)]));
        }
        outbox.add_for_executor(connection, ToExecutor::Launch { tasks: Vec::new(), group: true });
        outbox.add_for_executor(connection, launch());
        let queue = &outbox.executors[&connection];
        assert_eq!(queue.len(), 4, "{queue:?}");
        assert!(matches!(&queue[1], ToExecutor::Acknowledged(all) if all.len() == 3));
    }
}

//! What leaves after one wakeup of the driver: messages to one recipient, merged where that changes nothing.

use agent_core::{
    ConnectionId,
    parcel::{launch_weight, update_weight},
};
use proto_types::{
    TaskId,
    executing::{TaskLaunch, ToExecutor},
    link::FromAgent,
    weight::BATCH_MAX,
};
use std::collections::BTreeMap;

/// Acknowledgements in one merged message at most, so that it stays well below the size that gRPC allows.
const ITEMS_MAX: usize = 500;

/// Messages on their way out.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) master: Vec<FromAgent>,
    /// What the last updates for the master weigh.
    updates_weight: usize,
    pub(crate) executors: BTreeMap<ConnectionId, Queue>,
}

/// Messages for one executor.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) messages: Vec<ToExecutor>,
    /// What the last launches weigh.
    launch_weight: usize,
}

impl Outbox {
    pub(crate) fn add_for_master(&mut self, message: FromAgent) {
        let FromAgent::Updates(more) = message else {
            self.master.push(message);
            return;
        };
        let weight: usize = more.iter().map(update_weight).sum();
        match self.master.last_mut() {
            Some(FromAgent::Updates(last)) if self.updates_weight + weight <= BATCH_MAX => {
                self.updates_weight += weight;
                last.extend(more);
            }
            _ => {
                self.updates_weight = weight;
                self.master.push(FromAgent::Updates(more));
            }
        }
    }

    pub(crate) fn add_for_executor(&mut self, connection: ConnectionId, message: ToExecutor) {
        let queue = self.executors.entry(connection).or_default();
        match message {
            ToExecutor::Acknowledged(more) => queue.acknowledge(more),
            ToExecutor::Launch { tasks, group: false } => queue.launch(tasks),
            other => queue.messages.push(other),
        }
    }
}

impl Queue {
    /// Acknowledgements may stand anywhere: all of them are about what is written already.
    fn acknowledge(&mut self, more: Vec<(TaskId, u64)>) {
        for message in self.messages.iter_mut().rev() {
            if let ToExecutor::Acknowledged(last) = message
                && last.len() + more.len() <= ITEMS_MAX
            {
                last.extend(more);
                return;
            }
        }
        self.messages.push(ToExecutor::Acknowledged(more));
    }

    /// Launches keep their place among all but acknowledgements.
    fn launch(&mut self, more: Vec<TaskLaunch>) {
        let weight: usize = more.iter().map(launch_weight).sum();
        let last = self.messages.iter_mut().rev().find(|message| !matches!(message, ToExecutor::Acknowledged(_)));
        match last {
            Some(ToExecutor::Launch { tasks, group: false }) if self.launch_weight + weight <= BATCH_MAX => {
                self.launch_weight += weight;
                tasks.extend(more);
            }
            _ => {
                self.launch_weight = weight;
                self.messages.push(ToExecutor::Launch { tasks: more, group: false });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_types::{
        FrameworkId, Labels, Resources, TaskInfo, TaskState, TaskStatus, status::Source, task::Command, time::Wall,
    };
    use std::{path::PathBuf, sync::Arc};

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
        let queue = &outbox.executors[&connection].messages;
        assert_eq!(queue.len(), 4, "{queue:?}");
        assert!(matches!(&queue[1], ToExecutor::Acknowledged(all) if all.len() == 3));
    }

    #[test]
    fn no_message_grows_without_bound() {
        let mut outbox = Outbox::default();
        for _ in 0..3 {
            let FromAgent::Updates(mut updates) = updates("a") else { panic!("these are updates") };
            updates[0].1.data = vec![0; BATCH_MAX * 2 / 5];
            outbox.add_for_master(FromAgent::Updates(updates));
        }
        let sizes = outbox.master.iter().map(|message| match message {
            FromAgent::Updates(updates) => updates.len(),
            _ => 0,
        });
        assert_eq!(sizes.collect::<Vec<_>>(), [2, 1]);
        let connection = ConnectionId(1);
        for _ in 0..3 {
            let tasks = vec![heavy()];
            outbox.add_for_executor(connection, ToExecutor::Launch { tasks, group: false });
        }
        let sizes = outbox.executors[&connection].messages.iter().map(|message| match message {
            ToExecutor::Launch { tasks, .. } => tasks.len(),
            _ => 0,
        });
        assert_eq!(sizes.collect::<Vec<_>>(), [2, 1]);
    }

    fn heavy() -> TaskLaunch {
        let info = TaskInfo {
            id: task("a"),
            name: String::new(),
            resources: Resources::default(),
            command: Command::default(),
            container: None,
            health_check: None,
            kill_grace: None,
            max_completion_time: None,
            labels: Labels::new(),
            data: vec![0; BATCH_MAX * 2 / 5],
            discovery: None,
        };
        TaskLaunch { task: Arc::new(info), sandbox: PathBuf::new(), user: None, adopt: false }
    }
}

//! Executors and tasks, simulated: processes on a machine that outlive the agent process. What they do is written down
//! as it happens, independently of what anybody reports.

mod tasks;

use crate::{hosts::AgentIndex, kernel::Event, time::Time, world::World};
use agent_core::{ConnectionId, Dismissal, Input, fact::ExecutorStart};
use proto_types::{
    ExecutorId, FrameworkId, TaskId, TaskInfo, TaskKey,
    executing::{FromExecutor, NumberedStatus, Subscription, ToExecutor},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// A process of an executor, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u64);

/// Something about an executor's process.
#[derive(Debug)]
pub enum ExecutorEvent {
    /// It looks for the agent's socket.
    Connects,
    /// It hears from the agent.
    Hears(ConnectionId, ToExecutor),
    /// Its connection is gone.
    Closed(ConnectionId, Option<Dismissal>),
    /// The agent hears from it.
    Says(ConnectionId, FromExecutor),
    /// The agent sees that its connection is gone.
    Left(ConnectionId),
    /// The agent sees that it is dead.
    Exited(String),
    /// A task that it kills is dead.
    Killed(TaskId),
    /// It was told to end and has waited long enough.
    Ends,
}

/// What runs on a machine.
#[derive(Debug, Default)]
pub struct Machine {
    processes: BTreeMap<ProcessId, Process>,
    connections: BTreeMap<ConnectionId, ProcessId>,
    /// The processes of tasks, and, where nobody has asked yet, how they ended.
    runs: BTreeMap<TaskKey, Run>,
    started: u64,
}

#[derive(Debug)]
struct Process {
    framework: FrameworkId,
    executor: ExecutorId,
    token: String,
    connection: Option<ConnectionId>,
    /// When the last message arrives there and here: none overtakes another.
    last: [Time; 2],
    tasks: BTreeMap<TaskId, Held>,
    unacknowledged: Vec<NumberedStatus>,
    ending: bool,
}

#[derive(Debug)]
struct Held {
    number: u64,
    group: Option<u64>,
    killing: bool,
    over: bool,
}

/// A task's process.
#[derive(Debug)]
struct Run {
    number: u64,
    /// With what it exits, if it does.
    code: i32,
    /// How it ended.
    over: Option<End>,
}

/// How a task's process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// It was killed.
    Killed,
    /// With its machine or its executor.
    Lost,
}

/// What a simulated task does, from its command: `run MILLISECONDS EXITCODE`; anything else runs until it is killed.
fn plan_of(task: &TaskInfo) -> Option<(Duration, i32)> {
    let mut words = task.command.value.split(' ');
    if words.next() != Some("run") {
        return None;
    }
    let length = words.next()?.parse().ok()?;
    Some((Duration::from_millis(length), words.next()?.parse().ok()?))
}

impl Machine {
    /// The tasks whose processes run.
    pub fn running(&self) -> impl Iterator<Item = &TaskKey> {
        self.runs.iter().filter(|(_, run)| run.over.is_none()).map(|(key, _)| key)
    }

    /// Executors that live, by id of their process.
    pub fn executors(&self) -> impl Iterator<Item = (ProcessId, &FrameworkId, &ExecutorId)> {
        self.processes.iter().map(|(id, process)| (*id, &process.framework, &process.executor))
    }

    fn find(&self, framework: &FrameworkId, executor: &ExecutorId, token: &str) -> Option<ProcessId> {
        let same = |process: &Process| {
            process.framework == *framework && process.executor == *executor && process.token == token
        };
        self.processes.iter().find(|(_, process)| same(process)).map(|(id, _)| *id)
    }
}

impl World {
    fn machine(&mut self, index: AgentIndex) -> &mut Machine {
        &mut self.agents[index.0 as usize].machine
    }

    fn executor_delay(&mut self) -> Duration {
        self.kernel.chances.tasks.between(self.settings.executor_delay.0, self.settings.executor_delay.1)
    }

    pub(crate) fn start_executor(&mut self, index: AgentIndex, start: ExecutorStart) {
        self.processes += 1;
        let id = ProcessId(self.processes);
        self.kernel.note(format_args!("{index} starts executor {} of {}", start.info.id, start.framework));
        let process = Process {
            framework: start.framework,
            executor: start.info.id,
            token: start.token,
            connection: None,
            last: [Time::default(); 2],
            tasks: BTreeMap::new(),
            unacknowledged: Vec::new(),
            ending: false,
        };
        self.machine(index).processes.insert(id, process);
        let delay = self.executor_delay() * 4;
        self.kernel.after(delay, Event::Executor(index, id, ExecutorEvent::Connects));
    }

    /// The agent asks to be told when an executor of an earlier run of it is dead.
    pub(crate) fn watch_executor(
        &mut self,
        index: AgentIndex,
        framework: FrameworkId,
        executor: ExecutorId,
        token: String,
    ) {
        if self.machine(index).find(&framework, &executor, &token).is_none() {
            let message = "it was not there any more".to_owned();
            self.give_agent(index, Input::ExecutorExited { framework, executor, token, message });
        }
    }

    pub(crate) fn kill_executor(
        &mut self,
        index: AgentIndex,
        framework: FrameworkId,
        executor: ExecutorId,
        token: String,
    ) {
        match self.machine(index).find(&framework, &executor, &token) {
            Some(id) => self.end_process(index, id, "it was killed"),
            None => {
                let message = "it was not there any more".to_owned();
                self.give_agent(index, Input::ExecutorExited { framework, executor, token, message });
            }
        }
    }

    pub(crate) fn send_to_executor(&mut self, index: AgentIndex, connection: ConnectionId, message: ToExecutor) {
        let Some(id) = self.machine(index).connections.get(&connection).copied() else { return };
        let message = self.tamper_to_executor(message);
        self.pipe(index, id, 0, ExecutorEvent::Hears(connection, message));
    }

    /// Puts something into the socket between an executor and its agent, one way (0: to the executor) or the other.
    fn pipe(&mut self, index: AgentIndex, id: ProcessId, way: usize, event: ExecutorEvent) {
        let delay = self.executor_delay();
        let at = self.kernel.now + delay;
        let Some(process) = self.machine(index).processes.get_mut(&id) else { return };
        process.last[way] = process.last[way].max(at);
        let at = process.last[way];
        self.kernel.queue.plan(at, Event::Executor(index, id, event));
    }

    pub(crate) fn dismiss_executor(&mut self, index: AgentIndex, connection: ConnectionId, why: &Dismissal) {
        let Some(id) = self.machine(index).connections.get(&connection).copied() else { return };
        self.pipe(index, id, 0, ExecutorEvent::Closed(connection, Some(why.clone())));
    }

    pub(crate) fn on_executor(&mut self, index: AgentIndex, id: ProcessId, event: ExecutorEvent) {
        match event {
            ExecutorEvent::Connects => self.connect_executor(index, id),
            ExecutorEvent::Hears(connection, message) => {
                if self.machine(index).processes.get(&id).is_some_and(|process| process.connection == Some(connection))
                {
                    self.executor_hears(index, id, message);
                }
            }
            ExecutorEvent::Closed(connection, why) => self.executor_closed(index, id, connection, why),
            ExecutorEvent::Says(connection, message) => {
                if self.machine(index).connections.contains_key(&connection) {
                    self.give_agent(index, Input::FromExecutor { connection, message });
                }
            }
            ExecutorEvent::Left(connection) => {
                if self.machine(index).connections.remove(&connection).is_some() {
                    self.give_agent(index, Input::ExecutorClosed { connection });
                }
            }
            ExecutorEvent::Exited(message) => self.executor_exited(index, id, message),
            ExecutorEvent::Killed(task) => self.executor_killed(index, id, &task),
            ExecutorEvent::Ends => self.end_process(index, id, "it ended as it was told"),
        }
    }

    fn connect_executor(&mut self, index: AgentIndex, id: ProcessId) {
        let up = self.agent(index).is_up();
        let Some(process) = self.machine(index).processes.get(&id) else { return };
        if process.connection.is_some() {
            return;
        }
        if !up {
            let pause = self.kernel.chances.backoff.between(Duration::from_millis(100), Duration::from_millis(500));
            self.kernel.after(pause, Event::Executor(index, id, ExecutorEvent::Connects));
            return;
        }
        self.executor_connections += 1;
        let connection = ConnectionId(self.executor_connections);
        let machine = self.machine(index);
        machine.connections.insert(connection, id);
        let Some(process) = machine.processes.get_mut(&id) else { return };
        process.connection = Some(connection);
        let subscription = Subscription {
            framework: process.framework.clone(),
            executor: process.executor.clone(),
            token: process.token.clone(),
            tasks: process.tasks.iter().filter(|(_, held)| !held.over).map(|(task, _)| task.clone()).collect(),
            unacknowledged: process.unacknowledged.clone(),
            pid: u32::try_from(id.0).unwrap_or(u32::MAX),
        };
        self.pipe(index, id, 1, ExecutorEvent::Says(connection, FromExecutor::Subscribe(subscription)));
    }

    fn executor_hears(&mut self, index: AgentIndex, id: ProcessId, message: ToExecutor) {
        match message {
            ToExecutor::Subscribed { .. } | ToExecutor::Message(_) => {}
            ToExecutor::Launch { tasks, group } => {
                let group = group.then(|| {
                    self.processes += 1;
                    self.processes
                });
                for task in tasks {
                    self.launch_task(index, id, task, group);
                }
            }
            ToExecutor::Kill { tasks, grace } => {
                for task in tasks {
                    self.kill_task(index, id, &task, grace);
                }
            }
            ToExecutor::Acknowledged(acknowledged) => {
                let machine = self.machine(index);
                let Some(process) = machine.processes.get_mut(&id) else { return };
                for (task, number) in acknowledged {
                    process.unacknowledged.retain(|status| status.status.task != task || status.number > number);
                    let waits = process.unacknowledged.iter().any(|status| status.status.task == task);
                    if !waits && process.tasks.get(&task).is_some_and(|held| held.over) {
                        process.tasks.remove(&task);
                        machine.runs.remove(&TaskKey { framework: process.framework.clone(), task });
                    }
                }
                self.end_if_done(index, id);
            }
            ToExecutor::Shutdown { grace } => self.shut_down(index, id, grace),
        }
    }

    fn shut_down(&mut self, index: AgentIndex, id: ProcessId, grace: Option<Duration>) {
        let Some(process) = self.machine(index).processes.get_mut(&id) else { return };
        process.ending = true;
        let tasks: Vec<TaskId> =
            process.tasks.iter().filter(|(_, held)| !held.over).map(|(task, _)| task.clone()).collect();
        for task in &tasks {
            self.kill_task(index, id, task, grace);
        }
        self.end_if_done(index, id);
    }

    fn end_if_done(&mut self, index: AgentIndex, id: ProcessId) {
        let Some(process) = self.machine(index).processes.get(&id) else { return };
        if process.ending && process.tasks.values().all(|held| held.over) && process.unacknowledged.is_empty() {
            let delay = self.executor_delay();
            self.kernel.after(delay, Event::Executor(index, id, ExecutorEvent::Ends));
        }
    }

    fn executor_closed(&mut self, index: AgentIndex, id: ProcessId, connection: ConnectionId, why: Option<Dismissal>) {
        let machine = self.machine(index);
        machine.connections.remove(&connection);
        let Some(process) = machine.processes.get_mut(&id) else { return };
        if process.connection != Some(connection) {
            return;
        }
        process.connection = None;
        match why {
            Some(Dismissal::Superseded | Dismissal::Confused(_)) => {
                self.end_process(index, id, "another took its place")
            }
            Some(Dismissal::Unknown) => {
                let tasks: Vec<TaskId> = self.tasks_held(index, id);
                for task in tasks {
                    self.executor_killed(index, id, &task);
                }
                self.end_process(index, id, "the agent does not know it");
            }
            Some(Dismissal::Replaced) | None => {
                let pause = self.kernel.chances.backoff.between(Duration::from_millis(50), Duration::from_millis(300));
                self.kernel.after(pause, Event::Executor(index, id, ExecutorEvent::Connects));
            }
        }
    }

    /// An executor's process dies. The built-in one's tasks live on; a custom one's die with it.
    pub(crate) fn end_process(&mut self, index: AgentIndex, id: ProcessId, why: &str) {
        let machine = self.machine(index);
        let Some(process) = machine.processes.remove(&id) else { return };
        self.kernel.note(format_args!("{index} executor {} of {} ends: {why}", process.executor, process.framework));
        if !process.executor.is_built_in() {
            for task in process.tasks.iter().filter(|(_, held)| !held.over).map(|(task, _)| task) {
                let key = TaskKey { framework: process.framework.clone(), task: task.clone() };
                self.end_run(index, &key, End::Lost);
            }
        }
        let delay = self.executor_delay();
        if let Some(connection) = process.connection {
            self.kernel.after(delay, Event::Executor(index, id, ExecutorEvent::Left(connection)));
        }
        let delay = self.executor_delay();
        let life = self.agent(index).life;
        self.dead_executors.insert(id, (life, process.framework, process.executor, process.token));
        self.kernel.after(delay, Event::Executor(index, id, ExecutorEvent::Exited(why.to_owned())));
    }

    fn executor_exited(&mut self, index: AgentIndex, id: ProcessId, message: String) {
        let Some((life, framework, executor, token)) = self.dead_executors.remove(&id) else { return };
        // An agent that was started since finds out when it looks for its executors.
        if self.agent(index).life == life {
            self.give_agent(index, Input::ExecutorExited { framework, executor, token, message });
        }
    }

    /// The agent process is gone: its executors lose their connections and look for the next one.
    pub(crate) fn agent_is_gone(&mut self, index: AgentIndex) {
        let machine = self.machine(index);
        let connections: Vec<(ConnectionId, ProcessId)> =
            std::mem::take(&mut machine.connections).into_iter().collect();
        for (connection, id) in connections {
            self.executor_closed(index, id, connection, None);
        }
    }

    /// Everything on the machine is gone.
    pub(crate) fn end_machine(&mut self, index: AgentIndex) {
        let machine = self.machine(index);
        machine.processes.clear();
        machine.connections.clear();
        let running: BTreeSet<TaskKey> = machine.running().cloned().collect();
        for key in &running {
            self.end_run(index, key, End::Lost);
        }
        self.machine(index).runs.clear();
    }
}

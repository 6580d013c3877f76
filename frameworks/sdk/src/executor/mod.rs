//! Write an executor of your own: what runs a framework's tasks on an agent.
//!
//! Implement [`Executor`] and [`run`] it. The agent starts it with what it must know in its environment; the driver
//! connects over the agent's Unix socket, keeps every update until the agent has it on disk, and connects again when the
//! agent restarts, while the tasks run on.

mod driver;
mod environment;
mod updates;

pub use driver::{Error, run};
pub use environment::{Environment, InvalidEnvironment};
pub use proto_types::executing::TaskLaunch;

use proto_types::{AgentId, TaskId, TaskState, TaskStatus, status::Source, time::Wall};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::mpsc;

/// Reports and messages that may wait for the driver; whoever sends more waits.
const COMMANDS_MAX: usize = 1024;

/// What an executor does. The driver calls one handler at a time; a handler must not block.
#[expect(unused_variables, reason = "the names of parameters without a use are documentation here")]
pub trait Executor: Send {
    /// The agent is there: for the first time, or again after its restart. `kill_grace` holds for tasks that name none.
    fn connected(&mut self, context: &mut Context<'_>, agent: &AgentId, hostname: &str, kill_grace: Duration) {}

    /// The agent is away. Tasks run on; updates are kept.
    fn disconnected(&mut self, context: &mut Context<'_>) {}

    /// Start these tasks, with `group` so that they live and die together. Each is asked for once.
    fn launch(&mut self, context: &mut Context<'_>, tasks: Vec<TaskLaunch>, group: bool);

    /// End a task. Without a grace, that of its description counts.
    fn kill(&mut self, context: &mut Context<'_>, task: TaskId, grace: Option<Duration>);

    /// Bytes from the scheduler.
    fn message(&mut self, context: &mut Context<'_>, data: Vec<u8>) {}

    /// End all tasks, then [`Context::stop`].
    fn shutdown(&mut self, context: &mut Context<'_>, grace: Option<Duration>);
}

/// What a handler may do.
#[derive(Debug)]
pub struct Context<'a> {
    commands: &'a mut VecDeque<Command>,
    handle: &'a Reporter,
}

/// What an executor's own tasks may do. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reporter {
    commands: mpsc::Sender<Command>,
    environment: Arc<Environment>,
}

#[derive(Debug)]
enum Command {
    Update(Box<TaskStatus>),
    Message(Vec<u8>),
    Stop,
}

impl Context<'_> {
    /// Reports on a task. The driver delivers it, however long the agent is away.
    pub fn update(&mut self, status: TaskStatus) {
        self.commands.push_back(Command::Update(Box::new(status)));
    }

    /// Sends bytes to the scheduler, at most once; while the agent is away they are lost.
    pub fn send_message(&mut self, data: Vec<u8>) {
        self.commands.push_back(Command::Message(data));
    }

    /// Ends the driver once every task is over and the agent has every update.
    pub fn stop(&mut self) {
        self.commands.push_back(Command::Stop);
    }

    /// For tasks of the executor's own.
    #[must_use]
    pub fn reporter(&self) -> Reporter {
        self.handle.clone()
    }
}

impl Reporter {
    /// Reports on a task. The driver delivers it, however long the agent is away.
    pub async fn update(&self, status: TaskStatus) {
        // Without a driver the process is about to end, and nobody is left to tell.
        let _ = self.commands.send(Command::Update(Box::new(status))).await;
    }

    /// Sends bytes to the scheduler, at most once; while the agent is away they are lost.
    pub async fn send_message(&self, data: Vec<u8>) {
        let _ = self.commands.send(Command::Message(data)).await;
    }

    /// Ends the driver once every task is over and the agent has every update.
    pub async fn stop(&self) {
        let _ = self.commands.send(Command::Stop).await;
    }

    /// What the agent said at the start.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// A bare report on a task, of now.
#[must_use]
pub fn report(task: &TaskId, state: TaskState, message: impl Into<String>) -> TaskStatus {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let wall = Wall(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let mut status = TaskStatus::new(task.clone(), state, Source::Executor, wall);
    status.message = message.into();
    status
}

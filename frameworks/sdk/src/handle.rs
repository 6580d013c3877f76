//! What other tasks may do.

use crate::{Error, Unanswered};
use framework_core::UserCall;
use proto_types::{
    AgentId, ExecutorId, TaskId,
    scheduling::{Explanation, Reply, Subject},
};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How many commands may wait for the driver; whoever sends more waits.
pub(crate) const COMMANDS_MAX: usize = 1024;

/// What other tasks may ask of a driver. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
}

/// Something asked from outside the handlers.
#[derive(Debug)]
pub(crate) enum Command {
    Call(UserCall),
    Wake,
    Ask { question: Question, answer: oneshot::Sender<Result<Reply, Unanswered>> },
}

/// Something that has an answer.
#[derive(Debug)]
pub(crate) enum Question {
    Explain(Subject),
    Message { agent: AgentId, executor: ExecutorId, data: Vec<u8> },
}

impl Handle {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Command>) {
        let (commands, receiver) = mpsc::channel(COMMANDS_MAX);
        (Self { commands }, receiver)
    }

    /// Has [`crate::Scheduler::woken`] called soon. Several calls may become one.
    pub fn wake(&self) {
        // A full queue wakes the driver as well.
        let _ = self.commands.try_send(Command::Wake);
    }

    /// Kills tasks. Without a grace each gets that of its description.
    ///
    /// # Errors
    /// The driver has stopped.
    pub async fn kill(&self, tasks: Vec<TaskId>, grace: Option<Duration>) -> Result<(), Error> {
        self.call(UserCall::Kill { tasks, grace }).await
    }

    /// Why there are no offers, where a task stands, or whether and where a task would fit.
    ///
    /// # Errors
    /// The master refused, the call was lost, or the driver has stopped.
    pub async fn explain(&self, subject: Subject) -> Result<Explanation, Unanswered> {
        match self.ask(Question::Explain(subject)).await? {
            Reply::Explanation(explanation) => Ok(explanation),
            other => Err(Unanswered::Lost(format!("an answer of another kind came: {other:?}"))),
        }
    }

    /// Sends bytes to an executor, at most once; says whether its agent was connected.
    ///
    /// # Errors
    /// The master refused, the call was lost, or the driver has stopped.
    pub async fn send_message(&self, agent: AgentId, executor: ExecutorId, data: Vec<u8>) -> Result<bool, Unanswered> {
        let reply = self.ask(Question::Message { agent, executor, data }).await?;
        Ok(matches!(reply, Reply::Sent(true)))
    }

    /// Stops the driver. The framework stays for its failover timeout, and its tasks run on.
    ///
    /// # Errors
    /// The driver has stopped already.
    pub async fn stop(&self) -> Result<(), Error> {
        self.call(UserCall::Stop).await
    }

    /// Removes the framework for good, kills its tasks and stops the driver.
    ///
    /// # Errors
    /// The driver has stopped already.
    pub async fn teardown(&self) -> Result<(), Error> {
        self.call(UserCall::Teardown).await
    }

    async fn call(&self, call: UserCall) -> Result<(), Error> {
        self.commands.send(Command::Call(call)).await.map_err(|_| Error::Stopped)
    }

    async fn ask(&self, question: Question) -> Result<Reply, Unanswered> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command::Ask { question, answer }).await.map_err(|_| Unanswered::Stopped)?;
        answered.await.map_err(|_| Unanswered::Stopped)?
    }
}

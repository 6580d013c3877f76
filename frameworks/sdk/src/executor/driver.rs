//! The loop that connects an executor with its agent.

use super::{COMMANDS_MAX, Command, Context, Environment, Executor, InvalidEnvironment, Reporter, updates::Updates};
use crate::connect::describe;
use backon::{BackoffBuilder, ExponentialBuilder};
use proffer_proto::v1::{self, executor_service_client::ExecutorServiceClient};
use proto_types::executing::{FromExecutor, Subscription, ToExecutor};
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming, transport::Channel};

/// Reports taken at once.
const BATCH_MAX: usize = 256;
/// Messages to the agent that may wait; then the executor waits.
const OUTGOING_MAX: usize = 64;
/// How often an agent that is away is looked for: often enough that a restart is hardly noticed.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(1);

/// Why an executor ended otherwise than by its own wish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was not started by an agent.
    #[error(transparent)]
    Environment(#[from] InvalidEnvironment),
    /// The agent does not want it.
    #[error("the agent refused this executor: {0}")]
    Refused(String),
}

/// Runs an executor until it stops.
///
/// # Errors
/// It was not started by an agent, or the agent does not want it.
pub async fn run<E: Executor>(executor: &mut E) -> Result<(), Error> {
    run_in(Environment::read()?, executor).await
}

async fn run_in<E: Executor>(environment: Environment, executor: &mut E) -> Result<(), Error> {
    let (commands, received) = mpsc::channel(COMMANDS_MAX);
    let reporter = Reporter { commands, environment: Arc::new(environment) };
    let mut driver = Driver {
        executor,
        reporter,
        commands: received,
        pending: VecDeque::new(),
        updates: Updates::default(),
        stopping: false,
    };
    let mut waits = backoff();
    loop {
        match driver.attach().await {
            Ok(true) => return Ok(()),
            Ok(false) => waits = backoff(),
            Err(status) if is_final(status.code()) => return Err(Error::Refused(describe(&status))),
            Err(status) => tracing::debug!(error = %describe(&status), "the agent is away"),
        }
        driver.tell(|executor, context| executor.disconnected(context));
        driver.rest(waits.next().unwrap_or(RETRY_MAX)).await;
        if driver.stopping && driver.updates.is_settled() {
            return Ok(());
        }
    }
}

fn backoff() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default().with_min_delay(RETRY_MIN).with_max_delay(RETRY_MAX).without_max_times().build()
}

const fn is_final(code: Code) -> bool {
    matches!(code, Code::InvalidArgument | Code::PermissionDenied | Code::Unauthenticated | Code::NotFound)
}

struct Driver<'a, E> {
    executor: &'a mut E,
    reporter: Reporter,
    commands: mpsc::Receiver<Command>,
    /// What handlers asked for.
    pending: VecDeque<Command>,
    updates: Updates,
    stopping: bool,
}

impl<E: Executor> Driver<'_, E> {
    /// Connects and talks until the connection breaks (false) or the executor has ended (true).
    async fn attach(&mut self) -> Result<bool, Status> {
        let socket = self.reporter.environment().socket.clone();
        let channel =
            kit::channel::unix(socket).await.map_err(|error| Status::unavailable(kit::exit::chain(&error)))?;
        let (outgoing, receiver) = mpsc::channel::<v1::ExecutorCall>(OUTGOING_MAX);
        let subscribe = FromExecutor::Subscribe(self.subscription());
        // The channel is new and has room.
        let _ = outgoing.try_send(subscribe.into());
        let mut client: ExecutorServiceClient<Channel> = ExecutorServiceClient::new(channel);
        let mut events = client.attach(ReceiverStream::new(receiver)).await?.into_inner();
        self.talk(&mut events, &outgoing).await
    }

    fn subscription(&self) -> Subscription {
        let environment = self.reporter.environment();
        Subscription {
            framework: environment.framework.clone(),
            executor: environment.executor.clone(),
            token: environment.token.clone(),
            tasks: self.updates.active(),
            unacknowledged: self.updates.unacknowledged(),
            pid: std::process::id(),
        }
    }

    async fn talk(
        &mut self,
        events: &mut Streaming<v1::ExecutorEvent>,
        outgoing: &mpsc::Sender<v1::ExecutorCall>,
    ) -> Result<bool, Status> {
        let mut batch = Vec::new();
        loop {
            if self.flush(outgoing).await.is_err() {
                return Ok(false);
            }
            if self.stopping && self.updates.is_settled() {
                return Ok(true);
            }
            tokio::select! {
                event = events.message() => match event? {
                    Some(event) => match ToExecutor::try_from(event) {
                        Ok(event) => self.on_event(event),
                        Err(invalid) => tracing::warn!(%invalid, "the agent said what it must not"),
                    },
                    None => return Ok(false),
                },
                _ = self.commands.recv_many(&mut batch, BATCH_MAX) => self.pending.extend(batch.drain(..)),
            }
        }
    }

    fn on_event(&mut self, event: ToExecutor) {
        match event {
            ToExecutor::Subscribed { agent, hostname, kill_grace } => {
                self.tell(|executor, context| executor.connected(context, &agent, &hostname, kill_grace));
            }
            ToExecutor::Launch { mut tasks, group } => {
                tasks.retain(|launch| self.updates.begin(&launch.task.id));
                if !tasks.is_empty() {
                    self.tell(|executor, context| executor.launch(context, tasks, group));
                }
            }
            ToExecutor::Kill { tasks, grace } => {
                for task in tasks {
                    self.tell(|executor, context| executor.kill(context, task, grace));
                }
            }
            ToExecutor::Acknowledged(acknowledgements) => {
                for (task, number) in acknowledgements {
                    self.updates.acknowledge(&task, number);
                }
            }
            ToExecutor::Message(data) => self.tell(|executor, context| executor.message(context, data)),
            ToExecutor::Shutdown { grace } => self.tell(|executor, context| executor.shutdown(context, grace)),
        }
    }

    /// Sends what handlers and tasks asked for.
    async fn flush(&mut self, outgoing: &mpsc::Sender<v1::ExecutorCall>) -> Result<(), mpsc::error::SendError<()>> {
        let mut updates = Vec::new();
        let mut messages = Vec::new();
        while let Some(command) = self.pending.pop_front() {
            match command {
                Command::Update(status) => updates.extend(self.updates.add(*status)),
                Command::Message(data) => messages.push(data),
                Command::Stop => self.stopping = true,
            }
        }
        let closed = |_| mpsc::error::SendError(());
        if !updates.is_empty() {
            outgoing.send(FromExecutor::Updates(updates).into()).await.map_err(closed)?;
        }
        for data in messages {
            outgoing.send(FromExecutor::Message(data).into()).await.map_err(closed)?;
        }
        Ok(())
    }

    /// Waits while the agent is away, and keeps the reports that come meanwhile.
    async fn rest(&mut self, wait: Duration) {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            while let Some(command) = self.pending.pop_front() {
                match command {
                    Command::Update(status) => drop(self.updates.add(*status)),
                    Command::Message(_) => {}
                    Command::Stop => self.stopping = true,
                }
            }
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => return,
                command = self.commands.recv() => self.pending.extend(command),
            }
        }
    }

    fn tell(&mut self, told: impl FnOnce(&mut E, &mut Context<'_>)) {
        let mut context = Context { commands: &mut self.pending, handle: &self.reporter };
        told(self.executor, &mut context);
    }
}

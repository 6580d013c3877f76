//! The loop that connects a session, a scheduler and the network.

use crate::{
    Context, Error, Handle, MasterAddress, Scheduler, connect,
    handle::{Command, Question},
    identity::{IdFile, Identity},
    transport,
};
use framework_core::{
    Config, Effect, Input, Moment, Notice, Outcome, Session, StreamEnd, StreamId, Ticket, Unanswered, UserCall,
};
use proffer_proto::v1::scheduler_service_client::SchedulerServiceClient;
use proto_types::{
    scheduling::{Reply, Subscribe},
    time::Monotonic,
};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    task::{AbortHandle, JoinSet},
    time::Instant,
};
use tonic::transport::Channel;

/// Inputs taken at once. What they cause leaves together: larger batches make fewer and larger calls.
const BATCH_MAX: usize = 256;
/// Inputs that may wait; then the event stream waits, and the master sees a slow reader.
const INPUTS_MAX: usize = 1024;

/// Times that handlers asked for.
#[derive(Debug)]
pub(crate) struct Timers {
    set: BTreeSet<(Instant, u64, u64)>,
    next: u64,
}

impl Timers {
    pub(crate) fn set(&mut self, wait: Duration, token: u64) {
        self.next += 1;
        self.set.insert((Instant::now() + wait, self.next, token));
    }

    fn next_due(&self) -> Option<Instant> {
        self.set.first().map(|(due, ..)| *due)
    }

    fn take_due(&mut self, now: Instant) -> Option<u64> {
        let first = *self.set.first().filter(|(due, ..)| *due <= now)?;
        self.set.remove(&first);
        Some(first.2)
    }
}

/// Runs one session.
pub(crate) struct Driver<'a, S> {
    session: Session,
    scheduler: &'a mut S,
    masters: String,
    id_file: Option<IdFile>,
    incarnation: u64,
    handle: Handle,
    started: Instant,
    inputs: mpsc::Sender<Input>,
    client: Option<SchedulerServiceClient<Channel>>,
    channels: HashMap<String, Channel>,
    streams: HashMap<StreamId, AbortHandle>,
    work: JoinSet<()>,
    calls: Vec<UserCall>,
    timers: Timers,
    answers: HashMap<Ticket, oneshot::Sender<Result<Reply, Unanswered>>>,
    next_ticket: u64,
}

impl<'a, S: Scheduler> Driver<'a, S> {
    pub(crate) async fn run(
        config: Config,
        id_file: Option<IdFile>,
        handle: Handle,
        mut commands: mpsc::Receiver<Command>,
        scheduler: &'a mut S,
    ) -> Result<(), Error> {
        let (sender, mut inputs) = mpsc::channel(INPUTS_MAX);
        let incarnation = config.incarnation;
        if let (Some(file), Some(framework), Some(cluster)) = (&id_file, &config.framework.id, &config.cluster) {
            // Before anybody hears of this scheduler: the next one has to be of a higher incarnation.
            file.write(&Identity { framework: framework.clone(), cluster: cluster.clone(), incarnation })?;
        }
        let mut driver = Self {
            masters: config.masters.join(", "),
            session: Session::new(config),
            scheduler,
            id_file,
            incarnation,
            handle,
            started: Instant::now(),
            inputs: sender,
            client: None,
            channels: HashMap::new(),
            streams: HashMap::new(),
            work: JoinSet::new(),
            calls: Vec::new(),
            timers: Timers { set: BTreeSet::new(), next: 0 },
            answers: HashMap::new(),
            next_ticket: 0,
        };
        let mut batch = vec![Input::Start];
        let mut asked = Vec::new();
        loop {
            for command in asked.drain(..) {
                driver.on_command(command);
            }
            if let Some(end) = driver.settle(batch.drain(..))? {
                return end;
            }
            while driver.work.try_join_next().is_some() {}
            let due = driver.next_due();
            tokio::select! {
                _ = inputs.recv_many(&mut batch, BATCH_MAX) => {}
                _ = commands.recv_many(&mut asked, BATCH_MAX) => {}
                () = tokio::time::sleep_until(due.unwrap_or_else(far)), if due.is_some() => {}
            }
            driver.on_timers();
            batch.push(Input::Tick);
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let session = self.session.next_deadline().map(|due| self.started + due.0);
        [session, self.timers.next_due()].into_iter().flatten().min()
    }

    fn moment(&self) -> Moment {
        let now = Monotonic(self.started.elapsed());
        Moment { now, jitter_permille: rand::random_range(0..=1000) }
    }

    /// Handles inputs and all that follows at once; the end if there is one.
    fn settle(&mut self, batch: impl Iterator<Item = Input>) -> Result<Option<Result<(), Error>>, Error> {
        let moment = self.moment();
        for input in batch {
            let effects = self.session.handle(moment, input);
            if let Some(end) = self.carry_out(effects)? {
                return Ok(Some(end));
            }
        }
        loop {
            let moment = self.moment();
            let mut effects = Vec::new();
            for call in std::mem::take(&mut self.calls) {
                effects.extend(self.session.handle(moment, Input::User(call)));
            }
            effects.extend(self.session.handle(moment, Input::Handled));
            if let Some(end) = self.carry_out(effects)? {
                return Ok(Some(end));
            }
            if self.calls.is_empty() {
                return Ok(None);
            }
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<Option<Result<(), Error>>, Error> {
        for effect in effects {
            match effect {
                Effect::OpenStream { stream, master, subscribe } => self.open(stream, &master, *subscribe),
                Effect::CloseStream(stream) => {
                    if let Some(task) = self.streams.remove(&stream) {
                        task.abort();
                    }
                }
                Effect::Call { call, session, body } => {
                    if let Some(client) = self.client.clone() {
                        self.work.spawn(transport::call(client, call, (session, body), self.inputs.clone()));
                    }
                }
                Effect::Deliver(notice) => self.deliver(notice),
                Effect::Answer { ticket, result } => {
                    if let Some(answer) = self.answers.remove(&ticket) {
                        // Whoever asked may have gone.
                        let _ = answer.send(result);
                    }
                }
                Effect::Keep { framework, cluster } => {
                    if let Some(file) = &self.id_file {
                        file.write(&Identity { framework, cluster, incarnation: self.incarnation })?;
                    }
                }
                Effect::Forget => {
                    if let Some(file) = &self.id_file {
                        file.remove()?;
                    }
                }
                Effect::Stop(outcome) => return Ok(Some(self.end(outcome))),
            }
        }
        Ok(None)
    }

    fn open(&mut self, stream: StreamId, master: &str, subscribe: Subscribe) {
        self.streams.clear();
        let inputs = self.inputs.clone();
        let channel = match (self.channels.get(master), master.parse::<MasterAddress>()) {
            (Some(channel), _) => channel.clone(),
            (None, Ok(address)) => connect::channel(&address),
            (None, Err(error)) => {
                let end = StreamEnd::Broken(error.to_string());
                self.work.spawn(async move { drop(inputs.send(Input::StreamEnded { stream, end }).await) });
                return;
            }
        };
        // One connection is kept: that to the master in use.
        self.channels.retain(|address, _| address == master);
        self.channels.entry(master.to_owned()).or_insert_with(|| channel.clone());
        let client = transport::client(channel);
        self.client = Some(client.clone());
        let task = self.work.spawn(transport::follow(client, stream, subscribe, inputs));
        self.streams.insert(stream, task);
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Call(call) => self.calls.push(call),
            Command::Wake => self.tell(|scheduler, context| scheduler.woken(context)),
            Command::Ask { question, answer } => {
                self.next_ticket += 1;
                let ticket = Ticket(self.next_ticket);
                self.answers.insert(ticket, answer);
                self.calls.push(match question {
                    Question::Explain(subject) => UserCall::Explain { ticket, subject },
                    Question::Message { agent, executor, data } => {
                        UserCall::SendMessage { ticket, agent, executor, data }
                    }
                });
            }
        }
    }

    fn on_timers(&mut self) {
        let now = Instant::now();
        while let Some(token) = self.timers.take_due(now) {
            self.tell(|scheduler, context| scheduler.timer(context, token));
        }
    }

    fn tell(&mut self, told: impl FnOnce(&mut S, &mut Context<'_>)) {
        let mut context = Context { calls: &mut self.calls, timers: &mut self.timers, handle: &self.handle };
        told(self.scheduler, &mut context);
    }

    fn deliver(&mut self, notice: Notice) {
        self.tell(|scheduler, context| match notice {
            Notice::Subscribed { framework, resumed, .. } => scheduler.subscribed(context, &framework, resumed),
            Notice::Disconnected { message } => scheduler.disconnected(context, &message),
            Notice::Offers(offers) => scheduler.offers(context, offers),
            Notice::Rescinded(offers) => scheduler.rescinded(context, offers),
            Notice::Updates(statuses) => {
                for status in statuses {
                    scheduler.update(context, status);
                }
            }
            Notice::Rejected { task, rejection } => scheduler.rejected(context, task, rejection),
            Notice::Message { agent, executor, data } => scheduler.message(context, agent, executor, data),
            Notice::Failure { agent, executor, message } => scheduler.failure(context, agent, executor, &message),
            Notice::Refused { call, refusal } => scheduler.refused(context, call, refusal),
        });
    }

    fn end(&self, outcome: Outcome) -> Result<(), Error> {
        match outcome {
            Outcome::Asked | Outcome::TornDown => Ok(()),
            Outcome::TeardownUnconfirmed { message } => Err(Error::TeardownUnconfirmed(message)),
            Outcome::NeverConnected { message } => Err(Error::Unreachable { masters: self.masters.clone(), message }),
            Outcome::Superseded { message } => Err(Error::Superseded(message)),
            Outcome::Removed { message } => Err(Error::Removed(message)),
            Outcome::Refused(refusal) => Err(Error::Refused(refusal)),
        }
    }
}

/// A time that does not come.
fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

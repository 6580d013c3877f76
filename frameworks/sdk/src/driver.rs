//! The loop that connects a session, a scheduler and the network.

use crate::{
    Context, Error, Handle, MasterAddress, Scheduler, connect,
    election::Election,
    handle::{Command, Question},
    identity::{Identity, Keeper},
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
    sync::Arc,
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
/// How long a stream waits for somebody to lead; less than the session waits for the stream.
const DETECTION_PATIENCE: Duration = Duration::from_secs(8);
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

/// Who leads, for a stream that waits for it.
struct Found {
    stream: StreamId,
    subscribe: Box<Subscribe>,
    leader: Result<MasterAddress, String>,
}

/// Runs one session.
pub(crate) struct Driver<'a, S> {
    session: Session,
    scheduler: &'a mut S,
    masters: String,
    keeper: Option<Keeper>,
    incarnation: u64,
    handle: Handle,
    started: Instant,
    inputs: mpsc::Sender<Input>,
    client: Option<SchedulerServiceClient<Channel>>,
    channels: HashMap<String, Channel>,
    streams: HashMap<StreamId, AbortHandle>,
    /// The election, once its address was used.
    election: Option<(MasterAddress, Arc<Election>)>,
    /// A stream that waits until somebody leads.
    waiting: Option<StreamId>,
    /// The master in use; empty: none.
    master: String,
    found: mpsc::Sender<Found>,
    work: JoinSet<()>,
    calls: Vec<UserCall>,
    timers: Timers,
    answers: HashMap<Ticket, oneshot::Sender<Result<Reply, Unanswered>>>,
    next_ticket: u64,
}

impl<'a, S: Scheduler> Driver<'a, S> {
    pub(crate) async fn run(
        config: Config,
        keeper: Option<Keeper>,
        handle: Handle,
        mut commands: mpsc::Receiver<Command>,
        scheduler: &'a mut S,
    ) -> Result<(), Error> {
        let (sender, mut inputs) = mpsc::channel(INPUTS_MAX);
        let (found, mut findings) = mpsc::channel(1);
        let incarnation = config.incarnation;
        if let (Some(keeper), Some(framework), Some(cluster)) = (&keeper, &config.framework.id, &config.cluster) {
            // Before anybody hears of this scheduler: the next one has to be of a higher incarnation.
            keeper.keep(&Identity { framework: framework.clone(), cluster: cluster.clone(), incarnation }).await?;
        }
        let mut driver = Self {
            masters: config.masters.iter().map(|master| shown(master)).collect::<Vec<_>>().join(", "),
            session: Session::new(config),
            scheduler,
            keeper,
            incarnation,
            handle,
            started: Instant::now(),
            inputs: sender,
            client: None,
            channels: HashMap::new(),
            streams: HashMap::new(),
            election: None,
            waiting: None,
            master: String::new(),
            found,
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
            if let Some(end) = driver.settle(batch.drain(..)).await? {
                return end;
            }
            while driver.work.try_join_next().is_some() {}
            let due = driver.next_due();
            let following = driver.following();
            tokio::select! {
                Some(found) = findings.recv() => driver.on_found(found),
                // A leader that is cut off may not know yet that another leads.
                leader = other_leader(following) => batch.push(driver.deposed(leader)),
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
    async fn settle(&mut self, batch: impl Iterator<Item = Input>) -> Result<Option<Result<(), Error>>, Error> {
        let moment = self.moment();
        for input in batch {
            let effects = self.session.handle(moment, input);
            if let Some(end) = self.carry_out(effects).await? {
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
            if let Some(end) = self.carry_out(effects).await? {
                return Ok(Some(end));
            }
            if self.calls.is_empty() {
                return Ok(None);
            }
        }
    }

    async fn carry_out(&mut self, effects: Vec<Effect>) -> Result<Option<Result<(), Error>>, Error> {
        for effect in effects {
            match effect {
                Effect::OpenStream { stream, master, subscribe } => self.open(stream, &master, *subscribe),
                Effect::CloseStream(stream) => {
                    self.waiting = self.waiting.filter(|waiting| *waiting != stream);
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
                    if let Some(keeper) = &self.keeper {
                        keeper.keep(&Identity { framework, cluster, incarnation: self.incarnation }).await?;
                    }
                }
                Effect::Forget => {
                    if let Some(keeper) = &self.keeper {
                        keeper.forget().await?;
                    }
                }
                Effect::Stop(outcome) => return Ok(Some(self.end(outcome))),
            }
        }
        Ok(None)
    }

    fn open(&mut self, stream: StreamId, master: &str, subscribe: Subscribe) {
        self.streams.clear();
        match master.parse::<MasterAddress>() {
            Ok(address) if address.is_elected() => self.find(stream, address, subscribe),
            Ok(address) => self.open_at(stream, &address, subscribe),
            Err(error) => self.fail(stream, error.to_string()),
        }
    }

    /// The stream cannot be opened.
    fn fail(&mut self, stream: StreamId, why: String) {
        let (inputs, end) = (self.inputs.clone(), StreamEnd::Broken(why));
        self.work.spawn(async move { drop(inputs.send(Input::StreamEnded { stream, end }).await) });
    }

    /// Waits until somebody leads; then the stream is opened there.
    fn find(&mut self, stream: StreamId, address: MasterAddress, subscribe: Subscribe) {
        let known = self.election.take().filter(|(named, _)| *named == address);
        let election = known.map(|(_, election)| election).or_else(|| Election::of(&address).map(Arc::new));
        let Some(election) = election else { return self.fail(stream, format!("{address} names no election")) };
        self.election = Some((address, Arc::clone(&election)));
        (self.waiting, self.master) = (Some(stream), String::new());
        let found = self.found.clone();
        self.work.spawn(async move {
            let leader = election.leader(DETECTION_PATIENCE).await;
            // Without a driver nobody is interested.
            let _ = found.send(Found { stream, subscribe: Box::new(subscribe), leader }).await;
        });
    }

    fn on_found(&mut self, found: Found) {
        if self.waiting != Some(found.stream) {
            return;
        }
        self.waiting = None;
        match found.leader {
            Ok(leader) => self.open_at(found.stream, &leader, *found.subscribe),
            Err(why) => self.fail(found.stream, why),
        }
    }

    /// The election to follow and the master last used, while there are both: another may lead while the old one is
    /// tried again in vain.
    fn following(&self) -> Option<(Arc<Election>, String)> {
        let (_, election) = self.election.as_ref().filter(|_| !self.master.is_empty())?;
        Some((Arc::clone(election), self.master.clone()))
    }

    /// Another master leads than the one in use.
    fn deposed(&mut self, leader: String) -> Input {
        self.master.clone_from(&leader);
        Input::Leader(leader)
    }

    fn open_at(&mut self, stream: StreamId, address: &MasterAddress, subscribe: Subscribe) {
        let (master, inputs) = (address.as_str(), self.inputs.clone());
        master.clone_into(&mut self.master);
        let channel = self.channels.get(master).cloned().unwrap_or_else(|| connect::channel(address));
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

/// An address as people may see it.
fn shown(address: &str) -> String {
    address.parse::<MasterAddress>().map_or_else(|_| address.to_owned(), |address| address.to_string())
}

/// Waits until another master than the one in use leads.
async fn other_leader(following: Option<(Arc<Election>, String)>) -> String {
    match following {
        Some((election, master)) => election.other_than(&master).await,
        None => std::future::pending().await,
    }
}

/// A time that does not come.
fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

//! Calls waiting to leave and calls under way.

use crate::{CallId, Effect, Session, Ticket, reconcile::Asked};
use proto_types::{
    AgentId, Epoch, ExecutorId, Filters, FrameworkInfo, OfferId, RequestId, Role, SessionId, TaskId,
    scheduling::{Accept, Acceptance, Call, Subject, Wants},
    time::Monotonic,
    weight::{BASE, Weigh},
};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Calls under way at once. More do not make a master faster; fewer leave it idle for a round trip.
const IN_FLIGHT_MAX: usize = 32;
/// Calls with acknowledgements under way at once; while they are, the next ones gather.
const ACKNOWLEDGES_IN_FLIGHT_MAX: usize = 4;
/// Between two such calls. The first leaves at once, the next ones gather: nobody waits for them, and under load each
/// call costs more than what is in it.
const ACKNOWLEDGE_PAUSE: Duration = Duration::from_millis(10);
/// So many acknowledgements wait for no pause: the master's credit for unacknowledged updates could run out.
const ACKNOWLEDGE_GATHERED_MAX: usize = 200;
/// Reconciliations under way at once.
const RECONCILES_IN_FLIGHT_MAX: usize = 2;
/// The weight of one call in bytes, roughly. The master refuses messages above 4 MiB.
const WEIGHT_MAX: usize = 512 * 1024;
/// Items of one Decline, Kill, Acknowledge or Reconcile.
pub(crate) const ITEMS_MAX: usize = 2000;
/// How long calls wait after one was lost; doubled with each further loss.
const HOLD_FIRST: Duration = Duration::from_millis(50);
/// The longest such wait.
const HOLD_MAX: Duration = Duration::from_secs(5);

/// A call as the session knows it, with what it takes to send it again.
#[derive(Debug, Clone)]
pub(crate) enum Outgoing {
    Accept { accept: Accept, weight: usize, sent: Option<Epoch> },
    Decline { offers: Vec<OfferId>, filters: Filters },
    Kill { tasks: Vec<TaskId>, grace: Option<Duration> },
    Revive(Vec<Role>),
    Suppress(Vec<Role>),
    UpdateFramework { framework: Box<FrameworkInfo>, wants: Wants },
    SendMessage { ticket: Ticket, agent: AgentId, executor: ExecutorId, data: Vec<u8> },
    Explain { ticket: Ticket, subject: Subject },
    Teardown,
    Acknowledge(Vec<(TaskId, u64)>),
    Reconcile(Asked),
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct InFlight {
    pub(crate) call: Outgoing,
    pub(crate) session: SessionId,
}

/// Calls waiting to leave and calls under way.
#[derive(Debug)]
pub(crate) struct Calls {
    request_prefix: String,
    next_request: u64,
    next_call: u64,
    queue: VecDeque<Outgoing>,
    in_flight: BTreeMap<CallId, InFlight>,
    held_until: Option<Monotonic>,
    losses: u32,
    /// When acknowledgements last left.
    acknowledged_at: Option<Monotonic>,
}

impl Outgoing {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Accept { .. } => "Accept",
            Self::Decline { .. } => "Decline",
            Self::Kill { .. } => "Kill",
            Self::Revive(_) => "Revive",
            Self::Suppress(_) => "Suppress",
            Self::UpdateFramework { .. } => "UpdateFramework",
            Self::SendMessage { .. } => "SendMessage",
            Self::Explain { .. } => "Explain",
            Self::Teardown => "Teardown",
            Self::Acknowledge(_) => "Acknowledge",
            Self::Reconcile(_) => "Reconcile",
        }
    }

    pub(crate) const fn ticket(&self) -> Option<Ticket> {
        match self {
            Self::SendMessage { ticket, .. } | Self::Explain { ticket, .. } => Some(*ticket),
            _ => None,
        }
    }

    /// Whether everything before it must be answered first, and it before everything after: calls travel side by side
    /// and may overtake each other.
    const fn is_barrier(&self) -> bool {
        matches!(self, Self::Revive(_) | Self::Suppress(_) | Self::UpdateFramework { .. } | Self::Teardown)
    }

    /// Whether barriers heed it.
    const fn is_ordered(&self) -> bool {
        !matches!(self, Self::Acknowledge(_) | Self::Reconcile(_) | Self::Explain { .. })
    }

    fn to_call(&self) -> Call {
        match self {
            Self::Accept { accept, .. } => Call::Accept(accept.clone()),
            Self::Decline { offers, filters } => Call::Decline { offers: offers.clone(), filters: *filters },
            Self::Kill { tasks, grace } => Call::Kill { tasks: tasks.clone(), grace: *grace },
            Self::Revive(roles) => Call::Revive(roles.clone()),
            Self::Suppress(roles) => Call::Suppress(roles.clone()),
            Self::UpdateFramework { framework, wants } => {
                Call::UpdateFramework { framework: framework.clone(), wants: wants.clone() }
            }
            Self::SendMessage { agent, executor, data, .. } => {
                Call::SendMessage { agent: agent.clone(), executor: executor.clone(), data: data.clone() }
            }
            Self::Explain { subject, .. } => Call::Explain(subject.clone()),
            Self::Teardown => Call::Teardown,
            Self::Acknowledge(acknowledgements) => Call::Acknowledge(acknowledgements.clone()),
            Self::Reconcile(asked) => asked.call(),
        }
    }
}

impl Calls {
    pub(crate) fn new(request_prefix: String) -> Self {
        // Short enough that a number still fits into an id.
        let request_prefix =
            request_prefix.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(100).collect();
        let (queue, in_flight) = (VecDeque::new(), BTreeMap::new());
        Self {
            request_prefix,
            next_request: 0,
            next_call: 0,
            queue,
            in_flight,
            held_until: None,
            losses: 0,
            acknowledged_at: None,
        }
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_empty()
    }

    /// A teardown is under way.
    pub(crate) fn tears_down(&self) -> bool {
        self.count(|call| matches!(call, Outgoing::Teardown)) > 0
    }

    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        let under_way = self.in_flight.values().map(|in_flight| &in_flight.call);
        self.queue.iter().chain(under_way).filter_map(Outgoing::ticket).collect()
    }

    pub(crate) fn push(&mut self, call: Outgoing) {
        self.queue.push_back(call);
    }

    /// Sends a call again, before all others.
    pub(crate) fn push_front(&mut self, call: Outgoing) {
        self.queue.push_front(call);
    }

    /// Adds to an Accept that has not left yet.
    pub(crate) fn accept(&mut self, acceptance: Acceptance) {
        let added = weigh(&acceptance);
        let open = self.queue.iter_mut().rev().take_while(|call| !call.is_barrier()).find_map(|call| match call {
            Outgoing::Accept { accept, weight, sent: None }
                if !accept.all_or_nothing && *weight + added <= WEIGHT_MAX =>
            {
                Some((accept, weight))
            }
            _ => None,
        });
        match open {
            Some((accept, weight)) => {
                *weight += added;
                accept.acceptances.push(acceptance);
            }
            None => self.accept_apart(vec![acceptance], false),
        }
    }

    /// An Accept of its own.
    pub(crate) fn accept_apart(&mut self, acceptances: Vec<Acceptance>, all_or_nothing: bool) {
        self.next_request += 1;
        let request = RequestId::new(format!("{}-{}", self.request_prefix, self.next_request))
            .expect("a short prefix of letters and digits with a number is an id");
        let weight = acceptances.iter().map(weigh).sum();
        self.push(Outgoing::Accept { accept: Accept { request, acceptances, all_or_nothing }, weight, sent: None });
    }

    /// Adds to a Decline that has not left yet.
    pub(crate) fn decline(&mut self, added: Vec<OfferId>, wanted: Filters) {
        for call in self.queue.iter_mut().rev().take_while(|call| !call.is_barrier()) {
            if let Outgoing::Decline { offers, filters } = call
                && *filters == wanted
                && offers.len() + added.len() <= ITEMS_MAX
            {
                return offers.extend(added);
            }
        }
        self.push(Outgoing::Decline { offers: added, filters: wanted });
    }

    /// Adds to a Kill that has not left yet.
    pub(crate) fn kill(&mut self, added: Vec<TaskId>, wanted: Option<Duration>) {
        for call in self.queue.iter_mut().rev().take_while(|call| !call.is_barrier()) {
            if let Outgoing::Kill { tasks, grace } = call
                && *grace == wanted
                && tasks.len() + added.len() <= ITEMS_MAX
            {
                return tasks.extend(added);
            }
        }
        self.push(Outgoing::Kill { tasks: added, grace: wanted });
    }

    /// A call was lost: the others wait a little.
    pub(crate) fn hold(&mut self, now: Monotonic, jitter_permille: u16) {
        let wait = HOLD_FIRST.saturating_mul(1 << self.losses.min(16)).min(HOLD_MAX);
        self.losses = self.losses.saturating_add(1);
        self.held_until = Some(now + wait * (1000 + u32::from(jitter_permille)) / 2000);
    }

    /// Calls may leave again.
    pub(crate) fn release(&mut self) {
        self.held_until = None;
    }

    /// A call was answered.
    pub(crate) fn settle(&mut self) {
        self.losses = 0;
    }

    pub(crate) fn take(&mut self, call: CallId) -> Option<InFlight> {
        self.in_flight.remove(&call)
    }

    /// Takes out every Accept, waiting or under way, of which this holds.
    pub(crate) fn take_accepts(
        &mut self,
        mut wanted: impl FnMut(Option<Epoch>) -> bool,
    ) -> Vec<(Accept, Option<Epoch>)> {
        let mut taken = Vec::new();
        let mut keep = |call: &Outgoing| match call {
            Outgoing::Accept { accept, sent, .. } if wanted(*sent) => {
                taken.push((accept.clone(), *sent));
                false
            }
            _ => true,
        };
        self.in_flight.retain(|_, in_flight| keep(&in_flight.call));
        self.queue.retain(keep);
        taken
    }

    fn count(&self, counted: impl Fn(&Outgoing) -> bool) -> usize {
        self.in_flight.values().filter(|in_flight| counted(&in_flight.call)).count()
    }

    /// The next call in line, if it may leave now.
    fn next(&mut self) -> Option<Outgoing> {
        let head = self.queue.front()?;
        let ordered = self.count(Outgoing::is_ordered);
        let blocked = if head.is_barrier() { ordered > 0 } else { self.count(Outgoing::is_barrier) > 0 };
        if blocked || ordered >= IN_FLIGHT_MAX {
            return None;
        }
        self.queue.pop_front()
    }
}

impl Session {
    /// When there is something to call about that time alone lets go. Without a stream nothing leaves, and what waits
    /// for an answer is looked at when that comes: a deadline that no tick could move would keep a shell busy.
    pub(crate) fn calls_deadline(&self) -> Option<Monotonic> {
        if !self.link.is_open() {
            return None;
        }
        let held = self.calls.held_until;
        let asking = self.calls.count(|call| matches!(call, Outgoing::Reconcile(_)));
        let asked = self.inquiries.next_due().filter(|_| asking < RECONCILES_IN_FLIGHT_MAX);
        match held {
            Some(held) => Some(held),
            None => [asked, self.acknowledge_due()].into_iter().flatten().min(),
        }
    }

    /// When what is to be acknowledged may leave; none: there is nothing, or an answer lets go of it.
    fn acknowledge_due(&self) -> Option<Monotonic> {
        let under_way = self.calls.count(|call| matches!(call, Outgoing::Acknowledge(_)));
        if self.acknowledgements.ready() == 0 || under_way >= ACKNOWLEDGES_IN_FLIGHT_MAX {
            return None;
        }
        let gathered = ACKNOWLEDGE_GATHERED_MAX.min(self.config.wants.credit.updates as usize / 2);
        let paused = self.calls.acknowledged_at.filter(|_| self.acknowledgements.ready() < gathered);
        Some(paused.map_or(self.now, |last| last + ACKNOWLEDGE_PAUSE))
    }

    /// Sends what may be sent.
    pub(crate) fn pump(&mut self) {
        if !self.link.is_open() || self.calls.held_until.is_some_and(|until| until > self.now) {
            return;
        }
        self.calls.held_until = None;
        while let Some(mut call) = self.calls.next() {
            if let Outgoing::Accept { sent, .. } = &mut call {
                *sent = Some(self.epoch);
            }
            self.send(call);
        }
        while self.acknowledge_due().is_some_and(|due| due <= self.now) {
            let batch = self.acknowledgements.take(ITEMS_MAX);
            self.calls.acknowledged_at = Some(self.now);
            self.send(Outgoing::Acknowledge(batch));
        }
        while self.calls.count(|call| matches!(call, Outgoing::Reconcile(_))) < RECONCILES_IN_FLIGHT_MAX {
            let Some(asked) = self.inquiries.take(self.now, ITEMS_MAX, &self.tasks) else { break };
            self.send(Outgoing::Reconcile(asked));
        }
    }

    fn send(&mut self, call: Outgoing) {
        let Some(standing) = &self.standing else { return };
        self.calls.next_call += 1;
        let id = CallId(self.calls.next_call);
        let session = standing.session.clone();
        self.out.push(Effect::Call { call: id, session: session.clone(), body: call.to_call() });
        self.calls.in_flight.insert(id, InFlight { call, session });
    }
}

/// The bytes of an acceptance on the wire, about.
pub(crate) fn weigh(acceptance: &Acceptance) -> usize {
    let executors = acceptance.launches.iter().filter_map(|launch| launch.executor.as_ref());
    let tasks = acceptance.launches.iter().flat_map(|launch| &launch.tasks);
    let launched = executors.map(Weigh::weight).sum::<usize>() + tasks.map(Weigh::weight).sum::<usize>();
    BASE * (1 + acceptance.offers.len()) + launched
}

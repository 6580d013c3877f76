//! The checker: it watches everything from outside, keeps books of its own, and compares. It takes nothing from the
//! cores but what they say and do.

mod evidence;
mod fence;
mod journals;
mod log;
mod offers;
mod registry;
mod rest;
mod seen;

pub use evidence::TaskRecord;
pub use log::Meaning;
pub use rest::first_unrest;

use crate::{
    hosts::{AgentIndex, FrameworkIndex},
    time::Time,
    violation::{Invariant, Violation},
};
use evidence::Evidence;
use fence::Fence;
use journals::Journal;
use log::LogBook;
use master_core::{Body, CallId, Change, ConnectionId, Effect, Input, OperatorCall, OperatorReply};
use offers::{AcceptWatch, Offers};
use proto_types::{
    AgentId, Epoch, FrameworkId, Role, SessionId, TaskId, TaskKey,
    link::ToAgent,
    registry::{Fact, RegistryChange},
    resources::{Limits, Quantities},
    scheduling::{Accept, Call, Event, Reply},
};
use registry::Registry;
use std::{collections::BTreeMap, time::Duration};

/// So many violations are kept; the first is what matters.
const VIOLATIONS_MAX: usize = 20;

/// The checker's books.
#[derive(Debug)]
pub struct Checker {
    /// What did not hold, in the order found.
    pub violations: Vec<Violation>,
    /// What really ran, and what schedulers saw of it.
    pub evidence: Evidence,
    /// What became of offers.
    pub offers: Offers,
    /// What the registry holds.
    pub registry: Registry,
    /// What the log in ZooKeeper holds.
    pub log: LogBook,
    journals: Vec<Journal>,
    fences: Vec<Fence>,
    sessions: BTreeMap<SessionId, FrameworkId>,
    /// The incarnation that subscribes on a stream.
    streams: BTreeMap<ConnectionId, u64>,
    /// What the operator was told to be the limit.
    limits: BTreeMap<Role, Limits>,
    /// Limits that were set, and the operator is not told yet.
    limits_set: BTreeMap<(Epoch, CallId), (Role, Limits)>,
    allocated: BTreeMap<Role, Quantities>,
    answers: BTreeMap<(FrameworkId, proto_types::RequestId), (Epoch, Verdicts)>,
    /// Which machine an agent is on.
    identities: BTreeMap<AgentId, AgentIndex>,
    /// The epoch whose leader can write.
    elected: Epoch,
    offer_timeout: Duration,
    ping_interval: Duration,
}

/// Tasks of an accept, and whether each was taken.
type Verdicts = Vec<(TaskId, bool)>;

/// What is to be looked at once a master has reacted to an input.
#[derive(Debug, Default)]
pub struct Watch {
    accept: Option<AcceptWatch>,
    declined: Vec<proto_types::OfferId>,
    limit: Option<(Role, Limits)>,
    incarnation: Option<u64>,
    promised: std::cell::RefCell<Vec<(Role, Quantities)>>,
    answered: std::cell::Cell<bool>,
}

impl Checker {
    /// A checker for a world with so many agents.
    #[must_use]
    pub fn new(agents: usize, offer_timeout: Duration, ping_interval: Duration) -> Self {
        Self {
            violations: Vec::new(),
            evidence: Evidence::new(agents),
            offers: Offers::default(),
            registry: Registry::default(),
            log: LogBook::default(),
            journals: std::iter::repeat_with(Journal::default).take(agents).collect(),
            fences: std::iter::repeat_with(Fence::default).take(agents).collect(),
            sessions: BTreeMap::new(),
            streams: BTreeMap::new(),
            limits: BTreeMap::new(),
            limits_set: BTreeMap::new(),
            allocated: BTreeMap::new(),
            answers: BTreeMap::new(),
            identities: BTreeMap::new(),
            elected: Epoch::default(),
            offer_timeout,
            ping_interval,
        }
    }

    /// One more agent joins the world.
    pub fn add_agent(&mut self) {
        self.evidence.add_agent();
        self.journals.push(Journal::default());
        self.fences.push(Fence::default());
    }

    /// Something does not hold.
    pub fn violate(&mut self, invariant: Invariant, detail: String) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { invariant, detail });
        }
    }

    /// The log holds this, after an election.
    pub fn log_settled(&mut self, epoch: Epoch, entries: &[RegistryChange]) {
        self.elected = epoch;
        self.registry.settle(entries);
    }

    /// The log was replaced by so many entries that amount to the same.
    pub fn log_compacted(&mut self, length: usize) {
        self.registry.compacted(length);
    }

    /// These entries of the log are stored.
    pub fn log_stored(&mut self, entries: &[RegistryChange]) {
        self.registry.store(entries);
    }

    /// A leader begins.
    pub fn term_begun(&mut self) {
        self.allocated.clear();
    }

    /// A framework got its id.
    pub fn framework_named(&mut self, owner: FrameworkIndex, id: FrameworkId) {
        self.evidence.frameworks.insert(id, owner);
    }

    /// A master is about to react to something.
    pub fn master_takes(&mut self, now: Time, epoch: Epoch, ticked: Time, input: &Input) -> Watch {
        let mut watch = Watch::default();
        match input {
            Input::Subscribe { connection, request, .. } => {
                self.streams.insert(*connection, request.incarnation);
                watch.incarnation = Some(request.incarnation);
            }
            Input::SchedulerClosed { connection, .. } => drop(self.streams.remove(connection)),
            Input::Call { session, body, .. } => match body {
                Call::Accept(accept) => {
                    if let Some(framework) = self.sessions.get(session) {
                        let framework = framework.clone();
                        watch.accept =
                            Some(self.offers.watch(framework, accept, now, ticked, epoch, self.offer_timeout));
                    }
                }
                Call::Decline { offers, .. } => {
                    let framework = self.sessions.get(session);
                    let own =
                        offers.iter().filter(|offer| framework.is_some() && self.offers.owner(offer) == framework);
                    watch.declined = own.cloned().collect();
                }
                _ => {}
            },
            Input::Operate { body: OperatorCall::UpdateRole { role, limit: Some(limit), .. }, .. } => {
                watch.limit = Some((role.clone(), limit.clone()));
            }
            _ => {}
        }
        watch
    }

    /// A master does something, though it may have to wait.
    pub fn master_makes(&mut self, now: Time, epoch: Epoch, watch: &Watch, effect: &Effect) {
        match &effect.body {
            // A leader that is none any more cannot write, and cannot know what others wrote.
            Body::Append(..) if epoch != self.elected => {}
            Body::Append(_, change) => {
                let known = self.registry.agents();
                if let Some(detail) = self.registry.made(now, change, known, self.ping_interval) {
                    self.violate(Invariant::AgentsAreNotRemovedInMasses, detail);
                }
                if let Fact::AgentDrained { agent } = &change.fact {
                    self.check_drained(agent);
                }
            }
            Body::ToAgent(_, ToAgent::Registered { id, .. }) if epoch == self.elected && self.registry.is_gone(id) => {
                self.violate(Invariant::AnAgentThatIsGoneStaysGone, format!("{id} is admitted"));
            }
            Body::ToScheduler(_, event) => match &event.event {
                Event::Subscribed { framework, session, .. } => {
                    self.sessions.insert(session.clone(), framework.clone());
                    if epoch == self.elected {
                        self.on_subscribed(watch, framework);
                    }
                }
                Event::Offers(offers) => {
                    for offer in offers {
                        watch.promised.borrow_mut().push((offer.role.clone(), offer.resources.quantities()));
                        self.offers.made(now, epoch, offer);
                    }
                }
                Event::Rescinded(offers) => offers.iter().for_each(|offer| self.offers.gone(now, offer)),
                _ => {}
            },
            Body::Reply(_, Ok(Reply::Verdicts(verdicts))) => {
                let verdicts: Vec<(TaskId, bool)> =
                    verdicts.iter().map(|verdict| (verdict.task.clone(), verdict.result.is_ok())).collect();
                self.on_verdicts(now, epoch, watch, verdicts);
            }
            Body::Reply(_, Ok(Reply::Declined(_))) => watch.answered.set(true),
            Body::OperatorReply(call, Ok(OperatorReply::Done)) => {
                if let Some(limit) = &watch.limit {
                    self.limits_set.insert((epoch, *call), limit.clone());
                }
            }
            Body::Changed(Change::Offer(_, offer)) if epoch == self.elected => {
                if let Some((invariant, detail)) = self.registry.judge_offer(&offer.agent) {
                    self.violate(invariant, detail);
                }
            }
            Body::Changed(Change::OfferRemoved(offer)) => self.offers.gone(now, offer),
            Body::Changed(Change::Role(role, view)) => {
                drop(self.allocated.insert(role.clone(), view.allocated.clone()))
            }
            Body::Changed(Change::RoleRemoved(role)) => drop(self.allocated.remove(role)),
            _ => {}
        }
    }

    /// Nothing may run on an agent that is said to be drained.
    fn check_drained(&mut self, agent: &AgentId) {
        let Some(index) = self.identities.get(agent).copied() else { return };
        let here = |record: &TaskRecord| record.runs() && record.started == Some(index);
        let running = self.evidence.tasks.iter().find(|(_, record)| here(record)).map(|(key, _)| key.clone());
        if let Some(key) = running {
            self.violate(Invariant::ADrainedAgentRunsNothing, format!("{key} runs on {index}, which is {agent}"));
        }
    }

    fn on_subscribed(&mut self, watch: &Watch, framework: &FrameworkId) {
        if self.registry.is_removed(framework) {
            self.violate(Invariant::ARemovedFrameworkStaysDead, format!("{framework} is subscribed again"));
        }
        let newest = self.registry.incarnation_made(framework);
        if let (Some(given), Some(newest)) = (watch.incarnation, newest)
            && given < newest
        {
            let detail = format!("{framework}: incarnation {given} is subscribed after {newest}");
            self.violate(Invariant::ASupersededSchedulerIsRefused, detail);
        }
    }

    fn on_verdicts(&mut self, now: Time, epoch: Epoch, watch: &Watch, verdicts: Vec<(TaskId, bool)>) {
        let Some(accept) = &watch.accept else { return };
        let key = (accept.framework.clone(), accept.request.clone());
        if let Some((of, first)) = self.answers.get(&key)
            && *of == epoch
        {
            if *first != verdicts {
                let detail = format!("{} {}: {first:?}, then {verdicts:?}", key.0, key.1);
                self.violate(Invariant::ARetriedAcceptGetsItsFirstAnswer, detail);
            }
            return;
        }
        if accept.is_mixed(&verdicts) {
            let detail = format!("{} {}: {verdicts:?}", key.0, key.1);
            self.violate(Invariant::AGangIsLaunchedWholeOrNotAtAll, detail);
        }
        for (invariant, detail) in accept.judge(&verdicts) {
            self.violate(invariant, detail);
        }
        for offer in accept.used(&verdicts) {
            self.offers.used(now, offer, &accept.request);
        }
        for (task, _) in verdicts.iter().filter(|(_, accepted)| *accepted) {
            let task = TaskKey { framework: accept.framework.clone(), task: task.clone() };
            if let Some(role) = accept.role_of(&task.task) {
                let need = self.evidence.resources(&task).quantities();
                watch.promised.borrow_mut().push((role, need));
            }
            self.evidence.accepted(task);
        }
        self.answers.insert(key, (epoch, verdicts));
        if self.answers.len() > 20_000 {
            self.answers.pop_first();
        }
    }

    /// A master has reacted.
    pub fn master_done(&mut self, now: Time, epoch: Epoch, watch: Watch) {
        if watch.answered.get() {
            let left: Vec<_> =
                watch.declined.iter().filter(|offer| self.offers.is_outstanding(offer, epoch)).cloned().collect();
            for offer in left {
                self.violate(Invariant::ADeclinedOfferIsNoMore, format!("{offer} was declined and is outstanding"));
            }
        }
        let promised = watch.promised.into_inner();
        if !self.limits.is_empty() {
            for (role, amounts) in &promised {
                self.check_limits(role, amounts);
            }
        }
        self.offers.trim(now);
    }

    fn check_limits(&mut self, role: &Role, promised: &Quantities) {
        let mut broken = Vec::new();
        for (limited, limit) in self.limits.iter().filter(|(limited, _)| role.is_within(limited)) {
            let Some(allocated) = self.allocated.get(limited) else { continue };
            for (name, bound) in limit.iter() {
                if promised.get(name) > proto_types::Scalar::ZERO && allocated.get(name) > *bound {
                    broken.push(format!("role {limited} has {}:{} of at most {bound}", name, allocated.get(name)));
                }
            }
        }
        for detail in broken {
            self.violate(Invariant::LimitsAreKept, detail);
        }
    }

    /// Something of a master leaves.
    pub fn master_sends(&mut self, epoch: Epoch, effect: &Effect) {
        if let Body::OperatorReply(call, _) = &effect.body {
            self.limits.extend(self.limits_set.remove(&(epoch, *call)));
        }
        for (invariant, detail) in self.registry.judge(effect, &self.streams) {
            self.violate(invariant, detail);
        }
    }

    /// Whether the operator knows of a limit.
    #[must_use]
    pub fn has_limits(&self) -> bool {
        !self.limits.is_empty()
    }

    /// A scheduler asks for tasks, and may follow what becomes of them.
    pub fn scheduler_accepts(&mut self, framework: &FrameworkId, accept: &Accept, followed: bool) {
        for launch in accept.acceptances.iter().flat_map(|acceptance| &acceptance.launches) {
            for task in &launch.tasks {
                let key = TaskKey { framework: framework.clone(), task: task.id.clone() };
                self.evidence.wanted(key, task.resources.clone(), followed);
            }
        }
    }

    /// A scheduler asks for the end of tasks.
    pub fn scheduler_kills(&mut self, framework: &FrameworkId, tasks: &[TaskId]) {
        for task in tasks {
            self.evidence.killed(&TaskKey { framework: framework.clone(), task: task.clone() });
        }
    }

    /// An agent is about to hear something.
    pub fn agent_hears(&mut self, index: AgentIndex, epoch: Epoch) {
        self.fences[index.0 as usize].hears(epoch);
    }

    /// It has heard it.
    pub fn agent_heard(&mut self, index: AgentIndex) {
        self.fences[index.0 as usize].heard();
    }

    /// An agent does something, though it may have to wait.
    pub fn agent_makes(&mut self, index: AgentIndex, effect: &agent_core::Effect) {
        if let Some(detail) = self.fences[index.0 as usize].makes(effect) {
            self.violate(Invariant::NoAgentActsOnALowerEpoch, format!("{index} {detail}"));
        }
    }

    /// Something of an agent leaves.
    pub fn agent_sends(&mut self, index: AgentIndex, effect: &agent_core::Effect) {
        if let Some(detail) = self.journals[index.0 as usize].judge(effect) {
            self.violate(Invariant::NothingIsDoneBeforeItIsJournalled, format!("{index} {detail}"));
        }
    }

    /// Records of an agent's journal are stored.
    pub fn journal_stored(&mut self, index: AgentIndex, facts: &[agent_core::Fact]) {
        for fact in facts {
            self.journals[index.0 as usize].store(fact);
            self.fences[index.0 as usize].stored(fact);
            self.evidence.journalled(index, fact);
            if let agent_core::Fact::Identified { agent, .. } = fact {
                self.identities.insert(agent.clone(), index);
            }
        }
    }

    /// The first records of an agent's journal outlive the machine.
    pub fn journal_synced(&mut self, index: AgentIndex, records: usize) {
        self.journals[index.0 as usize].sync(records);
    }

    /// An agent's journal is begun anew with so many records.
    pub fn journal_replaced(&mut self, index: AgentIndex, records: usize) {
        self.journals[index.0 as usize].replace(records);
    }

    /// The agent process is gone; its journal holds this.
    pub fn journal_settled(&mut self, index: AgentIndex, facts: &[agent_core::Fact]) {
        self.journals[index.0 as usize].rebuild(facts);
        self.fences[index.0 as usize].crashed();
        for fact in facts {
            self.fences[index.0 as usize].stored(fact);
            self.evidence.journalled(index, fact);
        }
    }

    /// The machine was started anew; its journal holds this.
    pub fn journal_lost(&mut self, index: AgentIndex, facts: &[agent_core::Fact]) {
        self.journals[index.0 as usize].rebuild(facts);
        self.evidence.lost(index);
        facts.iter().for_each(|fact| self.evidence.journalled(index, fact));
    }
}

//! What becomes of offers.

use crate::{time::Time, violation::Invariant};
use proto_types::{Epoch, FrameworkId, Offer, OfferId, RequestId, Role, TaskId, scheduling::Accept};
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// How long an offer that is no more is remembered. Late calls are seconds late, not minutes.
const MEMORY: Duration = Duration::from_secs(120);

/// Where an offer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Outstanding,
    Used(RequestId),
    Gone,
}

#[derive(Debug, Clone)]
struct Record {
    framework: FrameworkId,
    role: Role,
    epoch: Epoch,
    made: Time,
    state: State,
}

/// What became of offers.
#[derive(Debug, Default)]
pub struct Offers {
    records: BTreeMap<OfferId, Record>,
    ended: VecDeque<(Time, OfferId)>,
}

/// An accept, and where its offers stood when it came.
#[derive(Debug)]
pub(super) struct AcceptWatch {
    pub(super) framework: FrameworkId,
    pub(super) request: RequestId,
    all_or_nothing: bool,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    offers: Vec<(OfferId, Option<Trouble>)>,
    role: Option<Role>,
    tasks: Vec<TaskId>,
    groups: Vec<Vec<TaskId>>,
}

/// Why an offer should not be honoured.
#[derive(Debug)]
enum Trouble {
    OldEpoch(Epoch),
    Used(RequestId),
    Expired,
    Gone,
}

impl Offers {
    pub(super) fn made(&mut self, now: Time, epoch: Epoch, offer: &Offer) {
        let (framework, role) = (offer.framework.clone(), offer.role.clone());
        let record = Record { framework, role, epoch, made: now, state: State::Outstanding };
        // A resumed stream shows offers again that were made before.
        self.records.entry(offer.id.clone()).or_insert(record);
    }

    pub(super) fn gone(&mut self, now: Time, offer: &OfferId) {
        if let Some(record) = self.records.get_mut(offer)
            && record.state == State::Outstanding
        {
            record.state = State::Gone;
            self.ended.push_back((now, offer.clone()));
        }
    }

    pub(super) fn used(&mut self, now: Time, offer: &OfferId, request: &RequestId) {
        if let Some(record) = self.records.get_mut(offer) {
            if record.state == State::Outstanding {
                self.ended.push_back((now, offer.clone()));
            }
            record.state = State::Used(request.clone());
        }
    }

    /// Whose an offer is or was.
    #[must_use]
    pub fn owner(&self, offer: &OfferId) -> Option<&FrameworkId> {
        self.records.get(offer).map(|record| &record.framework)
    }

    pub(super) fn is_outstanding(&self, offer: &OfferId, epoch: Epoch) -> bool {
        self.records.get(offer).is_some_and(|record| record.epoch == epoch && record.state == State::Outstanding)
    }

    /// When an offer was made.
    #[must_use]
    pub fn made_at(&self, offer: &OfferId) -> Option<Time> {
        self.records.get(offer).map(|record| record.made)
    }

    /// Forgets what is long over.
    pub(super) fn trim(&mut self, now: Time) {
        while let Some((at, _)) = self.ended.front() {
            if now - *at < MEMORY {
                break;
            }
            if let Some((_, offer)) = self.ended.pop_front() {
                self.records.remove(&offer);
            }
        }
    }

    pub(super) fn watch(
        &self,
        framework: FrameworkId,
        accept: &Accept,
        now: Time,
        ticked: Time,
        epoch: Epoch,
        timeout: Duration,
    ) -> AcceptWatch {
        let trouble = |offer: &OfferId| {
            let Some(record) = self.records.get(offer) else { return Some(Trouble::Gone) };
            if record.epoch != epoch {
                return Some(Trouble::OldEpoch(record.epoch));
            }
            match &record.state {
                State::Used(request) if *request != accept.request => Some(Trouble::Used(request.clone())),
                // The clock of the master moves by ticks: what expires between two of them lives until the later.
                _ if ticked.min(now) >= record.made + timeout => Some(Trouble::Expired),
                State::Gone => Some(Trouble::Gone),
                State::Outstanding | State::Used(_) => None,
            }
        };
        let parts = accept.acceptances.iter().map(|acceptance| {
            let ids = |launch: &proto_types::task::Launch| {
                launch.tasks.iter().map(|task| task.id.clone()).collect::<Vec<_>>()
            };
            Part {
                offers: acceptance.offers.iter().map(|offer| (offer.clone(), trouble(offer))).collect(),
                role: acceptance
                    .offers
                    .iter()
                    .find_map(|offer| self.records.get(offer))
                    .map(|record| record.role.clone()),
                tasks: acceptance.launches.iter().flat_map(ids).collect(),
                groups: acceptance.launches.iter().filter(|launch| launch.group).map(ids).collect(),
            }
        });
        AcceptWatch {
            framework,
            request: accept.request.clone(),
            all_or_nothing: accept.all_or_nothing,
            parts: parts.collect(),
        }
    }
}

impl AcceptWatch {
    /// Whether of what should be whole only a part was accepted.
    pub(super) fn is_mixed(&self, verdicts: &[(TaskId, bool)]) -> bool {
        let mixed = |wanted: &dyn Fn(&TaskId) -> bool| {
            let mut of = verdicts.iter().filter(|(task, _)| wanted(task)).map(|(_, accepted)| *accepted);
            let first = of.next();
            of.any(|accepted| Some(accepted) != first)
        };
        (self.all_or_nothing && mixed(&|_| true))
            || self.parts.iter().flat_map(|part| &part.groups).any(|group| mixed(&|task| group.contains(task)))
    }

    fn accepted_parts(&self, verdicts: &[(TaskId, bool)]) -> impl Iterator<Item = &Part> {
        self.parts
            .iter()
            .filter(move |part| verdicts.iter().any(|(task, accepted)| *accepted && part.tasks.contains(task)))
    }

    /// What is wrong with what was accepted.
    pub(super) fn judge(&self, verdicts: &[(TaskId, bool)]) -> Vec<(Invariant, String)> {
        let mut wrong = Vec::new();
        for part in self.accepted_parts(verdicts) {
            for (offer, trouble) in &part.offers {
                let Some(trouble) = trouble else { continue };
                let by = format!("{offer} is honoured for {} {}", self.framework, self.request);
                wrong.push(match trouble {
                    Trouble::OldEpoch(epoch) => {
                        (Invariant::NoOfferOfAnOldEpochIsHonoured, format!("{by}, of epoch {epoch}"))
                    }
                    Trouble::Used(request) => (Invariant::NoOfferIsUsedTwice, format!("{by}, used by {request}")),
                    Trouble::Expired => (Invariant::NoExpiredOfferIsHonoured, format!("{by}, expired")),
                    Trouble::Gone => (Invariant::NoOfferIsHonouredThatIsGone, format!("{by}, gone")),
                });
            }
        }
        wrong
    }

    pub(super) fn used<'a>(&'a self, verdicts: &'a [(TaskId, bool)]) -> impl Iterator<Item = &'a OfferId> {
        self.parts
            .iter()
            .filter(|part| verdicts.iter().any(|(task, accepted)| *accepted && part.tasks.contains(task)))
            .flat_map(|part| part.offers.iter().map(|(offer, _)| offer))
    }

    pub(super) fn role_of(&self, task: &TaskId) -> Option<Role> {
        self.parts.iter().find(|part| part.tasks.contains(task))?.role.clone()
    }
}

//! An app that wants more instances than it has, as `/v2/queue` shows it.

use super::{RunSpec, Shortage};
use crate::app::Timestamp;
use imbl::OrdMap;
use proto_types::{AgentId, Offer};
use std::{sync::Arc, time::Duration};

/// So many of the last unused offers are kept, one for each agent.
pub const UNUSED_OFFERS_MAX: usize = 100;

/// An app or a pod that wants instances.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueItem {
    /// Which.
    pub spec: RunSpec,
    /// How many instances are wanted and not launched.
    pub count: u32,
    /// Since when.
    pub since: Timestamp,
    /// Until when it waits after failures; none: not at all.
    pub delayed_until: Option<Timestamp>,
    /// Why nothing can be launched whatever is offered: a secret that is not there. None: nothing is in the way.
    pub blocked: Option<String>,
    /// Offers looked at since then.
    pub processed: u64,
    /// Those of them that were of no use.
    pub unused: u64,
    /// When last one was of no use.
    pub last_unused_at: Option<Timestamp>,
    /// When last one was used.
    pub last_used_at: Option<Timestamp>,
    /// The last offers that were of no use, one for each agent, at most [`UNUSED_OFFERS_MAX`].
    pub last_unused_offers: OrdMap<AgentId, Arc<UnusedOffer>>,
    /// Of all offers since the last launch: how many there were, and how many each reason took out.
    pub(super) since_launch: Funnel,
}

/// How many offers one reason took out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectCount {
    /// Why.
    pub reason: RejectReason,
    /// So many.
    pub declined: u64,
    /// Of so many that were left.
    pub processed: u64,
}

/// An offer that was of no use.
#[derive(Debug, Clone, PartialEq)]
pub struct UnusedOffer {
    /// The offer.
    pub offer: Arc<Offer>,
    /// What it lacks, everything.
    pub shortages: Vec<Shortage>,
    /// When.
    pub timestamp: Timestamp,
}

/// Why an offer is of no use, in the order in which it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Marathon's and say it")]
pub enum RejectReason {
    UnfulfilledRole,
    UnfulfilledConstraint,
    NoCorrespondingReservationFound,
    AgentMaintenance,
    InsufficientCpus,
    InsufficientMemory,
    InsufficientDisk,
    InsufficientGpus,
    InsufficientPorts,
    DeclinedScarceResources,
}

impl RejectReason {
    /// Every reason, in the order of the funnel.
    pub const ALL: [Self; 10] = [
        Self::UnfulfilledRole,
        Self::UnfulfilledConstraint,
        Self::NoCorrespondingReservationFound,
        Self::AgentMaintenance,
        Self::InsufficientCpus,
        Self::InsufficientMemory,
        Self::InsufficientDisk,
        Self::InsufficientGpus,
        Self::InsufficientPorts,
        Self::DeclinedScarceResources,
    ];

    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnfulfilledRole => "UnfulfilledRole",
            Self::UnfulfilledConstraint => "UnfulfilledConstraint",
            Self::NoCorrespondingReservationFound => "NoCorrespondingReservationFound",
            Self::AgentMaintenance => "AgentMaintenance",
            Self::InsufficientCpus => "InsufficientCpus",
            Self::InsufficientMemory => "InsufficientMemory",
            Self::InsufficientDisk => "InsufficientDisk",
            Self::InsufficientGpus => "InsufficientGpus",
            Self::InsufficientPorts => "InsufficientPorts",
            Self::DeclinedScarceResources => "DeclinedScarceResources",
        }
    }
}

/// Offers, by the first reason that took each out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Funnel {
    processed: u64,
    declined: [u64; RejectReason::ALL.len()],
}

impl Funnel {
    /// An offer that was used.
    pub(super) fn used(&mut self) {
        self.processed += 1;
    }

    /// An offer that these kept from being used.
    pub(super) fn unused(&mut self, shortages: &[Shortage]) {
        self.processed += 1;
        if let Some(first) = shortages.iter().map(Shortage::reason).min() {
            self.declined[first as usize] += 1;
        }
    }

    fn steps(&self) -> Vec<RejectCount> {
        let mut left = self.processed;
        let step = |reason: RejectReason| {
            let declined = self.declined[reason as usize];
            let count = RejectCount { reason, declined, processed: left };
            left -= declined;
            count
        };
        RejectReason::ALL.into_iter().map(step).collect()
    }
}

impl QueueItem {
    /// One that nothing has been offered to.
    #[must_use]
    pub fn new(spec: RunSpec, count: u32, since: Timestamp) -> Self {
        Self {
            spec,
            count,
            since,
            delayed_until: None,
            blocked: None,
            processed: 0,
            unused: 0,
            last_unused_at: None,
            last_used_at: None,
            last_unused_offers: OrdMap::new(),
            since_launch: Funnel::default(),
        }
    }

    /// How long it still waits after failures; zero: not at all.
    #[must_use]
    pub fn delay(&self, now: Timestamp) -> Duration {
        self.delayed_until.map_or(Duration::ZERO, |until| until.since(now))
    }

    /// Of the last unused offer of each agent: how many were left at each reason, and how many it took out, in funnel
    /// order: `rejectSummaryLastOffers`.
    #[must_use]
    pub fn rejects_of_last_offers(&self) -> Vec<RejectCount> {
        let mut funnel = Funnel::default();
        self.last_unused_offers.values().for_each(|unused| funnel.unused(&unused.shortages));
        funnel.steps()
    }

    /// The same for all offers since the last launch: `rejectSummaryLaunchAttempt`.
    #[must_use]
    pub fn rejects_since_launch(&self) -> Vec<RejectCount> {
        self.since_launch.steps()
    }
}

impl UnusedOffer {
    /// Why, all reasons, each once.
    #[must_use]
    pub fn reasons(&self) -> Vec<RejectReason> {
        let mut reasons: Vec<RejectReason> = self.shortages.iter().map(Shortage::reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }

    /// In words with numbers, one for each shortage: `needs 4 cpus, 2 are free`.
    #[must_use]
    pub fn details(&self, spec: &RunSpec) -> Vec<String> {
        self.shortages.iter().map(|shortage| shortage.words(spec)).collect()
    }
}

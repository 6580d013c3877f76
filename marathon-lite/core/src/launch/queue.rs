//! The launch queue: who wants how many instances, who has to wait, and whether offers are wanted.

use super::{
    QueueItem, RunSpec, Settings, backoffs::Backoffs, demand::Demand, known_agents::KnownAgents, tally::Tally,
};
use crate::app::{Backoff, PathId, Timestamp};
use imbl::OrdMap;
use proto_types::AgentId;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// Refused offers are asked back no more often than this: a thousand apps that are made one after the other would have
/// the whole cluster offered a thousand times.
const REVIVE_INTERVAL: Duration = Duration::from_millis(100);

/// Whether the master is to send offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// It is, also of what was refused: revive.
    Wanted,
    /// It is not: suppress.
    Unwanted,
}

/// The apps and pods that want instances.
#[derive(Debug, Clone)]
pub struct LaunchQueue {
    pub(super) settings: Settings,
    /// As shown; an item is shared with those who look at it and copied when it changes.
    pub(super) items: OrdMap<PathId, Arc<QueueItem>>,
    /// One for each item.
    pub(super) demands: BTreeMap<PathId, Demand>,
    /// Their instances, counted; also of those that want nothing now.
    pub(super) tallies: BTreeMap<PathId, Tally>,
    backoffs: Backoffs,
    /// The ends of delays of items.
    delays: BTreeSet<(Timestamp, PathId)>,
    pub(super) agents: KnownAgents,
    /// What the master was told last; none: it has to be told.
    told: Option<Interest>,
    /// Whether something is wanted that earlier refusals did not know of.
    news: bool,
    /// Whether refusals may keep offers away.
    pub(super) refused: bool,
    revived_at: Timestamp,
    /// The latest time that was told.
    latest: Timestamp,
}

impl LaunchQueue {
    /// An empty one.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            items: OrdMap::new(),
            demands: BTreeMap::new(),
            tallies: BTreeMap::new(),
            backoffs: Backoffs::default(),
            delays: BTreeSet::new(),
            agents: KnownAgents::default(),
            told: None,
            news: false,
            refused: false,
            revived_at: Timestamp::default(),
            latest: Timestamp::default(),
        }
    }

    /// What is wanted, for readers. A clone costs nothing.
    #[must_use]
    pub const fn items(&self) -> &OrdMap<PathId, Arc<QueueItem>> {
        &self.items
    }

    /// How launches are made.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// An app or a pod wants so many instances more than it has; 0: none any more.
    pub fn want(&mut self, spec: &RunSpec, count: u32, now: Timestamp) {
        let id = spec.id();
        self.backoffs.configured(id, spec.config_version());
        let Some(item) = self.items.get_mut(id).filter(|_| count > 0) else {
            if count == 0 {
                return self.remove(id);
            }
            return self.insert(spec, count, now);
        };
        if item.spec.is(spec) {
            if item.count != count {
                self.news |= item.count < count;
                Arc::make_mut(item).count = count;
            }
            return;
        }
        let same_config = item.spec.config_version() == spec.config_version();
        let since = item.since;
        if same_config {
            let item = Arc::make_mut(item);
            self.news |= item.count < count;
            (item.spec, item.count) = (spec.clone(), count);
            self.demands.insert(id.clone(), Demand::new(spec, &self.settings));
        } else {
            self.remove(id);
            self.insert(spec, count, since);
        }
        self.delay(id, now);
    }

    /// Nothing more is wanted of this; its failures are remembered, should it want something again.
    pub fn unwant(&mut self, id: &PathId) {
        self.remove(id);
    }

    /// The app or pod is no more.
    pub fn forget(&mut self, id: &PathId) {
        self.remove(id);
        self.tallies.remove(id);
        self.backoffs.reset(id);
    }

    /// An instance failed after it ran for `ran`: the next launch of this configuration waits.
    pub fn failed(&mut self, id: &PathId, config_version: Timestamp, backoff: &Backoff, ran: Duration, now: Timestamp) {
        self.backoffs.failed(id, config_version, backoff, ran, now);
        self.delay(id, now);
    }

    /// What failed before does not count any more: launch at once.
    pub fn reset_delay(&mut self, id: &PathId, now: Timestamp) {
        self.backoffs.reset(id);
        self.delay(id, now);
    }

    /// An instance is gone: where its app could not be before, it may be now.
    pub fn instance_gone(&mut self, id: &PathId) {
        self.news |= self.items.get(id).is_some_and(|item| !item.spec.constraints().is_empty());
    }

    /// An agent is gone.
    pub fn agent_gone(&mut self, agent: &AgentId) {
        self.agents.forget(agent);
        let ids: Vec<PathId> = self
            .items
            .iter()
            .filter(|(_, item)| item.last_unused_offers.contains_key(agent))
            .map(|(id, _)| id.clone())
            .collect();
        for id in ids {
            if let Some(item) = self.items.get_mut(&id) {
                Arc::make_mut(item).last_unused_offers.remove(agent);
            }
        }
    }

    /// A new subscription: the master knows nothing of what it was told.
    pub fn subscribed(&mut self) {
        (self.told, self.refused) = (None, false);
    }

    /// What the master is to be told now; none: nothing new.
    pub fn interest(&mut self, now: Timestamp) -> Option<Interest> {
        self.end_delays(now);
        let interest = if self.items.is_empty() { Interest::Unwanted } else { Interest::Wanted };
        self.news &= self.refused && interest == Interest::Wanted;
        if self.told == Some(interest) {
            let lately = self.revived_at <= now && now.since(self.revived_at) < REVIVE_INTERVAL;
            if !self.news || lately {
                return None;
            }
        }
        self.told = Some(interest);
        self.news = false;
        if interest == Interest::Wanted {
            (self.refused, self.revived_at) = (false, now);
        }
        Some(interest)
    }

    /// When something changes by itself: the next delay that ends.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.delays.first().map(|(until, _)| *until)
    }

    /// Takes the delays off that are over.
    pub(super) fn end_delays(&mut self, now: Timestamp) {
        if now < self.latest {
            // The clock was set back. No delay becomes longer than it was meant to be.
            let ids: Vec<PathId> = self.delays.iter().map(|(_, id)| id.clone()).collect();
            ids.iter().for_each(|id| self.delay(id, now));
        }
        self.latest = now;
        while let Some((until, id)) = self.delays.first()
            && *until <= now
        {
            let key = (*until, id.clone());
            self.delays.remove(&key);
            if let Some(item) = self.items.get_mut(&key.1) {
                Arc::make_mut(item).delayed_until = None;
                self.news = true;
            }
        }
    }

    /// When somebody who cannot use an offer now can: after a delay, or when it has waited for a better one for long.
    pub(super) fn wakes(&self) -> impl Iterator<Item = Timestamp> {
        let settling = self.demands.values().filter_map(|demand| demand.settles_at(self.settings.patience));
        self.next_wake().into_iter().chain(settling)
    }

    fn insert(&mut self, spec: &RunSpec, count: u32, since: Timestamp) {
        let id = spec.id();
        self.items.insert(id.clone(), Arc::new(QueueItem::new(spec.clone(), count, since)));
        self.demands.insert(id.clone(), Demand::new(spec, &self.settings));
        self.news = true;
        self.delay(id, since);
    }

    pub(super) fn remove(&mut self, id: &PathId) {
        if let Some(item) = self.items.remove(id) {
            self.demands.remove(id);
            if let Some(until) = item.delayed_until {
                self.delays.remove(&(until, id.clone()));
            }
        }
    }

    /// Brings an item's delay to what the failures say.
    fn delay(&mut self, id: &PathId, now: Timestamp) {
        let until = self.backoffs.until(id, now);
        let Some(item) = self.items.get_mut(id).filter(|item| item.delayed_until != until) else { return };
        let before = std::mem::replace(&mut Arc::make_mut(item).delayed_until, until);
        self.news |= until.is_none();
        if let Some(before) = before {
            self.delays.remove(&(before, id.clone()));
        }
        if let Some(until) = until {
            self.delays.insert((until, id.clone()));
        }
    }
}

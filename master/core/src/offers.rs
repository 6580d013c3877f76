//! The table of offers.

use proto_types::{Offer, OfferId, time::Monotonic};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

#[derive(Debug, Default)]
pub(crate) struct Offers {
    outstanding: BTreeMap<OfferId, Arc<Offer>>,
    /// In the order made, which is the order in which they expire. Those gone by then are passed over.
    expiring: VecDeque<(Monotonic, OfferId)>,
}

impl Offers {
    pub(crate) fn insert(&mut self, offer: Arc<Offer>, expires: Monotonic) {
        self.expiring.push_back((expires, offer.id.clone()));
        self.outstanding.insert(offer.id.clone(), offer);
        self.compact();
    }

    pub(crate) fn get(&self, id: &OfferId) -> Option<&Arc<Offer>> {
        self.outstanding.get(id)
    }

    pub(crate) fn remove(&mut self, id: &OfferId) -> Option<Arc<Offer>> {
        self.outstanding.remove(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Offer>> {
        self.outstanding.values()
    }

    /// The next offer that has expired.
    pub(crate) fn pop_expired(&mut self, now: Monotonic) -> Option<OfferId> {
        while let Some((expires, id)) = self.expiring.front() {
            if !self.outstanding.contains_key(id) {
                self.expiring.pop_front();
            } else if *expires <= now {
                return self.expiring.pop_front().map(|(_, id)| id);
            } else {
                return None;
            }
        }
        None
    }

    /// Forgets expiries of offers that are gone, once they are most of the queue.
    fn compact(&mut self) {
        if self.expiring.len() > 64 + 2 * self.outstanding.len() {
            let outstanding = &self.outstanding;
            self.expiring.retain(|(_, id)| outstanding.contains_key(id));
        }
    }
}

//! How many instances are where, as constraints count them.

use super::{Place, Rules};
use std::collections::BTreeMap;

/// The instances of one app, counted by the values of its constraints' fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placed {
    /// One for each constraint.
    pub(super) tallies: Vec<Tally>,
}

/// Instances by value of one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Those of the version that is being placed which are to stay.
    pub(super) own: BTreeMap<String, u32>,
    /// The others that run or may run.
    pub(super) others: BTreeMap<String, u32>,
}

impl Placed {
    /// None yet.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self { tallies: vec![Tally::default(); rules.len()] }
    }

    /// Counts an instance that runs or may run; `own`: it is of the version that is being placed, and to stay.
    pub fn add(&mut self, rules: &Rules, place: &Place<'_>, own: bool) {
        for (tally, field) in self.tallies.iter_mut().zip(rules.fields()) {
            let Some(text) = place.text(field) else { continue };
            let counts = tally.counts(own);
            // Most instances go where others are, so the key is made for the first of them only.
            match counts.get_mut(&*text) {
                Some(count) => *count += 1,
                None => drop(counts.insert(text.into_owned(), 1)),
            }
        }
    }

    /// Counts an instance no more that was added with the same arguments.
    pub fn remove(&mut self, rules: &Rules, place: &Place<'_>, own: bool) {
        for (tally, field) in self.tallies.iter_mut().zip(rules.fields()) {
            let Some(text) = place.text(field) else { continue };
            let counts = tally.counts(own);
            match counts.get_mut(&*text) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(counts.remove(&*text)),
            }
        }
    }
}

impl Tally {
    fn counts(&mut self, own: bool) -> &mut BTreeMap<String, u32> {
        if own { &mut self.own } else { &mut self.others }
    }

    /// How many instances of any version have this value.
    pub(super) fn all(&self, text: &str) -> u32 {
        let count = |counts: &BTreeMap<String, u32>| counts.get(text).copied().unwrap_or(0);
        count(&self.own).saturating_add(count(&self.others))
    }
}

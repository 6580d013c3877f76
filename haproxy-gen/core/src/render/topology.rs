//! What of a configuration cannot change while HAProxy runs: everything but servers and the contents of maps.

use crate::source::Digest;
use std::{collections::BTreeMap, fmt};

/// The fingerprints of a configuration's sections, without servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    sections: BTreeMap<String, Digest>,
}

/// A section that is not as it was: a reason to reload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was not there.
    New(String),
    /// It is different.
    Different(String),
    /// It is not there any more.
    Gone(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(section) => write!(f, "{section} is new"),
            Self::Different(section) => write!(f, "{section} is different"),
            Self::Gone(section) => write!(f, "{section} is gone"),
        }
    }
}

impl Topology {
    pub(super) fn put(&mut self, section: String, text: &str) {
        self.sections.insert(section, Digest::of(text));
    }

    /// What is different from an earlier one.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, digest) in &self.sections {
            match before.sections.get(name) {
                None => changes.push(Change::New(name.clone())),
                Some(old) if old != digest => changes.push(Change::Different(name.clone())),
                Some(_) => {}
            }
        }
        let gone = before.sections.keys().filter(|name| !self.sections.contains_key(*name));
        changes.extend(gone.map(|name| Change::Gone(name.clone())));
        changes
    }

    /// One fingerprint of all of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.sections)
    }
}

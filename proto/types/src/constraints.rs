//! Which offers a framework wants, told to the master before it allocates.
//!
//! The shape is Mesos's offer constraints (groups are alternatives, the constraints of a group hold together), with the
//! amounts that Mesos left out.

use crate::{
    agent::AgentInfo,
    attributes::AttributeValue,
    resources::{Quantities, Resources},
};
use std::fmt;

/// What a constraint looks at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// The attribute of this name.
    Attribute(String),
    /// The agent's hostname.
    Hostname,
    /// The agent's region.
    Region,
    /// The agent's zone.
    Zone,
}

/// What must hold of the selected text. Attributes that are not text satisfy every predicate but `NotExists`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Predicate {
    /// There is one.
    Exists,
    /// There is none.
    NotExists,
    /// There is one and it equals the text.
    Equals(String),
    /// There is none or it differs from the text.
    NotEquals(String),
}

/// One condition on an agent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Constraint {
    /// What it looks at.
    pub selector: Selector,
    /// What must hold.
    pub predicate: Predicate,
}

/// What offers a framework wants for one role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfferConstraints {
    /// Alternatives; each is a list of conditions that hold together. None: every agent will do.
    pub groups: Vec<Vec<Constraint>>,
    /// Amounts that one agent must have free at once. Empty: the master's minimum.
    pub minimum: Quantities,
}

impl Constraint {
    /// Whether the agent satisfies this.
    #[must_use]
    pub fn admits(&self, agent: &AgentInfo) -> bool {
        let text = match &self.selector {
            Selector::Attribute(name) => return self.admits_attribute(agent, name),
            Selector::Hostname => Some(agent.hostname.as_str()),
            Selector::Region => agent.region.as_deref(),
            Selector::Zone => agent.zone.as_deref(),
        };
        self.predicate.admits(text)
    }

    fn admits_attribute(&self, agent: &AgentInfo, name: &str) -> bool {
        match agent.attributes.named(name).next() {
            Some(AttributeValue::Text(text)) => self.predicate.admits(Some(text)),
            Some(_) => self.predicate != Predicate::NotExists,
            None => self.predicate.admits(None),
        }
    }
}

impl Predicate {
    fn admits(&self, text: Option<&str>) -> bool {
        match self {
            Self::Exists => text.is_some(),
            Self::NotExists => text.is_none(),
            Self::Equals(wanted) => text == Some(wanted),
            Self::NotEquals(unwanted) => text != Some(unwanted),
        }
    }
}

impl OfferConstraints {
    /// Whether an agent of this description will do, whatever is free on it.
    #[must_use]
    pub fn admits_agent(&self, agent: &AgentInfo) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|group| group.iter().all(|c| c.admits(agent)))
    }

    /// Whether these amounts are enough.
    #[must_use]
    pub fn admits_amounts(&self, free: &Resources) -> bool {
        self.minimum.iter().all(|(name, amount)| free.scalar(name) >= *amount)
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.selector {
            Selector::Attribute(name) => write!(f, "attribute {name}")?,
            Selector::Hostname => write!(f, "hostname")?,
            Selector::Region => write!(f, "region")?,
            Selector::Zone => write!(f, "zone")?,
        }
        match &self.predicate {
            Predicate::Exists => write!(f, " exists"),
            Predicate::NotExists => write!(f, " does not exist"),
            Predicate::Equals(text) => write!(f, " = {text}"),
            Predicate::NotEquals(text) => write!(f, " != {text}"),
        }
    }
}

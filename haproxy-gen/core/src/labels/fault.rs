//! What is wrong with a label.

use std::fmt;

/// What becomes of the app because of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The label is passed over; traffic flows as if it were not there.
    Ignored,
    /// The name or path leads elsewhere.
    RouteLeftOut,
    /// The port is left out.
    PortLeftOut,
    /// The whole app is left out.
    AppLeftOut,
    /// One task is left out.
    TaskLeftOut,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ignored => "the label is ignored",
            Self::RouteLeftOut => "the route is left out",
            Self::PortLeftOut => "the port is left out",
            Self::AppLeftOut => "the app is left out",
            Self::TaskLeftOut => "the task is left out",
        })
    }
}

/// A label that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The label's key, fit to be shown.
    pub label: String,
    /// The index of the port it is about; none for the whole app.
    pub port: Option<u32>,
    /// What is wrong with it.
    pub why: String,
    /// What to do about it.
    pub remedy: String,
    /// What becomes of the app.
    pub effect: Effect,
}

/// Why a value is not taken, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bad {
    pub(super) why: String,
    pub(super) remedy: String,
}

impl Bad {
    pub(super) fn new(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { why: why.into(), remedy: remedy.into() }
    }
}

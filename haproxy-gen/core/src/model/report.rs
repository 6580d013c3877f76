//! What is wrong with an app, as a value.

use crate::{
    labels::{Effect, Fault},
    source::AppId,
};
use std::fmt;

/// Something about an app that is not done as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The app.
    pub app: AppId,
    /// The index of its port, if it is about one.
    pub port: Option<u32>,
    /// The label or field, fit to be shown.
    pub label: String,
    /// What is wrong.
    pub why: String,
    /// What to do about it.
    pub remedy: String,
    /// What becomes of the app.
    pub effect: Effect,
}

impl Report {
    pub(super) fn of(app: &AppId, fault: Fault) -> Self {
        let Fault { label, port, why, remedy, effect } = fault;
        Self { app: app.clone(), port, label, why, remedy, effect }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}; {}: {}", self.app, self.label, self.why, self.effect, self.remedy)
    }
}

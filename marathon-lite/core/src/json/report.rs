//! What was found wrong while a body was read.

use super::{Detail, Refusal};
use std::{cell::RefCell, collections::BTreeMap};

/// What is wrong, by place.
type Findings = BTreeMap<String, Vec<String>>;

/// Errors of two kinds, gathered so that a client hears of all of them at once.
#[derive(Debug, Default)]
pub struct Report {
    shape: RefCell<Findings>,
    rules: RefCell<Findings>,
}

impl Report {
    /// Something is missing or of the wrong type.
    pub fn misshapen(&self, path: &str, error: impl Into<String>) {
        push(&mut self.shape.borrow_mut(), path, error.into());
    }

    /// Something breaks a rule.
    pub fn refuse(&self, path: &str, error: impl Into<String>) {
        push(&mut self.rules.borrow_mut(), path, error.into());
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.shape.borrow().is_empty() && self.rules.borrow().is_empty()
    }

    /// The refusal that the findings make, if there are any. What has the wrong shape comes first: rules mean little
    /// while a part is missing.
    ///
    /// # Errors
    /// The refusal.
    pub fn finish(&self) -> Result<(), Refusal> {
        if !self.shape.borrow().is_empty() {
            return Err(Refusal::Shape(details(&self.shape.borrow())));
        }
        if self.rules.borrow().is_empty() { Ok(()) } else { Err(Refusal::Invalid(details(&self.rules.borrow()))) }
    }
}

/// Adds an error to its place.
fn push(findings: &mut Findings, path: &str, error: String) {
    let path = if path.is_empty() { "/" } else { path };
    let errors = findings.entry(path.to_owned()).or_default();
    if !errors.contains(&error) {
        errors.push(error);
    }
}

fn details(findings: &Findings) -> Vec<Detail> {
    findings.iter().map(|(path, errors)| Detail { path: path.clone(), errors: errors.clone() }).collect()
}

//! What the operator wants of names.

use super::Name;
use crate::source::AppId;
use std::fmt;

/// What the operator wants of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsOptions {
    domain: Name,
    framework: String,
    /// Whether only tasks that pass a health check have names, where there are health checks.
    pub healthy_only: bool,
}

impl DnsOptions {
    /// Names below this domain, as in `proffer`, and those of apps below this name in it, as in `marathon`.
    ///
    /// # Errors
    /// What is wrong with the names.
    pub fn new(domain: &str, framework: &str) -> Result<Self, String> {
        let domain = Name::new(domain)?;
        Name::new(&format!("{framework}.{domain}"))?;
        Ok(Self { domain, framework: framework.to_owned(), healthy_only: true })
    }

    /// The domain that is answered for.
    #[must_use]
    pub fn domain(&self) -> &Name {
        &self.domain
    }

    pub(super) fn machine(&self, name: &str) -> Result<Name, String> {
        Name::new(&format!("{name}.{}", self.domain))
    }

    pub(super) fn task(&self, name: &str) -> Result<Name, String> {
        Name::new(&format!("{name}.{}.{}", self.framework, self.domain))
    }

    /// A name of the agent under a task, whatever address the task has of its own.
    pub(super) fn task_agent(&self, name: &str) -> Result<Name, String> {
        Name::new(&format!("{name}.{}.slave.{}", self.framework, self.domain))
    }
}

/// Something that has no name, because it would be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unnamed {
    /// The app, if it is one.
    pub app: Option<AppId>,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for Unnamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.app {
            Some(app) => write!(f, "{app}: {}; choose a shorter or plainer id", self.why),
            None => write!(f, "{}; choose a plainer host name", self.why),
        }
    }
}

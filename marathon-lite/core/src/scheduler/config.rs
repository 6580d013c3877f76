//! What an operator can set.

use crate::{launch::Settings, support::Support};
use std::{fmt, sync::Arc, time::Duration};

/// How this marathon-lite is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// What it can do for apps.
    pub support: Support,
    /// How launches are made.
    pub launch: Settings,
    /// So many deployments at once (`--max_running_deployments`).
    pub deployments_max: usize,
    /// So many versions of each app, of each pod and of the root are kept; the oldest go first.
    pub versions_kept: usize,
    /// How often the master is asked what became of all instances, whatever was told
    /// (`--reconciliation_interval`).
    pub reconcile_every: Duration,
    /// Where the master is found, for events.
    pub master: String,
    /// What secrets hold.
    pub secrets: SecretStore,
}

/// What secrets hold, by the source that apps name; who sets this server up knows where to look.
#[derive(Clone)]
pub struct SecretStore(Arc<LookUp>);

type LookUp = dyn Fn(&str) -> Option<String> + Send + Sync;

impl SecretStore {
    /// One that answers with this function: the same answer every time, as far as possible.
    #[must_use]
    pub fn new(look_up: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }

    /// What the secret holds; none: there is no such source.
    #[must_use]
    pub fn get(&self, source: &str) -> Option<String> {
        self.0(source)
    }
}

impl fmt::Debug for SecretStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretStore")
    }
}

impl Default for SecretStore {
    /// An empty one.
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            support: Support::default(),
            launch: Settings::default(),
            deployments_max: 100,
            versions_kept: 25,
            reconcile_every: Duration::from_secs(600),
            master: String::new(),
            secrets: SecretStore::default(),
        }
    }
}

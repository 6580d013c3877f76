//! Containers that an earlier executor left behind and that nobody asks for any more.

use super::containers::{FRAMEWORK, Known, TASK, lock};
use crate::docker::{Engine, SANDBOX_LABEL};
use bollard::models::ContainerSummary;
use proto_types::FrameworkId;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{task::JoinHandle, time::sleep};

/// How long the agent has to name the tasks that it wants adopted. It does so right after its welcome; much sooner, and a
/// busy agent's tasks would be ended.
const NAMING: Duration = Duration::from_secs(60);

/// Between tries to reach an engine. Most machines without one never get one.
const RETRY_PAUSE: Duration = Duration::from_secs(60);

/// Removes, once, what an earlier executor left.
pub(super) struct Sweep {
    left: Left,
    running: Option<JoinHandle<()>>,
}

/// What an earlier executor may have left, and what of it is wanted.
#[derive(Clone)]
pub(super) struct Left {
    pub(super) engine: Engine,
    pub(super) framework: FrameworkId,
    /// The directory of the framework's sandboxes: containers of other agents on this machine have theirs elsewhere.
    pub(super) sandboxes: PathBuf,
    pub(super) known: Known,
}

impl Sweep {
    pub(super) fn new(left: Left) -> Self {
        Self { left, running: None }
    }

    /// The agent is there and will name the tasks that it wants adopted.
    pub(super) fn on_subscribed(&mut self) {
        self.running.get_or_insert_with(|| tokio::spawn(self.left.clone().remove(NAMING)));
    }

    /// What the agent has not named yet it may still name when it is back.
    pub(super) fn on_disconnected(&mut self) {
        if let Some(unfinished) = self.running.take_if(|running| !running.is_finished()) {
            unfinished.abort();
        }
    }
}

impl Left {
    /// Removes all that is there now and is not asked for meanwhile.
    pub(super) async fn remove(self, naming: Duration) {
        let found = self.found().await;
        if found.is_empty() {
            return;
        }
        sleep(naming).await;
        for container in found {
            let id = container.id.clone().unwrap_or_default();
            if !self.is_known(&container) {
                tracing::warn!(container = id, "removing a container that an earlier executor left");
                self.engine.remove_at_last(&id).await;
            }
        }
    }

    async fn found(&self) -> Vec<ContainerSummary> {
        let labels = [(FRAMEWORK.to_owned(), self.framework.to_string())];
        let mut found = loop {
            match self.engine.list(&labels).await {
                Ok(found) => break found,
                Err(error) => tracing::debug!(error = %kit::exit::chain(&error), "no engine to look for containers"),
            }
            sleep(RETRY_PAUSE).await;
        };
        found.retain(|container| {
            label(container, SANDBOX_LABEL).is_some_and(|path| Path::new(path).starts_with(&self.sandboxes))
        });
        found
    }

    fn is_known(&self, container: &ContainerSummary) -> bool {
        let known = lock(&self.known);
        label(container, TASK).is_some_and(|task| known.keys().any(|known| known.as_str() == task))
    }
}

fn label<'a>(container: &'a ContainerSummary, name: &str) -> Option<&'a str> {
    container.labels.as_ref()?.get(name).map(String::as_str)
}

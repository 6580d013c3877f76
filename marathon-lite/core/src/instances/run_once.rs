//! How far an app is that runs to its end.

use crate::app::{RunOnce, Timestamp};
use proto_types::{TaskId, TaskState};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How far an app with `runOnce` is: each of its instances is a run, which is started until it ends with success, and at
/// most as often as the policy says. A new configuration begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunProgress {
    /// For which `lastConfigChangeAt` this counts.
    pub config_version: Timestamp,
    /// So many runs ended with success.
    pub succeeded: u32,
    /// So many failed for the last time.
    pub given_up: u32,
    /// How often those were started that are to be started again.
    retries: Vec<u32>,
    /// The attempt that each instance is, from 1.
    running: BTreeMap<TaskId, u32>,
}

impl RunProgress {
    /// Nothing was started yet.
    #[must_use]
    pub fn new(config_version: Timestamp) -> Self {
        Self { config_version, ..Self::default() }
    }

    /// How many instances are still to be started, besides those that are there.
    #[must_use]
    pub fn missing(&self, instances: u32) -> u32 {
        let over = self.succeeded.saturating_add(self.given_up);
        instances.saturating_sub(over).saturating_sub(u32::try_from(self.running.len()).unwrap_or(u32::MAX))
    }

    /// Whether no run is left: none is under way and none is to be started.
    #[must_use]
    pub fn is_over(&self, instances: u32) -> bool {
        self.running.is_empty() && self.missing(instances) == 0
    }

    /// An instance is launched: for a run that failed before, if there is one.
    pub fn launched(&mut self, instance: &TaskId) {
        if !self.running.contains_key(instance) {
            let attempts = self.retries.pop().unwrap_or(0);
            self.running.insert(instance.clone(), attempts.saturating_add(1));
        }
    }

    /// An instance ended. What certainly never ran was no attempt.
    pub fn ended(&mut self, instance: &TaskId, state: TaskState, policy: RunOnce) {
        let Some(attempt) = self.running.remove(instance) else { return };
        match state {
            TaskState::Finished => self.succeeded = self.succeeded.saturating_add(1),
            TaskState::Dropped => self.again(attempt - 1),
            TaskState::Staging
            | TaskState::Starting
            | TaskState::Running
            | TaskState::Killing
            | TaskState::Failed
            | TaskState::Killed
            | TaskState::Error
            | TaskState::Unreachable
            | TaskState::Gone
            | TaskState::GoneByOperator
            | TaskState::Unknown => {
                if attempt < policy.max_attempts {
                    self.again(attempt);
                } else {
                    self.given_up = self.given_up.saturating_add(1);
                }
            }
        }
    }

    fn again(&mut self, attempts: u32) {
        if attempts > 0 {
            self.retries.push(attempts);
            self.retries.sort_unstable();
        }
    }

    /// As it is stored.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let running: BTreeMap<&str, u32> =
            self.running.iter().map(|(task, attempt)| (task.as_str(), *attempt)).collect();
        let value = json!({
            "configVersion": self.config_version.millis(),
            "succeeded": self.succeeded,
            "givenUp": self.given_up,
            "retries": self.retries,
            "running": running,
        });
        value.to_string().into_bytes()
    }

    /// From what is stored; none: it is damaged.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let count = |value: &Value| u32::try_from(value.as_u64()?).ok();
        let running = |(task, attempt): (&String, &Value)| Some((TaskId::new(task).ok()?, count(attempt)?.max(1)));
        Some(Self {
            config_version: Timestamp::from_millis(value.get("configVersion")?.as_u64()?),
            succeeded: count(value.get("succeeded")?)?,
            given_up: count(value.get("givenUp")?)?,
            retries: value.get("retries")?.as_array()?.iter().map(count).collect::<Option<_>>()?,
            running: value.get("running")?.as_object()?.iter().map(running).collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u32) -> TaskId {
        TaskId::new(format!("job.{number}")).unwrap()
    }

    #[test]
    fn a_run_ends_with_success_or_after_its_last_attempt() {
        let policy = RunOnce { max_attempts: 2 };
        let mut progress = RunProgress::new(Timestamp::default());
        assert_eq!(progress.missing(2), 2);
        progress.launched(&task(1));
        progress.launched(&task(2));
        assert_eq!((progress.missing(2), progress.is_over(2)), (0, false));
        progress.ended(&task(1), TaskState::Finished, policy);
        progress.ended(&task(1), TaskState::Failed, policy);
        assert_eq!((progress.succeeded, progress.missing(2)), (1, 0));
        progress.ended(&task(2), TaskState::Failed, policy);
        assert_eq!((progress.given_up, progress.missing(2)), (0, 1));
        progress.launched(&task(3));
        progress.ended(&task(3), TaskState::Failed, policy);
        assert_eq!((progress.given_up, progress.missing(2), progress.is_over(2)), (1, 0, true));
    }

    #[test]
    fn what_never_ran_was_no_attempt() {
        let policy = RunOnce { max_attempts: 1 };
        let mut progress = RunProgress::new(Timestamp::default());
        for number in 0..5 {
            progress.launched(&task(number));
            progress.ended(&task(number), TaskState::Dropped, policy);
            assert_eq!((progress.missing(1), progress.given_up), (1, 0));
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let policy = RunOnce { max_attempts: 9 };
        let mut progress = RunProgress::new(Timestamp::from_millis(7));
        for number in 0..4 {
            progress.launched(&task(number));
        }
        progress.ended(&task(0), TaskState::Failed, policy);
        progress.ended(&task(1), TaskState::Finished, policy);
        assert_eq!(RunProgress::read(&progress.write()), Some(progress));
        assert_eq!(RunProgress::read(b"{}"), None);
    }
}

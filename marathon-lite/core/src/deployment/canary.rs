//! Careful upgrades: a few new instances first, for a while, then more.

use crate::app::{CanaryStep, Timestamp};

/// How far the careful steps of an upgrade are. It is stored with the deployment, so that a leader change does not begin
/// them anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Canary {
    /// The step that is under way, from 0; as many as there are: all may follow.
    pub step: usize,
    /// Since when the new instances of this step are all healthy and ready.
    pub good_since: Option<Timestamp>,
}

impl Canary {
    /// Where it is now that so many new instances have taken over of `instances`. One that falls ill begins the pause of
    /// its step anew.
    #[must_use]
    pub fn observed(self, steps: &[CanaryStep], instances: u32, new: u32, now: Timestamp) -> Self {
        let mut canary = self;
        while let Some(step) = steps.get(canary.step) {
            if new < step.size.of(instances) {
                return Self { good_since: None, ..canary };
            }
            let since = canary.good_since.unwrap_or(now);
            if now.since(since) < step.pause {
                return Self { good_since: Some(since), ..canary };
            }
            canary = Self { step: canary.step + 1, good_since: None };
        }
        canary
    }

    /// How many new instances there may be; none: as many as are wanted.
    #[must_use]
    pub fn limit(self, steps: &[CanaryStep], instances: u32) -> Option<u32> {
        steps.get(self.step).map(|step| step.size.of(instances))
    }

    /// What is waited for, in words; none: all may follow.
    #[must_use]
    pub fn describe(self, steps: &[CanaryStep], instances: u32) -> Option<String> {
        let step = steps.get(self.step)?;
        let (number, of, size) = (self.step + 1, steps.len(), step.size.of(instances));
        Some(match self.good_since {
            Some(since) => {
                let until = since.after(step.pause);
                format!("canary step {number} of {of}: pauses with {size} new instances until {until}")
            }
            None => format!("canary step {number} of {of}: {size} new instances have to be healthy and ready"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::CanarySize;
    use std::time::Duration;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn each_step_is_held_as_long_as_it_says() {
        let step = |size, seconds| CanaryStep { size, pause: Duration::from_secs(seconds) };
        let steps = [step(CanarySize::Instances(1), 60), step(CanarySize::Share(0.25), 30)];
        let canary = Canary::default().observed(&steps, 10, 0, at(0));
        assert_eq!((canary, canary.limit(&steps, 10)), (Canary::default(), Some(1)));
        let canary = canary.observed(&steps, 10, 1, at(5));
        assert_eq!(canary, Canary { step: 0, good_since: Some(at(5)) });
        assert_eq!(
            canary.describe(&steps, 10).unwrap(),
            "canary step 1 of 2: pauses with 1 new instances until 1970-01-01T00:01:05.000Z"
        );
        assert_eq!(canary.observed(&steps, 10, 1, at(64)), canary);
        // It falls ill, and the pause begins anew.
        assert_eq!(canary.observed(&steps, 10, 0, at(64)), Canary::default());
        let canary = canary.observed(&steps, 10, 1, at(65));
        assert_eq!((canary, canary.limit(&steps, 10)), (Canary { step: 1, good_since: None }, Some(3)));
        let canary = canary.observed(&steps, 10, 3, at(70)).observed(&steps, 10, 3, at(100));
        assert_eq!((canary.limit(&steps, 10), canary.describe(&steps, 10)), (None, None));
    }

    #[test]
    fn steps_without_a_pause_are_passed_at_once() {
        let step = |count| CanaryStep { size: CanarySize::Instances(count), pause: Duration::ZERO };
        let steps = [step(1), step(2), step(4)];
        assert_eq!(Canary::default().observed(&steps, 10, 3, at(1)), Canary { step: 2, good_since: None });
    }
}

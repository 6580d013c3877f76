//! Which events a subscriber wants.

use std::collections::BTreeSet;

/// The types named by a subscriber's `event_type` parameters; none: all. It holds for every event, the first one too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter(BTreeSet<String>);

impl Filter {
    /// Those types; empty names count for nothing.
    pub fn new<S: Into<String>>(types: impl IntoIterator<Item = S>) -> Self {
        Self(types.into_iter().map(Into::into).filter(|name: &String| !name.is_empty()).collect())
    }

    /// Whether an event of this type is wanted.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.0.is_empty() || self.0.contains(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_wanted_and_everything_if_nothing_is() {
        let some = Filter::new(["status_update_event", "app_terminated_event"]);
        assert!(some.wants("status_update_event") && !some.wants("event_stream_attached"));
        assert!(Filter::default().wants("anything") && Filter::new([""]).wants("anything"));
    }
}

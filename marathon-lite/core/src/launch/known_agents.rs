//! The agents that were offered, as far as it matters whether a better one exists.

use crate::app::Timestamp;
use proto_types::{AgentId, AgentInfo};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// An agent that was not offered for so long is waited for no more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// The agents that were offered lately.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownAgents {
    agents: BTreeMap<AgentId, (Arc<AgentInfo>, Timestamp)>,
    by_time: BTreeSet<(Timestamp, AgentId)>,
}

impl KnownAgents {
    pub(super) fn offered(&mut self, id: &AgentId, info: &Arc<AgentInfo>, now: Timestamp) {
        self.forget(id);
        self.agents.insert(id.clone(), (Arc::clone(info), now));
        self.by_time.insert((now, id.clone()));
    }

    pub(super) fn forget(&mut self, id: &AgentId) {
        if let Some((_, time)) = self.agents.remove(id) {
            self.by_time.remove(&(time, id.clone()));
        }
    }

    pub(super) fn forget_old(&mut self, now: Timestamp) {
        while let Some((time, id)) = self.by_time.first()
            && now.since(*time) > FORGOTTEN_AFTER
        {
            let id = id.clone();
            self.forget(&id);
        }
    }

    /// In the order of their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&AgentId, &AgentInfo)> {
        self.agents.iter().map(|(id, (info, _))| (id, &**info))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_known_for_ten_minutes() {
        let mut known = KnownAgents::default();
        let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
        let (a, b) = (AgentId::new("a").unwrap(), AgentId::new("b").unwrap());
        known.offered(&a, &Arc::default(), at(0));
        known.offered(&b, &Arc::default(), at(1));
        known.offered(&a, &Arc::default(), at(5));
        known.forget_old(at(602));
        assert_eq!(known.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&a]);
        known.forget(&a);
        known.forget_old(at(9999));
        assert_eq!((known.iter().count(), known.by_time.len()), (0, 0));
    }
}

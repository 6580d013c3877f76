//! What changed from one version to another, whether or not anybody noted it on the way.

use super::Snapshot;
use imbl::{OrdMap, ordmap::DiffItem};
use master_core::Change;
use std::sync::Arc;

/// The changes that lead from one version to another. What the two share is not looked at, so this costs what changed.
pub(crate) fn difference(old: &Snapshot, new: &Snapshot) -> Vec<Change> {
    let mut changes = Vec::new();
    collect(&mut changes, &old.agents, &new.agents, Change::Agent, Change::AgentRemoved);
    collect(&mut changes, &old.frameworks, &new.frameworks, Change::Framework, Change::FrameworkForgotten);
    collect(&mut changes, &old.tasks, &new.tasks, Change::Task, Change::TaskForgotten);
    collect(&mut changes, &old.offers, &new.offers, Change::Offer, Change::OfferRemoved);
    collect(&mut changes, &old.roles, &new.roles, Change::Role, Change::RoleRemoved);
    changes
}

fn collect<K: Ord + Clone, V: PartialEq>(
    changes: &mut Vec<Change>,
    old: &OrdMap<K, Arc<V>>,
    new: &OrdMap<K, Arc<V>>,
    set: impl Fn(K, Arc<V>) -> Change,
    removed: impl Fn(K) -> Change,
) {
    changes.extend(old.diff(new).map(|item| match item {
        DiffItem::Add(key, value) | DiffItem::Update { new: (key, value), .. } => set(key.clone(), Arc::clone(value)),
        DiffItem::Remove(key, _) => removed(key.clone()),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_types::OfferId;

    fn removed(id: &str) -> Change {
        Change::OfferRemoved(OfferId::new(id).unwrap())
    }

    fn holding(offers: &[&str]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for id in offers {
            let offer = proto_types::Offer {
                id: OfferId::new(id).unwrap(),
                framework: "F".parse().unwrap(),
                role: proto_types::Role::new("*").unwrap(),
                agent: "A".parse().unwrap(),
                agent_info: Arc::default(),
                resources: proto_types::Resources::default(),
                unavailability: None,
            };
            snapshot.apply(&Change::Offer(offer.id.clone(), Arc::new(offer)));
        }
        snapshot
    }

    #[test]
    fn the_difference_leads_from_one_version_to_the_other() {
        let (mut old, new) = (holding(&["a", "b"]), holding(&["b", "c", "d"]));
        let changes = difference(&old, &new);
        assert_eq!(changes.len(), 3, "one is gone, two are new, one is the same");
        assert!(changes.contains(&removed("a")));
        changes.iter().for_each(|change| old.apply(change));
        assert_eq!(old.offers, new.offers);
        assert_eq!(difference(&new, &new.clone()), []);
    }
}

//! Which instances go when there are too many.

use super::Place;
use crate::{
    app::{Constraint, Operator},
    instances::Instance,
};
use proto_types::TaskId;
use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

/// The instances with the same value of a field.
type Group<'a> = (&'a str, Option<Cow<'a, str>>);
/// Those that one instance is in.
type Groups<'a> = Vec<Group<'a>>;

/// The `count` instances that go, the first one first. `instances` are all that could go, in the order in which they
/// would go if nothing else were said: each time the first one of the fullest groups is taken, by the first `GROUP_BY`,
/// then by the others.
#[must_use]
pub fn surplus(constraints: &[Constraint], instances: &[&Instance], count: usize) -> Vec<TaskId> {
    let fields: Vec<&str> = constraints
        .iter()
        .filter(|constraint| constraint.operator == Operator::GroupBy)
        .map(|constraint| constraint.field.as_str())
        .collect();
    if fields.is_empty() || count >= instances.len() {
        return instances.iter().take(count).map(|instance| instance.id.clone()).collect();
    }
    // Instances in the same groups are taken in their order, so only the first of each such kind is ever compared.
    let mut kinds: BTreeMap<Groups<'_>, Vec<usize>> = BTreeMap::new();
    let mut sizes: BTreeMap<Group<'_>, usize> = BTreeMap::new();
    for (index, instance) in instances.iter().enumerate().rev() {
        let groups: Groups<'_> = fields.iter().map(|field| (*field, Place::from(*instance).text(field))).collect();
        for group in &groups {
            *sizes.entry(group.clone()).or_default() += 1;
        }
        kinds.entry(groups).or_default().push(index);
    }
    let mut kinds: Vec<(Groups<'_>, Vec<usize>)> = kinds.into_iter().collect();
    let rank = |kind: usize, kinds: &[(Groups<'_>, Vec<usize>)], sizes: &BTreeMap<Group<'_>, usize>| {
        let (groups, left) = &kinds[kind];
        let fill: Vec<usize> = groups.iter().map(|group| sizes.get(group).copied().unwrap_or(0)).collect();
        left.last().map(|first| (fill, Reverse(*first), kind))
    };
    // Groups only shrink: what still ranks as it did when it was put in ranks first.
    let mut order: BinaryHeap<_> = (0..kinds.len()).filter_map(|kind| rank(kind, &kinds, &sizes)).collect();
    let mut gone = Vec::with_capacity(count);
    while gone.len() < count {
        let Some(top) = order.pop() else { break };
        let kind = top.2;
        let current = rank(kind, &kinds, &sizes);
        if current.as_ref() == Some(&top) {
            let Some(index) = kinds[kind].1.pop() else { continue };
            for group in &kinds[kind].0 {
                sizes.entry(group.clone()).and_modify(|size| *size -= 1);
            }
            gone.push(instances[index].id.clone());
        }
        order.extend(rank(kind, &kinds, &sizes));
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::PathId, app::Timestamp, instances::Condition};
    use proto_types::{AgentId, resources::parse_attributes};
    use std::sync::Arc;

    fn instance(id: &str, rack: &str) -> Instance {
        Instance {
            attributes: Arc::new(parse_attributes(&format!("rack:{rack}")).unwrap()),
            condition: Condition::Created,
            ..Instance::new(
                TaskId::new(id).unwrap(),
                PathId::root(),
                AgentId::new("a").unwrap(),
                "h".into(),
                Timestamp::default(),
            )
        }
    }

    fn taken(constraints: &[Constraint], racks: &str, count: usize) -> String {
        let instances: Vec<Instance> = racks
            .chars()
            .enumerate()
            .map(|(index, rack)| instance(&format!("{rack}{index}"), &rack.to_string()))
            .collect();
        let ids = surplus(constraints, &instances.iter().collect::<Vec<_>>(), count);
        ids.iter().map(TaskId::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_fullest_group_loses_first() {
        let group_by =
            [Constraint { field: "rack".into(), operator: Operator::GroupBy, value: None, preferred: false }];
        assert_eq!(taken(&group_by, "abbbcc", 1), "b1");
        assert_eq!(taken(&group_by, "abbbcc", 3), "b1 b2 c4");
        assert_eq!(taken(&group_by, "abbbcc", 5), "b1 b2 c4 a0 b3");
        assert_eq!(taken(&group_by, "abbbcc", 9), "a0 b1 b2 b3 c4 c5");
        assert_eq!(taken(&group_by, "ab", 1), "a0");
        let unique = [Constraint { operator: Operator::Unique, ..group_by[0].clone() }];
        assert_eq!(taken(&unique, "abbb", 2), "a0 b1");
    }

    #[test]
    fn a_thousand_of_ten_thousand_are_found_at_once() {
        let group_by =
            [Constraint { field: "rack".into(), operator: Operator::GroupBy, value: None, preferred: false }];
        let racks = "abcd".repeat(2500);
        let ids = taken(&group_by, &racks, 1000);
        for rack in ['a', 'b', 'c', 'd'] {
            assert_eq!(ids.chars().filter(|letter| *letter == rack).count(), 250);
        }
    }
}

//! Which instances are killed when there are too many.

use crate::{
    app::{KillSelection, Timestamp},
    instances::{Condition, Instance},
};
use proto_types::{TaskId, TaskState};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The `count` instances to be killed, the first one first.
///
/// Those go first that are to be killed anyway. Then it is up to the constraints: `balanced` gets the others, in the order
/// in which they would go without it, and how many are still to be found; it names those that it wants gone. What is then
/// still missing is taken by state (unreachable, staging, starting, running) and by age as the app says. Equals are told
/// apart by their ids, so the same instances give the same choice on every leader.
///
/// Instances that do not count, because they ended or were replaced, are never chosen.
pub fn select<'a>(
    instances: impl IntoIterator<Item = &'a Arc<Instance>>,
    count: usize,
    selection: KillSelection,
    balanced: impl FnOnce(&[&Instance], usize) -> Vec<TaskId>,
) -> Vec<Arc<Instance>> {
    let active = instances.into_iter().filter(|instance| instance.condition.is_active());
    let (mut chosen, mut others): (Vec<&Arc<Instance>>, Vec<_>) = active.partition(|instance| instance.goal_stopped);
    let order = |a: &&Arc<Instance>, b: &&Arc<Instance>| order(a, b, selection);
    chosen.sort_by(order);
    chosen.truncate(count);
    let missing = count - chosen.len();
    if missing > 0 {
        others.sort_by(order);
        let seen: Vec<&Instance> = others.iter().map(|instance| &***instance).collect();
        let named = balanced(&seen, missing);
        let by_id: BTreeMap<&TaskId, &Arc<Instance>> =
            others.iter().map(|instance| (&instance.id, *instance)).collect();
        let mut taken = BTreeSet::new();
        let wanted = named.iter().filter_map(|id| by_id.get(id).copied()).chain(others.iter().copied());
        chosen.extend(wanted.filter(|instance| taken.insert(&instance.id)).take(missing));
    }
    chosen.into_iter().map(Arc::clone).collect()
}

fn order(a: &Instance, b: &Instance, selection: KillSelection) -> Ordering {
    let by_age = match selection {
        KillSelection::YoungestFirst => age(b).cmp(&age(a)),
        KillSelection::OldestFirst => age(a).cmp(&age(b)),
    };
    weight(a.condition).cmp(&weight(b.condition)).then(by_age).then_with(|| a.id.cmp(&b.id))
}

/// Since when it is there.
fn age(instance: &Instance) -> Timestamp {
    instance.started_at.unwrap_or(instance.staged_at)
}

/// Who is missed least goes first.
const fn weight(condition: Condition) -> u8 {
    match condition {
        Condition::UnreachableInactive | Condition::Task(TaskState::Unreachable) => 1,
        Condition::Created | Condition::Task(TaskState::Staging) => 2,
        Condition::Task(TaskState::Starting) => 3,
        Condition::Task(_) => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::PathId;
    use proptest::prelude::*;
    use proto_types::AgentId;

    /// An instance with its name, its condition and the moment at which it began.
    fn one(name: &str, state: TaskState, began: u64) -> Arc<Instance> {
        let (id, agent) = (TaskId::new(name).unwrap(), AgentId::new("a1").unwrap());
        let began = Timestamp::from_millis(began);
        let mut instance = Instance::new(id, PathId::parse("/web").unwrap(), agent, "h1".into(), began);
        instance.condition = Condition::Task(state);
        instance.started_at = (state == TaskState::Running).then_some(began);
        Arc::new(instance)
    }

    fn stopped(instance: &Arc<Instance>) -> Arc<Instance> {
        Arc::new(Instance { goal_stopped: true, ..Instance::clone(instance) })
    }

    fn names(chosen: &[Arc<Instance>]) -> Vec<&str> {
        chosen.iter().map(|instance| instance.id.as_str()).collect()
    }

    fn unbalanced(_: &[&Instance], _: usize) -> Vec<TaskId> {
        Vec::new()
    }

    #[test]
    fn by_state_then_by_age_then_by_id() {
        let all = [
            one("d", TaskState::Running, 10),
            one("c", TaskState::Running, 10),
            one("young", TaskState::Running, 20),
            one("starting", TaskState::Starting, 30),
            one("staging", TaskState::Staging, 1),
            one("lost", TaskState::Unreachable, 5),
            one("over", TaskState::Failed, 0),
        ];
        let chosen = select(&all, 9, KillSelection::YoungestFirst, unbalanced);
        assert_eq!(names(&chosen), ["lost", "staging", "starting", "young", "c", "d"]);
        let chosen = select(&all, 5, KillSelection::OldestFirst, unbalanced);
        assert_eq!(names(&chosen), ["lost", "staging", "starting", "c", "d"]);
    }

    #[test]
    fn those_that_go_anyway_go_first_and_then_the_constraints_choose() {
        let all = [
            one("a", TaskState::Running, 1),
            stopped(&one("dying", TaskState::Running, 2)),
            one("b", TaskState::Running, 3),
            one("staging", TaskState::Staging, 4),
        ];
        let balanced = |seen: &[&Instance], missing: usize| {
            let seen: Vec<&str> = seen.iter().map(|instance| instance.id.as_str()).collect();
            assert_eq!((seen, missing), (vec!["staging", "b", "a"], 2));
            vec![TaskId::new("a").unwrap(), TaskId::new("nobody").unwrap(), TaskId::new("a").unwrap()]
        };
        let chosen = select(&all, 3, KillSelection::YoungestFirst, balanced);
        assert_eq!(names(&chosen), ["dying", "a", "staging"]);
        let never = |_: &[&Instance], _: usize| -> Vec<TaskId> { panic!("nothing is missing") };
        assert_eq!(names(&select(&all, 1, KillSelection::YoungestFirst, never)), ["dying"]);
        assert_eq!(names(&select(&all, 0, KillSelection::YoungestFirst, never)), [""; 0]);
    }

    proptest! {
        #[test]
        fn the_choice_does_not_hang_on_the_order_in_which_they_come(
            made in proptest::collection::vec((0usize..13, 0u64..3, any::<bool>()), 0..12),
            count in 0usize..14,
            turn in 0usize..12,
        ) {
            let make = |(index, (state, began, stop)): (usize, &(usize, u64, bool))| {
                let instance = one(&format!("i{index}"), TaskState::ALL[*state], *began);
                if *stop { stopped(&instance) } else { instance }
            };
            let mut all: Vec<_> = made.iter().enumerate().map(make).collect();
            let chosen = select(&all, count, KillSelection::YoungestFirst, unbalanced);
            let active = all.iter().filter(|instance| instance.condition.is_active()).count();
            prop_assert_eq!(chosen.len(), count.min(active));
            if !all.is_empty() {
                let turn = turn % all.len();
                all.rotate_left(turn);
            }
            prop_assert_eq!(select(&all, count, KillSelection::YoungestFirst, unbalanced), chosen);
        }
    }
}

//! Whatever comes in whatever order, the table stays consistent.

use super::*;
use crate::health::ProbeResult;
use proptest::prelude::*;

/// Something that happens to one of a few instances.
#[derive(Debug, Clone)]
enum Step {
    Launch(u32),
    Report(u32, usize, Option<bool>),
    Check(u32, bool),
    Stop(u32),
    Tick(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let number = || 0u32..4;
    prop_oneof![
        3 => number().prop_map(Step::Launch),
        8 => (number(), 0usize..13, any::<Option<bool>>()).prop_map(|(one, state, healthy)| Step::Report(one, state, healthy)),
        3 => (number(), any::<bool>()).prop_map(|(one, passed)| Step::Check(one, passed)),
        1 => number().prop_map(Step::Stop),
        2 => (0u64..100).prop_map(Step::Tick),
        1 => Just(Step::Restart),
    ]
}

/// What is stored, by what the transitions say.
fn store(stored: &mut std::collections::BTreeMap<String, Vec<u8>>, transition: &Transition) {
    let Some(object) = transition.object() else { return };
    match object.value {
        Some(value) => drop(stored.insert(object.key, value)),
        None => drop(stored.remove(&object.key)),
    }
}

proptest! {
    #[test]
    fn any_order_and_repetition_leaves_consistent_counts(steps in proptest::collection::vec(step(), 0..60), doubled in any::<bool>()) {
        let checks: Vec<HealthCheck> = [HealthProtocol::Http, HealthProtocol::Command]
            .map(|protocol| HealthCheck { grace_period: Duration::ZERO, max_consecutive_failures: 1, ..HealthCheck::new(protocol, None) })
            .into();
        let rules = Rules { health_checks: &checks, ..unreachable_rules(30, 90) };
        let (mut table, mut now, mut stored) = (Instances::default(), 10, std::collections::BTreeMap::new());
        let mut launched = [false; 4];
        for step in steps {
            now += 1;
            let transitions = match step {
                // An id is used once.
                Step::Launch(number) if launched[number as usize] => Vec::new(),
                Step::Launch(number) => {
                    launched[number as usize] = true;
                    vec![table.launched(instance(number), &rules, at(now))]
                }
                Step::Report(number, state, healthy) => {
                    let report = TaskStatus { healthy, timestamp: Wall(now * 1000), ..status(number, TaskState::ALL[state]) };
                    let first = table.update(&report, &rules, at(now));
                    if doubled && first.kind != TransitionKind::Expunged {
                        let before = table.by_app().clone();
                        let second = table.update(&report, &rules, at(now));
                        prop_assert!(second.events.is_empty() && second.kills.is_empty() && second.write == Write::Keep, "{second:?}");
                        prop_assert_eq!(&before, table.by_app());
                    }
                    vec![first]
                }
                Step::Check(number, passed) => {
                    let result = if passed { ProbeResult::Passed } else { ProbeResult::Failed("refused".into()) };
                    vec![table.checked(&id(number), 0, &checks[0], None, &result, at(now))]
                }
                Step::Stop(number) => vec![table.stop(&id(number), &rules, at(now))],
                Step::Tick(seconds) => {
                    now += seconds;
                    let _ = table.kills_due(at(now));
                    table.give_up(at(now))
                }
                Step::Restart => {
                    let read = |(key, value): (&String, &Vec<u8>)| {
                        read_instance(&TaskId::new(key.trim_start_matches("instances/")).unwrap(), value).unwrap()
                    };
                    let all: Vec<Instance> = stored.iter().map(read).collect();
                    table = Instances::recover(all, |_| rules, at(now));
                    Vec::new()
                }
            };
            for transition in &transitions {
                store(&mut stored, transition);
            }
            prop_assert_eq!(table.audit(), Ok(()));
            let known: Vec<String> = table.of_app(&web()).map(|one| instance_key(&one.id)).collect();
            prop_assert_eq!(known, stored.keys().cloned().collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_health_that_was_last_known_survives_every_leader(reports in proptest::collection::vec(any::<Option<bool>>(), 0..20)) {
        let checks = checks(&[HealthProtocol::Command]);
        let rules = Rules { health_checks: &checks, ..Rules::default() };
        let mut table = running(&rules);
        let mut bytes = write_instance(table.get(&id(1)).unwrap());
        for (second, healthy) in reports.into_iter().enumerate() {
            let report = TaskStatus { healthy, timestamp: Wall((second as u64 + 5) * 1000), ..status(1, TaskState::Running) };
            if let Some(value) = table.update(&report, &rules, at(1000)).object().and_then(|object| object.value) {
                bytes = value;
            }
            let verdict = table.get(&id(1)).unwrap().verdict();
            prop_assert_eq!(read_instance(&id(1), &bytes).unwrap().verdict(), verdict);
        }
    }

    #[test]
    fn updates_that_are_sent_again_change_nothing(
        healthy in proptest::collection::vec(any::<Option<bool>>(), 1..12),
        again in proptest::collection::vec((0usize..12, 0usize..12), 0..20),
        ends in any::<bool>(),
    ) {
        let checks = checks(&[HealthProtocol::Command]);
        let rules = Rules { health_checks: &checks, ..Rules::default() };
        let update = |(index, healthy): (usize, &Option<bool>)| TaskStatus {
            healthy: *healthy,
            sequence: index as u64 + 1,
            timestamp: Wall((index as u64 + 5) * 1000),
            ..status(1, TaskState::Running)
        };
        let mut updates: Vec<TaskStatus> = healthy.iter().enumerate().map(update).collect();
        if ends {
            updates.push(TaskStatus { sequence: updates.len() as u64 + 1, ..status(1, TaskState::Failed) });
        }
        let (mut plain, mut busy) = (running(&rules), running(&rules));
        for (index, update) in updates.iter().enumerate() {
            let expected = plain.update(update, &rules, at(1000));
            prop_assert_eq!(&expected, &busy.update(update, &rules, at(1000)));
            for (_, old) in again.iter().filter(|(after, old)| *after == index && *old <= index) {
                let repeated = busy.update(&updates[*old], &rules, at(1000));
                prop_assert_eq!((repeated.kind, repeated.write, repeated.events), (TransitionKind::Unchanged, Write::Keep, Vec::new()));
            }
            prop_assert_eq!(plain.by_app(), busy.by_app());
            prop_assert_eq!(busy.audit(), Ok(()));
        }
    }
}

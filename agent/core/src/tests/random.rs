//! Anything in any order: whatever happens, the books are right, nothing starts twice, and updates keep their order.

use super::world::{World, custom, framework, status, task};
use crate::{ConnectionId, Input};
use proptest::prelude::*;
use proto_types::{
    TaskState,
    executing::NumberedStatus,
    link::{RefusedReason, ToAgent},
};
use std::time::Duration;

const TASKS: [&str; 4] = ["a", "b", "c", "d"];
const STATES: [TaskState; 5] =
    [TaskState::Starting, TaskState::Running, TaskState::Killing, TaskState::Finished, TaskState::Failed];

#[derive(Debug, Clone)]
enum Event {
    Launch { first: usize, count: usize, custom: bool, group: bool },
    Attach { custom: bool, has: usize, unacknowledged: Option<(usize, usize)> },
    Report { connection: u64, task: usize, number: u64, state: usize },
    Close { connection: u64 },
    Exit { custom: bool },
    Kill(usize, Option<u64>),
    Acknowledge(usize, u64),
    Wait(u64),
    OpenLink,
    CloseLink,
    Register,
    NewEpoch,
    OldEpoch,
    ShutDown,
    Gone,
    Restart { rebooted: bool, rotated: bool },
}

fn event() -> impl Strategy<Value = Event> {
    let task = 0..TASKS.len();
    prop_oneof![
        4 => (task.clone(), 1..3_usize, any::<bool>(), any::<bool>())
            .prop_map(|(first, count, custom, group)| Event::Launch { first, count, custom, group }),
        4 => (any::<bool>(), 0..16_usize, proptest::option::of((task.clone(), 0..STATES.len())))
            .prop_map(|(custom, has, unacknowledged)| Event::Attach { custom, has, unacknowledged }),
        6 => (1..6_u64, task.clone(), 1..5_u64, 0..STATES.len())
            .prop_map(|(connection, task, number, state)| Event::Report { connection, task, number, state }),
        1 => (1..6_u64).prop_map(|connection| Event::Close { connection }),
        2 => any::<bool>().prop_map(|custom| Event::Exit { custom }),
        2 => (task.clone(), proptest::option::of(0..9_u64)).prop_map(|(task, most)| Event::Kill(task, most)),
        4 => (task, 1..4_u64).prop_map(|(task, sequence)| Event::Acknowledge(task, sequence)),
        2 => (1..70_u64).prop_map(Event::Wait),
        2 => Just(Event::OpenLink),
        1 => Just(Event::CloseLink),
        4 => Just(Event::Register),
        1 => Just(Event::NewEpoch),
        1 => Just(Event::OldEpoch),
        1 => Just(Event::ShutDown),
        1 => Just(Event::Gone),
        2 => (prop_oneof![3 => Just(false), 1 => Just(true)], any::<bool>())
            .prop_map(|(rebooted, rotated)| Event::Restart { rebooted, rotated }),
    ]
}

fn executor(custom: bool) -> &'static str {
    if custom { "mine" } else { "built-in" }
}

fn apply(world: &mut World, event: Event) {
    let started = |world: &World, custom: bool| world.tokens.iter().any(|(name, _)| name == executor(custom));
    match event {
        Event::Launch { first, count, custom: own, group } => {
            let tasks: Vec<_> =
                TASKS.iter().cycle().skip(first).take(count).map(|name| task(name, "cpus:1.5")).collect();
            world.launch_on(own.then(|| custom("mine", "cpus:0.5")), &tasks, group);
        }
        Event::Attach { custom, has, unacknowledged } if started(world, custom) => {
            let has: Vec<_> =
                TASKS.iter().enumerate().filter(|(bit, _)| has >> bit & 1 == 1).map(|(_, name)| *name).collect();
            let numbered = |(task, state): (usize, usize)| NumberedStatus {
                number: 1,
                status: status(TASKS[task], STATES[state]),
            };
            world.attach(executor(custom), &has, unacknowledged.map(numbered).into_iter().collect());
        }
        Event::Report { connection, task, number, state } => {
            world.report(ConnectionId(connection), number, status(TASKS[task], STATES[state]));
        }
        Event::Close { connection } => world.give(Input::ExecutorClosed { connection: ConnectionId(connection) }),
        Event::Exit { custom } if started(world, custom) => world.exit(executor(custom)),
        Event::Attach { .. } | Event::Exit { .. } => {}
        Event::Kill(task, most) => world.kill_within(TASKS[task], most.map(Duration::from_secs)),
        Event::Acknowledge(task, sequence) => world.acknowledge(TASKS[task], sequence),
        Event::Wait(seconds) => world.wait(seconds),
        Event::OpenLink => drop(world.open_link()),
        Event::CloseLink => world.close_link(),
        Event::Register => world.register(),
        Event::NewEpoch => world.epoch += 1,
        Event::OldEpoch => world.epoch = world.epoch.saturating_sub(1),
        Event::ShutDown => world.master(ToAgent::ShutdownFramework(framework())),
        Event::Gone => world.master(ToAgent::Refused { reason: RefusedReason::Gone, message: String::new() }),
        Event::Restart { rebooted, rotated: false } => world.restart(rebooted),
        Event::Restart { rebooted, rotated: true } => world.restart_rotated(rebooted),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks_the_books(events in proptest::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        for event in events {
            apply(&mut world, event);
        }
    }
}

/// The random walk above is worth something only if it finds rules that are broken.
#[cfg(feature = "sabotage")]
#[test]
fn broken_rules_are_found() {
    use crate::{Sabotage, Switch};
    use proptest::test_runner::{Config, TestError, TestRunner};
    for switch in
        [Switch::RestartInsteadOfAdopt, Switch::SkipResourceCheck, Switch::ForgetLaunch, Switch::ForgetAcknowledgement]
    {
        let mut runner = TestRunner::new(Config {
            cases: 3000,
            failure_persistence: None,
            max_shrink_iters: 0,
            ..Config::default()
        });
        let found = runner.run(&proptest::collection::vec(event(), 1..60), |events| {
            let mut world = World::sabotaged(Sabotage::new([switch]));
            events.into_iter().for_each(|event| apply(&mut world, event));
            Ok(())
        });
        assert!(matches!(found, Err(TestError::Fail(..))), "{switch:?} was not found");
    }
}

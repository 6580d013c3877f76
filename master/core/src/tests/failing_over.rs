use super::world::{World, framework};
use crate::{Input, effect::AgentStanding};
use proto_types::{
    FrameworkInfo, RejectionKind, TaskState,
    link::ToAgent,
    reconcile::Answer,
    scheduling::{Refusal, Wants},
};
use std::time::Duration;

#[test]
fn a_restarted_master_knows_its_agents_and_frameworks() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Running, 1);
    world.fail_over();
    let info = FrameworkInfo { id: Some(scheduler.id.clone()), ..framework("f", &["*"]) };
    let again = world.subscribe(info, 1, Wants::default(), None);
    assert_eq!(again.id, scheduler.id);
    assert!(matches!(world.reconcile(&again, "t", Some(&agent.id)), Answer::Recovering { .. }));
    assert!(matches!(world.reconcile(&again, "other", None), Answer::Recovering { .. }));
    let held = world.held(&key, "cpus:1", TaskState::Running, &[1]);
    world.register(Some(&agent.id), "cpus:4", vec![held]);
    assert_eq!(world.updates(&again), [(TaskState::Running, 1)]);
    world.allocate();
    assert_eq!(world.offered(&again), ["cpus:3"]);
}

#[test]
fn an_accept_of_an_earlier_epoch_has_an_unknown_outcome() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:4");
    world.allocate();
    let offers = world.offers(&scheduler);
    world.fail_over();
    let task = super::world::task("t", "cpus:1");
    let verdicts = world.accept(&scheduler, &offers, vec![super::world::launch(&[task])]);
    assert_eq!(verdicts[0].result.as_ref().unwrap_err().kind, RejectionKind::OutcomeUnknown);
}

#[test]
fn agents_that_do_not_come_back_become_unreachable() {
    let mut world = World::new();
    let agent = world.agent("cpus:4");
    world.fail_over();
    world.advance(Duration::from_secs(599));
    assert_eq!(world.master.agents.get(&agent.id).unwrap().standing, AgentStanding::Recovered);
    world.advance(Duration::from_secs(2));
    assert_eq!(world.master.agents.get(&agent.id).unwrap().standing, AgentStanding::Unreachable);
}

#[test]
fn a_framework_that_never_returns_is_removed_even_after_failovers() {
    let mut world = World::new();
    let info = FrameworkInfo { failover_timeout: Duration::from_secs(100), ..framework("f", &["*"]) };
    let scheduler = world.subscribe(info.clone(), 1, Wants::default(), None);
    world.give(Input::SchedulerClosed { connection: scheduler.connection, too_slow: false });
    world.advance(Duration::from_secs(61));
    world.fail_over();
    world.advance(Duration::from_secs(39));
    assert!(world.master.frameworks.get(&scheduler.id).is_some());
    world.advance(Duration::from_secs(2));
    assert!(world.master.frameworks.get(&scheduler.id).is_none());
    for _ in 0..2 {
        let connection = world.try_subscribe(
            FrameworkInfo { id: Some(scheduler.id.clone()), ..info.clone() },
            2,
            Wants::default(),
            None,
        );
        assert_eq!(world.refused[&connection], Refusal::FrameworkRemoved(scheduler.id.clone()));
        world.fail_over();
    }
}

#[test]
fn the_lower_incarnation_is_refused_for_good() {
    let mut world = World::new();
    let scheduler = world.subscribe(framework("f", &["*"]), 5, Wants::default(), None);
    let info = FrameworkInfo { id: Some(scheduler.id), ..framework("f", &["*"]) };
    world.subscribe(info.clone(), 7, Wants::default(), None);
    world.fail_over();
    let connection = world.try_subscribe(info, 5, Wants::default(), None);
    assert_eq!(world.refused[&connection], Refusal::Superseded { current: 7, given: 5 });
}

#[test]
fn tasks_of_a_dead_framework_are_ended_when_their_agent_comes_back() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.call(&scheduler, proto_types::scheduling::Call::Teardown).unwrap();
    world.fail_over();
    let held = world.held(&key, "cpus:1", TaskState::Running, &[1]);
    let agent = world.register(Some(&agent.id), "cpus:4", vec![held]);
    let told = &world.to_agents[&agent.link];
    assert!(told.contains(&ToAgent::ShutdownFramework(scheduler.id.clone())));
    assert!(told.contains(&ToAgent::Acknowledge(vec![(key, 1)])));
}

#[test]
fn a_snapshot_rebuilds_the_registry() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["a"]);
    world.agent("cpus:4");
    world.give(Input::SchedulerClosed { connection: scheduler.connection, too_slow: false });
    let snapshot = world.master.snapshot();
    world.registry = snapshot.clone();
    world.fail_over();
    assert_eq!(world.master.snapshot(), snapshot);
}

use super::world::{AgentHandle, Scheduler, World, framework, launch, role, task};
use crate::{Body, ConnectionId, Effect, Input, OperatorCall, effect::AgentStanding};
use proto_types::{
    FrameworkId, FrameworkInfo, Principal, RejectionKind, ResourceName, Scalar, TaskKey, TaskState,
    link::{HeldTask, ToAgent},
    reconcile::Answer,
    resources::Limits,
    scheduling::{Call, CloseReason, Event, Refusal, Subject, Subscribe, Wants},
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

fn limit_cpus(world: &mut World, cpus: u64) {
    let limit = Some(Limits::from_iter([(ResourceName::Cpus, Scalar::from_units(cpus))]));
    world.operate(OperatorCall::UpdateRole { role: role("a"), weight_milli: None, limit }).unwrap();
}

/// Two agents with 4 cpus each, and a task that has all those of the first.
fn with_a_full_agent(world: &mut World, scheduler: &Scheduler) -> (TaskKey, AgentHandle, AgentHandle) {
    let (one, two) = (world.agent("cpus:4"), world.agent("cpus:4"));
    let key = world.run(scheduler, "t", "cpus:4");
    let on_one = world.master.frameworks.task(&key).unwrap().agent == one.id;
    let (first, second) = if on_one { (one, two) } else { (two, one) };
    (key, first, second)
}

fn held_for_a(world: &World, key: &TaskKey) -> HeldTask {
    HeldTask { role: role("a"), ..world.held(key, "cpus:4", TaskState::Running, &[]) }
}

#[test]
fn a_limit_counts_what_may_run_on_agents_that_are_not_back() {
    let mut world = World::new();
    limit_cpus(&mut world, 5);
    let scheduler = world.scheduler("f", &["a"]);
    let (key, first, second) = with_a_full_agent(&mut world, &scheduler);
    world.fail_over();
    let info = FrameworkInfo { id: Some(scheduler.id.clone()), ..framework("f", &["a"]) };
    let again = world.subscribe(info, 1, Wants::default(), None);
    world.register(Some(&second.id), "cpus:4", Vec::new());
    world.allocate();
    assert_eq!(world.offered(&again), ["cpus:1"], "the other four may be in use");
    let held = held_for_a(&world, &key);
    let first = world.register(Some(&first.id), "cpus:4", vec![held]);
    world.allocate();
    assert_eq!(world.offered(&again), ["cpus:1"]);
    world.update(&first, &key, TaskState::Finished, 2);
    world.allocate();
    assert_eq!(world.offered(&again), ["cpus:1", "cpus:4"]);
}

#[test]
fn there_is_room_under_a_limit_once_an_agent_is_back_with_nothing_or_given_up() {
    for comes_back in [true, false] {
        let mut world = World::new();
        limit_cpus(&mut world, 3);
        let scheduler = world.scheduler("f", &["a"]);
        let (first, second) = (world.agent("cpus:4"), world.agent("mem:64"));
        world.fail_over();
        let info = FrameworkInfo { id: Some(scheduler.id.clone()), ..framework("f", &["a"]) };
        let again = world.subscribe(info, 1, Wants::default(), None);
        let second = world.register(Some(&second.id), "cpus:4", Vec::new());
        world.allocate();
        assert_eq!(world.offered(&again), [""; 0]);
        let answer = world.explain(&again, Subject::Framework);
        let expected = "role a is at its limit: it may have cpus:3 and has nothing, and may have up to cpus:4 more";
        assert!(answer.contains(expected), "{answer}");
        if comes_back {
            world.register(Some(&first.id), "mem:64", Vec::new());
        } else {
            world.advance_alive(Duration::from_secs(601), &[&second]);
        }
        world.allocate();
        assert!(world.offered(&again).contains(&"cpus:3".to_owned()), "{:?}", world.offered(&again));
    }
}

#[test]
fn what_was_offered_beyond_a_limit_is_not_launched() {
    let mut world = World::new();
    limit_cpus(&mut world, 5);
    let scheduler = world.scheduler("f", &["a"]);
    let (key, first, second) = with_a_full_agent(&mut world, &scheduler);
    world.advance_alive(Duration::from_secs(40), &[&second]);
    assert_eq!(world.master.agents.get(&first.id).unwrap().standing, AgentStanding::Unreachable);
    // The agent with the task was given up, so the role seems to have nothing.
    world.allocate();
    let offers = world.offers(&scheduler);
    assert_eq!(world.offered(&scheduler), ["cpus:4"]);
    let held = held_for_a(&world, &key);
    world.register(Some(&first.id), "cpus:4", vec![held]);
    let tasks = [task("big", "cpus:2"), task("small", "cpus:1")];
    let verdicts = world.accept(&scheduler, &offers, vec![launch(&tasks)]);
    let rejection = verdicts[0].result.as_ref().unwrap_err();
    assert_eq!(rejection.kind, RejectionKind::Conflict);
    assert!(rejection.message.contains("over its limit by cpus:3"), "{}", rejection.message);
    assert!(verdicts[1].result.is_ok(), "{verdicts:?}");
}

#[test]
fn a_leader_that_is_none_any_more_calls_no_framework_removed() {
    let mut world = World::new();
    let id = FrameworkId::new("F2-1").unwrap();
    let info = FrameworkInfo { id: Some(id), ..framework("f", &["*"]) };
    let connection = ConnectionId(world.number());
    let request = Subscribe { framework: info, incarnation: 1, cluster: None, wants: Wants::default(), resume: None };
    world.give(Input::Subscribe { connection, principal: Principal::anonymous(), request: Box::new(request) });
    assert!(world.refused.is_empty());
    let told = &world.events[&connection];
    assert!(matches!(told[..], [(0, Event::Closed { reason: CloseReason::LeadershipLost, .. })]), "{told:?}");
}

#[test]
fn nobody_hears_of_a_removal_before_it_is_stored() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.call(&scheduler, Call::Teardown).unwrap();
    world.effects.clear();
    let held = world.held(&key, "cpus:1", TaskState::Running, &[1]);
    world.register(Some(&agent.id), "cpus:4", vec![held]);
    let told = |effect: &&Effect| {
        matches!(effect.body, Body::ToAgent(_, ToAgent::ShutdownFramework(_) | ToAgent::Acknowledge(_)))
    };
    let told: Vec<&Effect> = world.effects.iter().filter(told).collect();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|effect| effect.after.is_some()), "{told:?}");
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
    world.operate(OperatorCall::UpdateRole { role: role("a"), weight_milli: Some(2000), limit: None }).unwrap();
    world.give(Input::SchedulerClosed { connection: scheduler.connection, too_slow: false });
    let snapshot = world.master.snapshot();
    let by: Vec<&str> = snapshot.iter().map(|change| change.principal.as_str()).collect();
    assert_eq!(by, ["operator", "agent", "scheduler", "scheduler"]);
    world.registry = snapshot.clone();
    world.fail_over();
    assert_eq!(world.master.snapshot(), snapshot);
}

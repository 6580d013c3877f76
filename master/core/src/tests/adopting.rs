//! A registry in the place of one that was lost.

use super::{
    operating::{is_refused_as_gone, try_register},
    world::{AgentHandle, Scheduler, World, framework, principal},
};
use crate::effect::AgentStanding;
use proto_types::{
    AgentId, Epoch, FrameworkId, FrameworkInfo, TaskKey, TaskState,
    link::ToAgent,
    reconcile::Answer,
    registry::{Fact, RegistryChange},
    scheduling::Refusal,
};
use std::time::Duration;

/// A world with a running task whose registry is lost: another begins in its place.
fn lost() -> (World, Scheduler, AgentId, TaskKey) {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Running, 1);
    world.acknowledge(&scheduler, "t", 1);
    let fact = Fact::ClusterAdopted { above: Epoch(1) };
    world.registry = vec![RegistryChange { principal: principal("operator"), fact }];
    world.fail_over();
    (world, scheduler, agent.id, key)
}

fn back(world: &mut World, agent: &AgentId, key: &TaskKey) -> AgentHandle {
    let held = world.held(key, "cpus:1", TaskState::Running, &[]);
    world.register(Some(agent), "cpus:4", vec![held])
}

fn info(id: &FrameworkId) -> FrameworkInfo {
    FrameworkInfo { id: Some(id.clone()), ..framework("f", &["*"]) }
}

fn is_shut_down(world: &World, agent: &AgentHandle) -> bool {
    world.to_agents[&agent.link].iter().any(|message| matches!(message, ToAgent::ShutdownFramework(_)))
}

#[test]
fn an_agent_comes_back_with_its_id_and_its_tasks_run_on_for_a_scheduler_that_comes_later() {
    let (mut world, scheduler, agent, key) = lost();
    let agent = back(&mut world, &agent, &key);
    assert_eq!(world.master.agents.get(&agent.id).unwrap().standing, AgentStanding::Connected);
    assert!(!is_shut_down(&world, &agent));
    world.advance_alive(Duration::from_secs(2 * 3600), &[&agent]);
    assert!(!is_shut_down(&world, &agent), "who repairs a cluster may need hours");
    let scheduler = world.subscribe(info(&scheduler.id), 2, Default::default(), None);
    let Answer::Status(status) = world.reconcile(&scheduler, "t", None) else { panic!("it is known") };
    assert_eq!(status.state, TaskState::Running);
    assert_eq!(world.master.frameworks.get(&scheduler.id).unwrap().info.name, "f", "it says itself who it is");
}

#[test]
fn a_scheduler_that_comes_before_its_agents_is_told_to_wait() {
    let (mut world, scheduler, agent, key) = lost();
    let scheduler = world.subscribe(info(&scheduler.id), 1, Default::default(), None);
    assert!(matches!(world.reconcile(&scheduler, "t", None), Answer::Recovering { .. }));
    let agent = back(&mut world, &agent, &key);
    assert!(!is_shut_down(&world, &agent));
    assert!(matches!(world.reconcile(&scheduler, "t", None), Answer::Status(_)));
    world.advance_alive(Duration::from_secs(601), &[&agent]);
    let Answer::Status(status) = world.reconcile(&scheduler, "u", None) else { panic!("nobody is waited for") };
    assert_eq!(status.state, TaskState::Unknown);
}

#[test]
fn what_dies_after_the_adoption_stays_dead() {
    let (mut world, scheduler, agent, key) = lost();
    let scheduler = world.subscribe(info(&scheduler.id), 1, Default::default(), None);
    world.call(&scheduler, proto_types::scheduling::Call::Teardown).unwrap();
    world.registry = world.master.snapshot();
    world.fail_over();
    let agent = back(&mut world, &agent, &key);
    assert!(is_shut_down(&world, &agent));
    let refused = world.try_subscribe(info(&scheduler.id), 2, Default::default(), None);
    assert!(matches!(world.refused[&refused], Refusal::FrameworkRemoved(_)));
    assert_eq!(world.master.snapshot()[0].fact, Fact::ClusterAdopted { above: Epoch(1) });
}

#[test]
fn ids_that_only_this_registry_can_have_given_are_dead_if_it_does_not_know_them() {
    let (mut world, ..) = lost();
    let agent = try_register(&mut world, &AgentId::new("A2-9").unwrap());
    assert!(is_refused_as_gone(&world, &agent));
    let stranger = FrameworkId::new("F2-9").unwrap();
    let refused = world.try_subscribe(info(&stranger), 1, Default::default(), None);
    assert!(world.refused.contains_key(&refused));
}

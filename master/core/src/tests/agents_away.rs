use super::world::{AgentHandle, World, task_id};
use crate::{Input, LinkId, effect::AgentStanding};
use proto_types::{
    AgentId, AgentInfo, Epoch, TaskState,
    link::{FromAgent, Registration, ToAgent},
    scheduling::{Call, Event, Refusal, Reply},
    status::MASTER_SEQUENCES,
};
use std::time::Duration;

fn standing(world: &World, id: &AgentId) -> AgentStanding {
    world.master.agents.get(id).unwrap().standing
}

#[test]
fn a_silent_agent_becomes_unreachable_and_its_tasks_come_back_with_it() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Running, 1);
    world.acknowledge(&scheduler, "t", 1);
    world.advance(Duration::from_secs(40));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Unreachable);
    let (state, sequence) = *world.updates(&scheduler).last().unwrap();
    assert_eq!(state, TaskState::Unreachable);
    assert!(sequence >= MASTER_SEQUENCES);
    world.acknowledge(&scheduler, "t", sequence);
    let held = world.held(&key, "cpus:1", TaskState::Running, &[]);
    world.register(Some(&agent.id), "cpus:4", vec![held]);
    assert_eq!(world.updates(&scheduler).last().unwrap().0, TaskState::Running);
    assert_eq!(standing(&world, &agent.id), AgentStanding::Connected);
}

#[test]
fn an_answering_agent_stays() {
    let mut world = World::new();
    let agent = world.agent("cpus:4");
    world.advance_alive(Duration::from_secs(120), &[&agent]);
    assert_eq!(standing(&world, &agent.id), AgentStanding::Connected);
}

#[test]
fn a_launch_that_never_arrived_is_dropped() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    world.run(&scheduler, "t", "cpus:1");
    world.give(Input::AgentLinkClosed { link: agent.link });
    world.register(Some(&agent.id), "cpus:4", Vec::new());
    assert_eq!(world.updates(&scheduler).last().unwrap().0, TaskState::Dropped);
}

#[test]
fn a_task_that_vanished_is_gone() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Running, 1);
    world.register(Some(&agent.id), "cpus:4", Vec::new());
    assert_eq!(world.updates(&scheduler).last().unwrap().0, TaskState::Gone);
}

#[test]
fn a_lost_link_takes_offers_back() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    world.allocate();
    world.give(Input::AgentLinkClosed { link: agent.link });
    assert_eq!(world.offers(&scheduler).len(), 0);
    let last = world.events[&scheduler.connection].last().unwrap();
    assert!(matches!(last.1, Event::Rescinded(_)));
}

#[test]
fn a_master_that_stalled_removes_nobody() {
    let mut world = World::new();
    let agents = [world.agent("cpus:4"), world.agent("cpus:4")];
    world.advance_alive(Duration::from_secs(10), &[&agents[0], &agents[1]]);
    world.now.monotonic = world.now.monotonic + Duration::from_secs(300);
    world.give(Input::Tick);
    world.advance(Duration::from_secs(10));
    for agent in &agents {
        assert_eq!(standing(&world, &agent.id), AgentStanding::Connected);
    }
}

#[test]
fn many_missing_agents_are_marked_one_by_one() {
    let mut world = World::new();
    let agents: Vec<_> = (0..10).map(|_| world.agent("cpus:4")).collect();
    world.advance(Duration::from_secs(42));
    let marked = agents.iter().filter(|agent| standing(&world, &agent.id) == AgentStanding::Unreachable).count();
    assert!((1..=4).contains(&marked), "{marked} of 10 marked");
}

#[test]
fn who_answers_at_last_is_not_marked() {
    let mut world = World::new();
    let agents: Vec<_> = (0..10).map(|_| world.agent("cpus:4")).collect();
    world.advance(Duration::from_secs(37));
    let unreachable = |world: &World| {
        let standings = agents.iter().map(|agent| standing(world, &agent.id));
        standings.filter(|standing| *standing == AgentStanding::Unreachable).count()
    };
    let marked = unreachable(&world);
    assert!(marked < 5, "{marked} were marked at once");
    let rest: Vec<_> = agents.iter().filter(|a| standing(&world, &a.id) == AgentStanding::Connected).collect();
    world.advance_alive(Duration::from_secs(60), &rest);
    assert_eq!(unreachable(&world), marked, "the others answered");
}

#[test]
fn an_agent_whose_link_breaks_after_silence_is_not_given_the_whole_time_again() {
    let mut world = World::new();
    let agent = world.agent("cpus:4");
    world.advance(Duration::from_secs(24));
    world.give(Input::AgentLinkClosed { link: agent.link });
    world.advance(Duration::from_secs(12));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Unreachable);
}

#[test]
fn a_kill_waits_for_an_agent_that_is_unreachable() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Running, 1);
    world.call(&scheduler, Call::Kill { tasks: vec![key.task.clone()], grace: None }).unwrap();
    world.advance(Duration::from_secs(40));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Unreachable);
    let held = world.held(&key, "cpus:1", TaskState::Running, &[]);
    let again = world.register(Some(&agent.id), "cpus:4", vec![held]);
    let kill =
        ToAgent::Kill { framework: scheduler.id.clone(), tasks: vec![key.task.clone()], grace: None, max_grace: None };
    assert!(world.to_agents[&again.link].contains(&kill));
    world.update(&again, &key, TaskState::Killed, 2);
    assert!(world.master.agents.get(&agent.id).unwrap().kills.is_empty());
}

#[test]
fn an_older_task_with_the_id_of_one_elsewhere_is_ended() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let old = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.fail_over();
    let info = proto_types::FrameworkInfo { id: Some(scheduler.id), ..super::world::framework("f", &["*"]) };
    let scheduler = world.subscribe(info, 1, Default::default(), None);
    let other = world.agent("cpus:4");
    world.run(&scheduler, "t", "cpus:2");
    let held = world.held(&key, "cpus:1", TaskState::Running, &[1]);
    let again = world.register(Some(&old.id), "cpus:4", vec![held]);
    let kill =
        ToAgent::Kill { framework: key.framework.clone(), tasks: vec![key.task.clone()], grace: None, max_grace: None };
    assert!(world.to_agents[&again.link].contains(&kill));
    world.update(&again, &key, TaskState::Killed, 2);
    let task = world.master.frameworks.task(&key).unwrap();
    assert_eq!((&task.agent, task.state()), (&other.id, TaskState::Staging));
}

#[test]
fn a_changed_description_is_taken_over() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:3");
    world.update(&agent, &key, TaskState::Running, 1);
    let held = world.held(&key, "cpus:3", TaskState::Running, &[1]);
    world.register(Some(&agent.id), "cpus:2;mem:64", vec![held]);
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["mem:64"]);
}

#[test]
fn a_removed_frameworks_tasks_are_ended() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Running, 1);
    world.call(&scheduler, Call::Teardown).unwrap();
    let told = world.to_agents[&agent.link].iter();
    assert!(told.clone().any(|m| matches!(m, ToAgent::ShutdownFramework(_))));
    assert_eq!(world.master.frameworks.task(&key).unwrap().state(), TaskState::Running);
    let framework = Box::new(super::world::framework("again", &["*"]));
    let late = world.call(&scheduler, Call::UpdateFramework { framework, wants: Default::default() });
    assert_eq!(late, Err(Refusal::FrameworkRemoved(scheduler.id.clone())), "it does not come alive again");
    assert_eq!(world.call(&scheduler, Call::Teardown), Ok(Reply::Done));
    world.update(&agent, &key, TaskState::Killed, 2);
    assert!(world.master.frameworks.get(&scheduler.id).is_none());
    let located = world.operate(crate::OperatorCall::LocateTask { framework: None, task: task_id("t"), agent: None });
    assert!(located.is_ok(), "people may still want its logs");
    let before = |agent: Option<AgentId>| {
        let framework = Some(scheduler.id.clone());
        crate::OperatorCall::LocateTask { framework, task: task_id("before"), agent }
    };
    assert!(world.operate(before(None)).is_err());
    let located = world.operate(before(Some(agent.id.clone())));
    assert!(located.is_ok(), "it was over before this master led, and its agent is known");
    assert!(world.operate(before(Some(AgentId::new("A9-9").unwrap()))).is_err());
}

#[test]
fn a_registration_that_comes_late_on_an_older_link_changes_nothing() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let old = world.number();
    let again = world.register(Some(&agent.id), "cpus:4", Vec::new());
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&again, &key, TaskState::Running, 1);
    let registration = Registration {
        id: Some(agent.id.clone()),
        cluster: None,
        info: AgentInfo { hostname: "late".to_owned(), ..AgentInfo::default() },
        epoch: Epoch(1),
        tasks: Vec::new(),
        executors: Vec::new(),
    };
    let late = AgentHandle { id: agent.id, link: LinkId(old) };
    world.say(&late, FromAgent::Register(Box::new(registration)));
    assert_eq!(world.updates(&scheduler), [(TaskState::Running, 1)]);
    assert_eq!(world.master.agents.get(&late.id).unwrap().link, Some(again.link));
}

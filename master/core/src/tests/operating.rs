//! What operators do to agents.

use super::world::{AgentHandle, Scheduler, World, framework, task_id};
use crate::{Body, Change, Config, Input, LogIndex, OperatorCall, OperatorReply, effect::AgentStanding};
use proto_types::{
    AgentId, AgentInfo, ClusterId, Epoch, FrameworkInfo, TaskKey, TaskState,
    agent::{Duty, Unavailability},
    link::{FromAgent, RefusedReason, Registration, ToAgent},
    reconcile::Answer,
    scheduling::{Call, Event, Refusal, Subject, Wants},
    status::Reason,
    time::Wall,
};
use std::time::Duration;

fn drain(agent: &AgentId) -> OperatorCall {
    OperatorCall::DrainAgent { agent: agent.clone(), max_grace: None, deadline: None, mark_gone: false }
}

fn duty(world: &World, id: &AgentId) -> &'static str {
    world.master.agents.get(id).unwrap().duty.name()
}

fn standing(world: &World, id: &AgentId) -> AgentStanding {
    world.master.agents.get(id).unwrap().standing
}

/// The graces with which the agent was told to kill a task, in order: the longest, else the one named.
fn kills(world: &World, agent: &AgentHandle, task: &str) -> Vec<Option<Duration>> {
    let told = world.to_agents.get(&agent.link).into_iter().flatten();
    told.filter_map(|message| match message {
        ToAgent::Kill { tasks, grace, max_grace, .. } if tasks.contains(&task_id(task)) => Some(max_grace.or(*grace)),
        _ => None,
    })
    .collect()
}

pub(super) fn is_refused_as_gone(world: &World, agent: &AgentHandle) -> bool {
    let told = world.to_agents.get(&agent.link).into_iter().flatten();
    told.into_iter().any(|message| matches!(message, ToAgent::Refused { reason: RefusedReason::Gone, .. }))
}

fn reasons(world: &World, scheduler: &Scheduler) -> Vec<(TaskState, Option<Reason>)> {
    let events = world.events.get(&scheduler.connection).into_iter().flatten();
    let updates = events.filter_map(|(_, event)| if let Event::Updates(all) = event { Some(all) } else { None });
    updates.flatten().map(|status| (status.state, status.reason)).collect()
}

/// An agent with a running task of a framework.
fn running() -> (World, Scheduler, AgentHandle, TaskKey) {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Running, 1);
    world.acknowledge(&scheduler, "t", 1);
    (world, scheduler, agent, key)
}

fn again(world: &mut World, scheduler: &Scheduler) -> Scheduler {
    world.fail_over();
    let info = FrameworkInfo { id: Some(scheduler.id.clone()), ..framework("f", &["*"]) };
    world.subscribe(info, 1, Wants::default(), None)
}

/// Registers an agent by its id, with the cluster that it knows; says on which link.
pub(super) fn try_register(world: &mut World, id: &AgentId) -> AgentHandle {
    let agent = AgentHandle { id: id.clone(), link: crate::LinkId(world.number()) };
    let registration = Registration {
        id: Some(id.clone()),
        cluster: Some(ClusterId::new("c1").unwrap()),
        info: AgentInfo { hostname: "back".to_owned(), ..AgentInfo::default() },
        epoch: Epoch(0),
        tasks: Vec::new(),
        executors: Vec::new(),
    };
    world.say(&agent, FromAgent::Register(Box::new(registration)));
    agent
}

#[test]
fn an_agent_that_is_gone_is_told_and_so_are_its_frameworks_once_it_is_stored() {
    let (mut world, scheduler, agent, _) = running();
    world.allocate();
    assert_eq!(world.offers(&scheduler).len(), 1);
    world.effects.clear();
    world.operate(OperatorCall::MarkAgentGone(agent.id.clone())).unwrap();
    let index = world.effects.iter().find_map(|effect| match effect.body {
        Body::Append(index, _) => Some(index),
        _ => None,
    });
    let told: Vec<Option<LogIndex>> = world
        .effects
        .iter()
        .filter(|effect| match &effect.body {
            Body::ToAgent(..) | Body::CloseLink(_) | Body::OperatorReply(..) => true,
            Body::ToScheduler(_, event) => matches!(event.event, Event::Updates(_) | Event::Failure { .. }),
            _ => false,
        })
        .map(|effect| effect.after)
        .collect();
    assert_eq!(told, [index; 5], "the refusal, the end of the link, the update, the failure and the reply");
    assert!(is_refused_as_gone(&world, &agent));
    assert_eq!(world.offers(&scheduler).len(), 0);
    let last = *reasons(&world, &scheduler).last().unwrap();
    assert_eq!(last, (TaskState::GoneByOperator, Some(Reason::AgentRemovedByOperator)));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Gone);
}

#[test]
fn an_agent_that_is_gone_never_comes_back() {
    let (mut world, scheduler, agent, _) = running();
    world.operate(OperatorCall::MarkAgentGone(agent.id.clone())).unwrap();
    let scheduler = again(&mut world, &scheduler);
    let back = try_register(&mut world, &agent.id);
    assert!(is_refused_as_gone(&world, &back));
    world.allocate();
    assert_eq!(world.offered(&scheduler), [""; 0]);
    match world.reconcile(&scheduler, "t", Some(&agent.id)) {
        Answer::Status(status) => assert_eq!(status.state, TaskState::GoneByOperator),
        Answer::Recovering { .. } => panic!("it does not come back"),
    }
    assert_eq!(world.operate(OperatorCall::MarkAgentGone(agent.id.clone())), Ok(OperatorReply::Done));
    let refusal = world.operate(drain(&agent.id)).unwrap_err();
    assert!(refusal.to_string().starts_with("agent_id: agent A1-1 was marked gone"), "{refusal}");
}

#[test]
fn an_agent_that_does_not_answer_can_be_gone() {
    let (mut world, scheduler, agent, _) = running();
    world.advance(Duration::from_secs(40));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Unreachable);
    world.operate(OperatorCall::MarkAgentGone(agent.id.clone())).unwrap();
    assert_eq!(reasons(&world, &scheduler).last().unwrap().0, TaskState::GoneByOperator);
    world.advance(Duration::from_secs(40));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Gone);
}

#[test]
fn agents_that_are_gone_are_forgotten_by_number_and_age_and_stay_dead() {
    let age = Duration::from_secs(60);
    let mut world = World::with(Config { gone_agents_max: 1, gone_agents_age: age, ..Config::default() });
    let agents = [world.agent("cpus:1"), world.agent("cpus:1")];
    for agent in &agents {
        world.advance(Duration::from_millis(250));
        world.operate(OperatorCall::MarkAgentGone(agent.id.clone())).unwrap();
    }
    world.advance(Duration::from_millis(250));
    assert!(world.master.agents.get(&agents[0].id).is_none(), "the older of two");
    assert!(world.master.agents.get(&agents[1].id).is_some());
    world.advance(age);
    assert!(world.master.agents.get(&agents[1].id).is_none());
    let forgotten: Vec<&AgentId> = world
        .effects
        .iter()
        .filter_map(|effect| match &effect.body {
            Body::Changed(Change::AgentRemoved(id)) => effect.after.map(|_| id),
            _ => None,
        })
        .collect();
    assert_eq!(forgotten, [&agents[0].id, &agents[1].id]);
    world.fail_over();
    assert!(world.master.agents.get(&agents[0].id).is_none());
    let back = try_register(&mut world, &agents[0].id);
    assert!(is_refused_as_gone(&world, &back));
}

#[test]
fn who_waits_to_be_told_keeps_an_agent_that_is_gone() {
    let age = Duration::from_secs(1);
    let mut world = World::with(Config { gone_agents_age: age, ..Config::default() });
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    world.run(&scheduler, "t", "cpus:1");
    world.operate(OperatorCall::MarkAgentGone(agent.id.clone())).unwrap();
    world.advance(age * 2);
    assert!(world.master.agents.get(&agent.id).is_some());
    let (_, sequence) = *world.updates(&scheduler).last().unwrap();
    world.acknowledge(&scheduler, "t", sequence);
    world.advance(age);
    assert!(world.master.agents.get(&agent.id).is_none());
}

#[test]
fn a_deactivated_agent_is_not_offered_and_its_tasks_run_on() {
    let (mut world, scheduler, agent, key) = running();
    world.allocate();
    let offers = world.offers(&scheduler);
    assert_eq!(offers.len(), 1);
    world.operate(OperatorCall::DeactivateAgent(agent.id.clone())).unwrap();
    assert_eq!(world.offers(&scheduler).len(), 0, "it is taken back");
    let verdicts = world.accept(&scheduler, &offers, vec![super::world::launch(&[super::world::task("u", "cpus:1")])]);
    assert!(verdicts[0].result.is_err());
    let scheduler = again(&mut world, &scheduler);
    let held = world.held(&key, "cpus:1", TaskState::Running, &[]);
    let agent = world.register(Some(&agent.id), "cpus:4", vec![held]);
    world.allocate();
    assert_eq!(world.offered(&scheduler), [""; 0]);
    assert_eq!(kills(&world, &agent, "t"), []);
    assert!(
        world.explain(&scheduler, Subject::Framework).contains("1 agent draining, drained or deactivated"),
        "it says why there are no offers"
    );
    world.operate(OperatorCall::ReactivateAgent(agent.id)).unwrap();
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:3"]);
}

#[test]
fn a_drained_agent_has_no_task_and_no_offer_until_it_is_reactivated() {
    let (mut world, scheduler, agent, key) = running();
    world.allocate();
    world.operate(drain(&agent.id)).unwrap();
    assert_eq!((duty(&world, &agent.id), kills(&world, &agent, "t")), ("draining", vec![None]));
    let why = world.explain(&scheduler, Subject::Task(task_id("t")));
    assert!(why.contains("agent A1-1 is draining: the task was told to end"), "{why}");
    world.update(&agent, &key, TaskState::Killing, 2);
    assert_eq!(duty(&world, &agent.id), "draining");
    world.update(&agent, &key, TaskState::Killed, 3);
    assert_eq!(duty(&world, &agent.id), "drained");
    let told = reasons(&world, &scheduler).split_off(1);
    let because = Some(Reason::AgentDraining);
    assert_eq!(told, [(TaskState::Killing, because), (TaskState::Killed, because)]);
    let scheduler = again(&mut world, &scheduler);
    let agent = world.register(Some(&agent.id), "cpus:4", Vec::new());
    world.allocate();
    assert_eq!((duty(&world, &agent.id), world.offered(&scheduler).len()), ("drained", 0));
    world.operate(OperatorCall::ReactivateAgent(agent.id)).unwrap();
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:4"]);
}

#[test]
fn kills_are_repeated_until_the_task_is_over_or_the_agent_reactivated() {
    let (mut world, scheduler, agent, key) = running();
    world.operate(drain(&agent.id)).unwrap();
    let scheduler = again(&mut world, &scheduler);
    let held = world.held(&key, "cpus:1", TaskState::Running, &[]);
    let agent = world.register(Some(&agent.id), "cpus:4", vec![held.clone()]);
    assert_eq!(kills(&world, &agent, "t"), [None]);
    world.operate(OperatorCall::ReactivateAgent(agent.id.clone())).unwrap();
    let agent = world.register(Some(&agent.id), "cpus:4", vec![held]);
    assert_eq!(kills(&world, &agent, "t"), [], "it is forgotten");
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:3"]);
}

#[test]
fn an_agent_that_does_not_answer_is_drained_when_it_comes_back() {
    let (mut world, scheduler, agent, key) = running();
    world.advance(Duration::from_secs(40));
    world.operate(drain(&agent.id)).unwrap();
    assert_eq!((standing(&world, &agent.id), duty(&world, &agent.id)), (AgentStanding::Unreachable, "draining"));
    let held = world.held(&key, "cpus:1", TaskState::Running, &[]);
    let agent = world.register(Some(&agent.id), "cpus:4", vec![held]);
    assert_eq!(kills(&world, &agent, "t"), [None]);
    world.update(&agent, &key, TaskState::Killed, 2);
    assert_eq!(duty(&world, &agent.id), "drained");
    world.allocate();
    assert_eq!(world.offered(&scheduler), [""; 0]);
}

#[test]
fn an_agent_is_not_drained_while_it_ends_the_tasks_of_a_removed_framework() {
    let (mut world, scheduler, agent, key) = running();
    world.advance(Duration::from_secs(40));
    world.call(&scheduler, Call::Teardown).unwrap();
    world.operate(drain(&agent.id)).unwrap();
    let held = world.held(&key, "cpus:1", TaskState::Running, &[]);
    let agent = world.register(Some(&agent.id), "cpus:4", vec![held]);
    assert_eq!((duty(&world, &agent.id), kills(&world, &agent, "t")), ("draining", vec![None]));
    world.update(&agent, &key, TaskState::Killed, 2);
    assert_eq!(duty(&world, &agent.id), "drained");
}

#[test]
fn graces_are_limited_and_what_is_left_at_the_deadline_is_killed_hard() {
    let (mut world, scheduler, agent, key) = running();
    let max_grace = Some(Duration::from_secs(60));
    let deadline = Some(Duration::from_secs(20));
    let call = OperatorCall::DrainAgent { agent: agent.id.clone(), max_grace, deadline, mark_gone: false };
    world.operate(call).unwrap();
    assert_eq!(kills(&world, &agent, "t"), [max_grace]);
    world.advance_alive(Duration::from_secs(21), &[&agent]);
    assert_eq!(kills(&world, &agent, "t"), [max_grace, Some(Duration::ZERO)]);
    // The deadline is past for the next leader too.
    again(&mut world, &scheduler);
    world.advance(Duration::from_secs(1));
    let held = world.held(&key, "cpus:1", TaskState::Running, &[]);
    let agent = world.register(Some(&agent.id), "cpus:4", vec![held]);
    assert_eq!(kills(&world, &agent, "t"), [Some(Duration::ZERO)]);
}

#[test]
fn a_drained_agent_is_gone_if_that_was_asked_for_once_its_frameworks_know() {
    let (mut world, scheduler, agent, key) = running();
    let call = OperatorCall::DrainAgent { agent: agent.id.clone(), max_grace: None, deadline: None, mark_gone: true };
    world.operate(call).unwrap();
    world.update(&agent, &key, TaskState::Killed, 2);
    assert_eq!(duty(&world, &agent.id), "draining", "the agent keeps the end for the framework");
    world.acknowledge(&scheduler, "t", 2);
    assert_eq!(standing(&world, &agent.id), AgentStanding::Gone);
    assert!(is_refused_as_gone(&world, &agent));
}

fn schedule(agent: &AgentId, start: u64, end: Option<u64>) -> OperatorCall {
    let unavailability = Unavailability { start: Wall(start), end: end.map(Wall) };
    OperatorCall::ScheduleMaintenance { agents: vec![agent.clone()], unavailability }
}

#[test]
fn maintenance_is_told_with_offers_drains_when_it_begins_and_gives_back_when_it_ends() {
    let (mut world, scheduler, agent, key) = running();
    world.allocate();
    assert_eq!(world.offers(&scheduler)[0].unavailability, None);
    let start = world.now.wall.0 + 10_000;
    world.operate(schedule(&agent.id, start, Some(start + 10_000))).unwrap();
    world.allocate();
    let planned = Some(Unavailability { start: Wall(start), end: Some(Wall(start + 10_000)) });
    let offers = world.offers(&scheduler);
    assert_eq!((offers.len(), offers[0].unavailability), (1, planned));
    assert_eq!(duty(&world, &agent.id), "active");
    let scheduler = again(&mut world, &scheduler);
    let held = world.held(&key, "cpus:1", TaskState::Running, &[]);
    let agent = world.register(Some(&agent.id), "cpus:4", vec![held]);
    world.advance_alive(Duration::from_secs(11), &[&agent]);
    assert_eq!((duty(&world, &agent.id), kills(&world, &agent, "t")), ("draining", vec![None]));
    world.update(&agent, &key, TaskState::Killed, 2);
    assert_eq!(duty(&world, &agent.id), "drained");
    world.advance_alive(Duration::from_secs(10), &[&agent]);
    assert_eq!(duty(&world, &agent.id), "active");
    world.allocate();
    let offers = world.offers(&scheduler);
    assert_eq!((offers.len(), offers[0].unavailability), (1, None));
}

#[test]
fn what_an_operator_took_out_of_use_is_not_given_back_by_the_end_of_maintenance() {
    let mut world = World::new();
    let agents = [world.agent("cpus:1"), world.agent("cpus:1"), world.agent("cpus:1")];
    world.operate(OperatorCall::DeactivateAgent(agents[0].id.clone())).unwrap();
    world.operate(drain(&agents[1].id)).unwrap();
    let now = world.now.wall.0;
    for agent in &agents {
        world.operate(schedule(&agent.id, 0, Some(now + 1000))).unwrap();
        assert_eq!(duty(&world, &agent.id), "drained");
    }
    // Meanwhile, too.
    world.operate(OperatorCall::DeactivateAgent(agents[2].id.clone())).unwrap();
    assert_eq!(duty(&world, &agents[2].id), "drained");
    world.advance(Duration::from_secs(2));
    for agent in &agents {
        let found = world.master.agents.get(&agent.id).unwrap();
        assert_eq!((found.duty.name(), found.unavailability), ("drained", None));
    }
}

#[test]
fn maintenance_that_has_begun_ends_when_it_is_cancelled_put_off_or_the_agent_reactivated() {
    let mut world = World::new();
    let agent = world.agent("cpus:1");
    let later = world.now.wall.0 + 3_600_000;
    let put_off = schedule(&agent.id, later, None);
    let ends = [
        OperatorCall::CancelMaintenance(vec![agent.id.clone()]),
        put_off,
        OperatorCall::ReactivateAgent(agent.id.clone()),
    ];
    for end in ends {
        world.operate(schedule(&agent.id, 0, None)).unwrap();
        assert_eq!(duty(&world, &agent.id), "drained");
        world.operate(end.clone()).unwrap();
        assert_eq!(duty(&world, &agent.id), "active");
        assert_eq!(world.operate(end), Ok(OperatorReply::Done), "twice is once");
        world.advance_alive(Duration::from_secs(1), &[&agent]);
        assert_eq!(duty(&world, &agent.id), "active");
    }
}

#[test]
fn what_is_asked_for_wrongly_changes_nothing() {
    let mut world = World::new();
    let agent = world.agent("cpus:1");
    let stored = world.registry.len();
    let nobody = AgentId::new("A9-9").unwrap();
    assert_eq!(world.operate(drain(&nobody)), Err(Refusal::NotFound("there is no agent A9-9".to_owned())));
    let unavailability = Unavailability { start: Wall(0), end: None };
    let agents = vec![agent.id.clone(), nobody];
    assert!(world.operate(OperatorCall::ScheduleMaintenance { agents, unavailability }).is_err(), "all or none");
    let past = world.operate(schedule(&agent.id, 0, Some(1))).unwrap_err();
    assert!(past.to_string().starts_with("unavailability.end_ms: is in the past"), "{past}");
    let none = world.operate(OperatorCall::CancelMaintenance(Vec::new())).unwrap_err();
    assert_eq!(none.to_string(), "agent_ids: must name at least one agent");
    assert_eq!(world.operate(OperatorCall::ReactivateAgent(agent.id)), Ok(OperatorReply::Done));
    assert_eq!(world.registry.len(), stored);
}

#[test]
fn what_is_asked_for_again_is_stored_once() {
    let mut world = World::new();
    let agent = world.agent("cpus:1");
    let start = world.now.wall.0 + 1_000_000;
    for call in [OperatorCall::DeactivateAgent(agent.id.clone()), drain(&agent.id), schedule(&agent.id, start, None)] {
        world.operate(call.clone()).unwrap();
        let stored = world.registry.len();
        world.operate(call).unwrap();
        assert_eq!(world.registry.len(), stored);
    }
}

#[test]
fn a_snapshot_holds_what_operators_want() {
    let mut world = World::new();
    let agents: Vec<AgentHandle> = (0..4).map(|_| world.agent("cpus:1")).collect();
    world.operate(OperatorCall::DeactivateAgent(agents[0].id.clone())).unwrap();
    world.operate(drain(&agents[1].id)).unwrap();
    world.operate(OperatorCall::MarkAgentGone(agents[2].id.clone())).unwrap();
    let start = world.now.wall.0 + 1_000_000;
    world.operate(schedule(&agents[3].id, start, None)).unwrap();
    let scheduler = world.scheduler("f", &["*"]);
    world.run(&scheduler, "t", "cpus:1");
    let max_grace = Some(Duration::from_secs(1));
    let deadline = Some(Duration::from_secs(3600));
    let call = OperatorCall::DrainAgent { agent: agents[3].id.clone(), max_grace, deadline, mark_gone: true };
    world.operate(call).unwrap();
    world.give(Input::SchedulerClosed { connection: scheduler.connection, too_slow: false });
    let snapshot = world.master.snapshot();
    world.registry = snapshot.clone();
    world.fail_over();
    assert_eq!(world.master.snapshot(), snapshot);
    let found = world.master.agents.get(&agents[3].id).unwrap();
    assert!(matches!(found.duty, Duty::Draining(drain) if drain.mark_gone && drain.max_grace == max_grace));
}

#[test]
fn an_agent_that_stays_away_for_too_long_is_gone_across_a_failover() {
    let gone_after = Duration::from_secs(14 * 60);
    let mut world = World::with(Config { gone_after, ..Config::default() });
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    world.run(&scheduler, "t", "cpus:1");
    world.advance(Duration::from_secs(40));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Unreachable);
    world.advance(gone_after / 2);
    world.fail_over();
    let scheduler = again(&mut world, &scheduler);
    world.advance(gone_after / 2 - Duration::from_secs(60));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Unreachable);
    assert!(matches!(world.reconcile(&scheduler, "u", None), Answer::Recovering { .. }), "it might hold anything");
    world.advance(Duration::from_secs(120));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Gone);
    let Answer::Status(status) = world.reconcile(&scheduler, "u", None) else { panic!("nobody may hold it any more") };
    assert_eq!(status.state, TaskState::Unknown);
    let back = try_register(&mut world, &agent.id);
    assert!(is_refused_as_gone(&world, &back));
}

#[test]
fn a_wall_clock_that_jumps_ahead_gives_up_no_agent() {
    let gone_after = Duration::from_secs(14 * 60);
    let mut world = World::with(Config { gone_after, ..Config::default() });
    let agent = world.agent("cpus:4");
    world.advance(Duration::from_secs(40));
    world.now.wall.0 += 365 * 24 * 3600 * 1000;
    world.advance(Duration::from_secs(1));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Unreachable);
    world.fail_over();
    world.advance(Duration::from_secs(50));
    assert_eq!(standing(&world, &agent.id), AgentStanding::Unreachable);
    world.register(Some(&agent.id), "cpus:4", Vec::new());
    world.advance(gone_after);
    assert_eq!(standing(&world, &agent.id), AgentStanding::Unreachable, "it is silent since it came back");
}

use super::world::{World, launch, task, task_id};
use proto_types::{
    ExecutorId, Filters, RejectionKind, RequestId, TaskState,
    link::{FromAgent, ToAgent},
    scheduling::{Accept, Acceptance, Call, Refusal},
    task::{Command, ExecutorInfo, Launch},
    verdict::TaskVerdict,
};
use std::time::Duration;

fn kinds(verdicts: &[TaskVerdict]) -> Vec<Option<RejectionKind>> {
    verdicts.iter().map(|verdict| verdict.result.as_ref().err().map(|rejection| rejection.kind)).collect()
}

fn message(verdict: &TaskVerdict) -> String {
    let rejection = verdict.result.as_ref().unwrap_err();
    format!("{}: {}", rejection.field, rejection.message)
}

#[test]
fn each_task_gets_its_verdict() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4;mem:1024");
    world.allocate();
    let offers = world.offers(&scheduler);
    let tasks = [task("t1", "cpus:3"), task("t2", "cpus:2"), task("t3", "cpus:1"), task("t1", "cpus:0.1")];
    let verdicts = world.accept(&scheduler, &offers, vec![launch(&tasks)]);
    assert_eq!(kinds(&verdicts), [None, Some(RejectionKind::Conflict), None, Some(RejectionKind::Invalid)]);
    assert_eq!(
        message(&verdicts[1]),
        "accepts[0].operations[0].launch.tasks[1].resources: needs cpus:2, has cpus:1 left of what was offered and is free on agent A1-1"
    );
    let launched = world.to_agents[&agent.link].iter().filter_map(|message| match message {
        ToAgent::Launch(launch) => Some(launch.launch.tasks.len()),
        _ => None,
    });
    assert_eq!(launched.collect::<Vec<_>>(), [2]);
}

#[test]
fn an_offer_serves_once() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:4");
    world.allocate();
    let offers = world.offers(&scheduler);
    world.accept(&scheduler, &offers, vec![launch(&[task("t1", "cpus:1")])]);
    let verdicts = world.accept(&scheduler, &offers, vec![launch(&[task("t2", "cpus:1")])]);
    assert_eq!(kinds(&verdicts), [Some(RejectionKind::OfferGone)]);
}

#[test]
fn a_retried_request_gets_the_first_answer() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:4");
    world.allocate();
    let offers = world.offers(&scheduler).iter().map(|offer| offer.id.clone()).collect();
    let launches = vec![launch(&[task("t1", "cpus:1")])];
    let acceptances = vec![Acceptance { offers, launches, filters: Filters::default() }];
    let accept = Accept { request: RequestId::new("r").unwrap(), acceptances, all_or_nothing: false };
    let first = world.accept_all(&scheduler, accept.clone());
    let appended = world.effects.len();
    assert_eq!(world.accept_all(&scheduler, accept), first);
    assert!(world.effects[appended..].iter().all(|effect| !matches!(effect.body, crate::Body::ToAgent(..))));
}

#[test]
fn a_gang_is_launched_on_all_agents_or_on_none() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agents = [world.agent("cpus:4"), world.agent("cpus:2")];
    world.allocate();
    let offers = world.offers(&scheduler);
    let gang = |name: &str, cpus: [&str; 2]| {
        let acceptances = offers.iter().zip(cpus).enumerate().map(|(rank, (offer, cpus))| Acceptance {
            offers: vec![offer.id.clone()],
            launches: vec![launch(&[task(&format!("{name}{rank}"), cpus)])],
            filters: Filters { refuse: Duration::ZERO },
        });
        Accept { request: RequestId::new(name).unwrap(), acceptances: acceptances.collect(), all_or_nothing: true }
    };
    let verdicts = world.accept_all(&scheduler, gang("big", ["cpus:4", "cpus:4"]));
    assert_eq!(kinds(&verdicts), [Some(RejectionKind::GangAborted), Some(RejectionKind::Conflict)]);
    assert_eq!(world.offers(&scheduler).len(), 2, "a refused gang changes nothing");
    let verdicts = world.accept_all(&scheduler, gang("fits", ["cpus:4", "cpus:2"]));
    assert_eq!(kinds(&verdicts), [None, None]);
    for agent in &agents {
        assert!(world.to_agents[&agent.link].iter().any(|message| matches!(message, ToAgent::Launch(_))));
    }
}

#[test]
fn a_group_is_launched_whole_or_not() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:4");
    world.allocate();
    let offers = world.offers(&scheduler);
    let group = |tasks: &[_]| Launch { group: true, ..launch(tasks) };
    let launches = vec![
        group(&[task("a1", "cpus:3"), task("a2", "cpus:3")]),
        group(&[task("b1", "cpus:2"), task("b2", "cpus:2")]),
    ];
    let verdicts = world.accept(&scheduler, &offers, launches);
    let expected = [Some(RejectionKind::GangAborted), Some(RejectionKind::Conflict), None, None];
    assert_eq!(kinds(&verdicts), expected);
}

#[test]
fn offers_of_two_agents_are_accepted_apart() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:4");
    world.agent("cpus:4");
    world.allocate();
    let offers = world.offers(&scheduler);
    let verdicts = world.accept(&scheduler, &offers, vec![launch(&[task("t", "cpus:6")])]);
    assert_eq!(kinds(&verdicts), [Some(RejectionKind::Invalid)]);
    assert_eq!(world.offers(&scheduler).len(), 2);
}

#[test]
fn an_executor_keeps_its_description_and_is_paid_once() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let executor = |command: &str| ExecutorInfo {
        id: ExecutorId::new("e").unwrap(),
        name: "e".to_owned(),
        command: Command { value: command.to_owned(), ..Command::default() },
        resources: "cpus:1".parse().unwrap(),
        data: Vec::new(),
    };
    let with =
        |command: &str, id: &str| Launch { executor: Some(executor(command)), ..launch(&[task(id, "cpus:0.5")]) };
    world.allocate();
    let offers = world.offers(&scheduler);
    let verdicts = world.accept(&scheduler, &offers, vec![with("run", "t1"), with("run", "t2"), with("other", "t3")]);
    assert_eq!(kinds(&verdicts), [None, None, Some(RejectionKind::Invalid)]);
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:2"]);
    let exited = FromAgent::ExecutorExited {
        framework: scheduler.id.clone(),
        executor: ExecutorId::new("e").unwrap(),
        message: "exited with code 0".to_owned(),
    };
    let free = |world: &mut World| {
        let offers = world.offers(&scheduler);
        world.decline(&scheduler, &offers, Duration::ZERO);
        world.allocate();
        world.offered(&scheduler)
    };
    world.say(&agent, exited.clone());
    assert_eq!(free(&mut world), ["cpus:2"], "for the launch under way it is started again");
    for id in ["t1", "t2"] {
        let status = world.status(id, TaskState::Running, 1);
        world.say(&agent, FromAgent::Updates(vec![(scheduler.id.clone(), status)]));
    }
    world.say(&agent, exited);
    assert_eq!(free(&mut world), ["cpus:3"]);
}

#[test]
fn what_was_not_taken_is_offered_again() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:4");
    world.run(&scheduler, "t", "cpus:1");
    world.allocate();
    assert_eq!(world.offered(&scheduler), ["cpus:3"]);
}

#[test]
fn a_task_id_is_never_used_again() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Finished, 1);
    world.acknowledge(&scheduler, "t", 1);
    world.allocate();
    let offers = world.offers(&scheduler);
    let verdicts = world.accept(&scheduler, &offers, vec![launch(&[task("t", "cpus:1")])]);
    assert_eq!(
        message(&verdicts[0]),
        "accepts[0].operations[0].launch.tasks[0].id: task id t was used before; every task needs a new one"
    );
}

#[test]
fn a_kill_reaches_an_agent_that_comes_back() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Running, 1);
    world.give(crate::Input::AgentLinkClosed { link: agent.link });
    world.call(&scheduler, Call::Kill { tasks: vec![task_id("t")], grace: None }).unwrap();
    let held = world.held(&key, "cpus:1", TaskState::Running, &[]);
    let agent = world.register(Some(&agent.id), "cpus:4", vec![held]);
    assert!(world.to_agents[&agent.link].iter().any(|message| matches!(message, ToAgent::Kill { .. })));
}

#[test]
fn a_stale_session_is_told_so() {
    let mut world = World::new();
    let mut scheduler = world.scheduler("f", &["*"]);
    scheduler.session = proto_types::SessionId::new("S1-99").unwrap();
    let refused = world.call(&scheduler, Call::Revive(Vec::new()));
    assert_eq!(refused, Err(Refusal::StaleSession(scheduler.session.clone())));
}

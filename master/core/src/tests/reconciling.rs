use super::world::World;
use proto_types::{
    TaskState,
    link::FromAgent,
    reconcile::Answer,
    weight::{BATCH_MAX, Weigh as _},
};
use std::time::Duration;

fn state(answer: &Answer) -> TaskState {
    match answer {
        Answer::Status(status) => status.state,
        Answer::Recovering { task, .. } => panic!("{task} is recovering"),
    }
}

#[test]
fn each_row_of_the_table() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Running, 1);
    assert_eq!(state(&world.reconcile(&scheduler, "t", None)), TaskState::Running);
    assert_eq!(state(&world.reconcile(&scheduler, "x", Some(&agent.id))), TaskState::Gone);
    assert_eq!(state(&world.reconcile(&scheduler, "x", None)), TaskState::Unknown);
    world.fail_over();
    let info = super::world::framework("f", &["*"]);
    let info = proto_types::FrameworkInfo { id: Some(scheduler.id), ..info };
    let scheduler = world.subscribe(info, 1, Default::default(), None);
    world.advance(Duration::from_secs(601));
    assert_eq!(state(&world.reconcile(&scheduler, "t", Some(&agent.id))), TaskState::Unreachable);
    assert!(matches!(world.reconcile(&scheduler, "t", None), Answer::Recovering { .. }));
}

#[test]
fn asking_about_nothing_tells_everything() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    world.agent("cpus:4");
    world.run(&scheduler, "a", "cpus:1");
    world.run(&scheduler, "b", "cpus:1");
    let (answers, more) = world.reconcile_all(&scheduler, None);
    assert!(!more);
    assert_eq!(answers.iter().map(state).collect::<Vec<_>>(), [TaskState::Staging, TaskState::Staging]);
}

#[test]
fn more_than_a_message_is_told_in_pieces() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let names: Vec<String> = (0..8).map(|number| format!("t{number}")).collect();
    for name in &names {
        let key = world.run(&scheduler, name, "cpus:0.1");
        let mut status = world.status(name, TaskState::Running, 1);
        status.data = vec![0; BATCH_MAX / 3];
        world.say(&agent, FromAgent::Updates(vec![(key.framework, status)]));
    }
    let (mut told, mut after) = (Vec::new(), None);
    loop {
        let (answers, more) = world.reconcile_all(&scheduler, after.as_deref());
        assert!(answers.iter().map(Answer::weight).sum::<usize>() < 2 * BATCH_MAX);
        told.extend(answers.iter().map(|answer| answer.task().to_string()));
        after = told.last().cloned();
        if !more {
            break;
        }
    }
    assert_eq!(told, names);
}

use super::world::World;
use proto_types::{TaskState, reconcile::Answer, scheduling::Call};
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
    let Ok(proto_types::scheduling::Reply::Answers(answers)) = world.call(&scheduler, Call::Reconcile(Vec::new()))
    else {
        panic!("no answers");
    };
    assert_eq!(answers.iter().map(state).collect::<Vec<_>>(), [TaskState::Staging, TaskState::Staging]);
}

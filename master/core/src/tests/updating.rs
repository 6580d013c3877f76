use super::world::{World, framework};
use proto_types::{
    FrameworkInfo, TaskState,
    link::ToAgent,
    scheduling::{Credit, Event, Resume, Wants},
};

fn acknowledgements(world: &World, link: crate::LinkId) -> Vec<u64> {
    let messages = world.to_agents[&link].iter();
    messages
        .filter_map(|message| if let ToAgent::Acknowledge(all) = message { Some(all) } else { None })
        .flatten()
        .map(|(_, sequence)| *sequence)
        .collect()
}

#[test]
fn an_update_comes_once_and_is_acknowledged_to_the_agent() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Running, 1);
    world.update(&agent, &key, TaskState::Running, 1);
    assert_eq!(world.updates(&scheduler), [(TaskState::Running, 1)]);
    assert_eq!(acknowledgements(&world, agent.link), [0; 0]);
    world.acknowledge(&scheduler, "t", 1);
    assert_eq!(acknowledgements(&world, agent.link), [1]);
    world.update(&agent, &key, TaskState::Running, 1);
    assert_eq!(acknowledgements(&world, agent.link), [1, 1], "the acknowledgement may have been lost");
}

#[test]
fn acknowledgement_is_cumulative() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    for (sequence, state) in [(1, TaskState::Starting), (2, TaskState::Running), (3, TaskState::Finished)] {
        world.update(&agent, &key, state, sequence);
    }
    world.acknowledge(&scheduler, "t", 3);
    assert_eq!(world.master.frameworks.get(&scheduler.id).unwrap().tasks.len(), 0);
}

#[test]
fn a_new_scheduler_gets_every_unacknowledged_update() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Starting, 1);
    world.update(&agent, &key, TaskState::Running, 2);
    world.acknowledge(&scheduler, "t", 1);
    let info = FrameworkInfo { id: Some(scheduler.id.clone()), ..framework("f", &["*"]) };
    let successor = world.subscribe(info, 2, Wants::default(), None);
    assert_eq!(world.updates(&successor), [(TaskState::Running, 2)]);
    let last = world.events[&scheduler.connection].last().unwrap();
    assert!(matches!(last.1, Event::Closed { .. }));
}

#[test]
fn a_broken_stream_goes_on_where_it_broke_off() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    let seen = world.events[&scheduler.connection].last().unwrap().0;
    world.give(crate::Input::SchedulerClosed { connection: scheduler.connection, too_slow: false });
    world.update(&agent, &key, TaskState::Running, 1);
    let info = FrameworkInfo { id: Some(scheduler.id.clone()), ..framework("f", &["*"]) };
    let resume = Some(Resume { session: scheduler.session.clone(), after_event: seen });
    let again = world.subscribe(info, 1, Wants::default(), resume);
    assert_eq!(again.session, scheduler.session);
    let numbers: Vec<u64> = world.events[&again.connection].iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (seen..seen + numbers.len() as u64).collect::<Vec<_>>());
    assert_eq!(world.updates(&again), [(TaskState::Running, 1)]);
}

#[test]
fn credit_bounds_the_updates_in_flight() {
    let mut world = World::new();
    let wants = Wants { credit: Credit { offers: 10, updates: 2 }, ..Wants::default() };
    let scheduler = world.subscribe(framework("f", &["*"]), 1, wants, None);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    for sequence in 1..=4 {
        world.update(&agent, &key, TaskState::Running, sequence);
    }
    assert_eq!(world.updates(&scheduler).len(), 2);
    world.acknowledge(&scheduler, "t", 2);
    assert_eq!(world.updates(&scheduler).len(), 4);
}

#[test]
fn terminal_states_are_final() {
    let mut world = World::new();
    let scheduler = world.scheduler("f", &["*"]);
    let agent = world.agent("cpus:4");
    let key = world.run(&scheduler, "t", "cpus:1");
    world.update(&agent, &key, TaskState::Failed, 1);
    world.update(&agent, &key, TaskState::Finished, 2);
    assert_eq!(world.master.frameworks.task(&key).unwrap().state(), TaskState::Failed);
}

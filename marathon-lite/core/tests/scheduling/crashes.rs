//! The leader dies at any moment.

use crate::world::{World, path};
use marathon_lite_core::scheduler::{Command, Edit};
use proptest::prelude::*;
use proto_types::TaskState;
use serde_json::{Value, json};

fn app(id: &str, cmd: &str, instances: u32) -> Value {
    json!({"id": id, "cmd": cmd, "cpus": 1, "mem": 10, "instances": instances})
}

fn world() -> World {
    World::new(&[("a1", "cpus:16;mem:800;ports:[31000-31100]"), ("a2", "cpus:16;mem:800;ports:[31000-31100]")])
}

/// Never fewer than the minimum of three of four.
fn at_least_three(world: &World) -> Result<(), String> {
    let running = world.running();
    if running.len() < 3 { Err(format!("only {running:?}")) } else { Ok(()) }
}

/// A rolling replace in which the leader dies after so many effects; whether it did.
fn roll(crash_after: u64) -> bool {
    let mut world = world();
    let mut body = app("/web", "one", 4);
    body["upgradeStrategy"] = json!({"minimumHealthCapacity": 0.75, "maximumOverCapacity": 0.25});
    world.create(body);
    world.pass(5);
    world.watch = Some(at_least_three);
    world.update("/web", json!({"cmd": "two"}));
    world.crash_after = Some(crash_after);
    world.pass(30);
    assert_eq!(world.running(), ["two"; 4], "after {crash_after} effects");
    assert_eq!((world.deployments(), world.instances().len()), (0, 4), "after {crash_after} effects");
    world.crashes > 0
}

#[test]
fn a_rolling_replace_goes_on_wherever_it_was() {
    let mut crash_after = 0;
    while roll(crash_after) {
        crash_after += 1;
    }
    assert!(crash_after > 30, "{crash_after} effects are few");
}

/// A launch during which the leader dies after so many effects; whether it did.
fn launch(crash_after: u64) -> bool {
    let mut world = world();
    world.ask(Command::Edit { edit: Edit::CreateApp(app("/web", "one", 3)), force: false, dry_run: false });
    world.crash_after = Some(crash_after);
    world.settle();
    if world.marathon.view().root.app(&path("/web")).is_none() {
        // It died before anything was stored; the client did not hear of success either.
        world.create(app("/web", "one", 3));
    }
    world.pass(10);
    assert_eq!(world.running(), ["one"; 3], "after {crash_after} effects");
    assert_eq!((world.deployments(), world.instances().len()), (0, 3), "after {crash_after} effects");
    world.crashes > 0
}

#[test]
fn a_launch_goes_on_wherever_it_was() {
    let mut crash_after = 0;
    while launch(crash_after) {
        crash_after += 1;
    }
    assert!(crash_after > 10, "{crash_after} effects are few");
}

/// Something that happens.
#[derive(Debug, Clone)]
enum Event {
    Scale(usize, u32),
    Change(usize, u8),
    Delete(usize),
    Restart(usize),
    Revert,
    Fail(usize),
    Kill(usize),
    CutOff(bool),
    Crash(u64),
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..3_usize, 0..5_u32).prop_map(|(app, count)| Event::Scale(app, count)),
        (0..3_usize, any::<u8>()).prop_map(|(app, cmd)| Event::Change(app, cmd)),
        (0..3_usize).prop_map(Event::Delete),
        (0..3_usize).prop_map(Event::Restart),
        Just(Event::Revert),
        (0..9_usize).prop_map(Event::Fail),
        (0..9_usize).prop_map(Event::Kill),
        any::<bool>().prop_map(Event::CutOff),
        (0..40_u64).prop_map(Event::Crash),
        (1..6_u64).prop_map(Event::Pass),
    ]
}

const APPS: [&str; 3] = ["/a", "/g/b", "/g/c"];

fn happen(world: &mut World, event: &Event) {
    let edit = |edit| Command::Edit { edit, force: true, dry_run: false };
    match event {
        Event::Scale(one, count) => {
            let body = json!({"cmd": "first", "cpus": 1, "mem": 10, "instances": count});
            let (id, partial, create) = (path(APPS[*one]), true, true);
            let there = world.marathon.view().root.app(&id).is_some();
            let body = if there { json!({"instances": count}) } else { body };
            world.ask(edit(Edit::UpdateApp { id, body, partial, create }));
        }
        Event::Change(one, cmd) => {
            let (id, body) = (path(APPS[*one]), json!({"cmd": format!("cmd {cmd}")}));
            world.ask(edit(Edit::UpdateApp { id, body, partial: true, create: false }));
        }
        Event::Delete(one) => {
            world.ask(edit(Edit::DeleteApp(path(APPS[*one]))));
        }
        Event::Restart(one) => {
            world.ask(edit(Edit::RestartApp(path(APPS[*one]))));
        }
        Event::Revert => {
            if let Some(id) = world.marathon.view().deployments.keys().next().cloned() {
                world.ask(Command::EndDeployment { id, revert: true });
            }
        }
        Event::Fail(index) => {
            let task = world.cluster.alive().nth(*index).map(|(id, _)| id.clone());
            let wall = world.now.wall;
            if let Some(task) = task {
                world.cluster.update(&task, TaskState::Failed, wall);
            }
        }
        Event::Kill(index) => {
            if let Some(instance) = world.instances().get(*index) {
                let instances = vec![instance.id.clone()];
                world.ask(Command::KillInstances { instances, scale: false, wipe: false, force: false });
            }
        }
        Event::CutOff(reachable) => {
            let wall = world.now.wall;
            world.cluster.reach("a1", *reachable, wall);
        }
        Event::Crash(after) => world.crash_after = Some(*after),
        Event::Pass(seconds) => world.pass(*seconds),
    }
    world.settle();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens and whenever leaders die: no task is launched twice (the cluster sees to that), and in the end
    /// exactly that runs which is wanted.
    #[test]
    fn nothing_is_lost_and_nothing_launched_twice(events in prop::collection::vec(event(), 1..30)) {
        let mut world = world();
        for event in &events {
            happen(&mut world, event);
        }
        world.crash_after = None;
        let wall = world.now.wall;
        world.cluster.reach("a1", true, wall);
        world.pass(120);
        let view = world.marathon.view();
        let mut wanted: Vec<String> = Vec::new();
        for app in view.root.apps() {
            for _ in 0..app.instances {
                wanted.push(app.cmd.clone().unwrap_or_default());
            }
        }
        wanted.sort();
        let mut known: Vec<_> = world.instances().iter().map(|instance| instance.id.clone()).collect();
        known.sort();
        let alive: Vec<_> = world.cluster.alive().map(|(id, _)| id.clone()).collect();
        prop_assert_eq!(known, alive, "what is known runs, and what runs is known");
        prop_assert_eq!(world.running(), wanted);
        prop_assert_eq!(view.deployments.len(), 0);
    }
}

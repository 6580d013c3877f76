use crate::{Adoption, Effect, Executor, Exit, Identity, Input};
use proto_types::{
    AgentId, ExecutorId, FrameworkId, Now, TaskId, TaskInfo, TaskState, TaskStatus,
    executing::{FromExecutor, TaskLaunch, ToExecutor},
    health::{HealthCheck, Probe},
    status::{ContainerStatus, Reason},
    task::{Command, Uri},
    time::{Monotonic, Wall},
};
use std::{sync::Arc, time::Duration};

struct World {
    executor: Executor,
    now: Now,
    updates: Vec<(u64, TaskStatus)>,
    effects: Vec<Effect>,
}

fn id(text: &str) -> TaskId {
    TaskId::new(text).unwrap()
}

fn task(name: &str) -> TaskInfo {
    TaskInfo {
        id: id(name),
        name: name.to_owned(),
        resources: "cpus:1".parse().unwrap(),
        command: Command { value: "true".to_owned(), ..Command::default() },
        container: None,
        health_check: None,
        kill_grace: None,
        max_completion_time: None,
        labels: Default::default(),
        data: Vec::new(),
        discovery: None,
    }
}

fn checked(name: &str) -> TaskInfo {
    let check = HealthCheck {
        probe: Probe::Tcp { port: 80 },
        delay: Duration::from_secs(1),
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(5),
        grace_period: Duration::from_secs(15),
        consecutive_failures: 2,
    };
    TaskInfo { health_check: Some(check), ..task(name) }
}

impl World {
    fn new() -> Self {
        let identity = Identity {
            framework: FrameworkId::new("f").unwrap(),
            executor: ExecutorId::built_in(),
            token: "token".to_owned(),
            pid: 1,
        };
        let now = Now { monotonic: Monotonic(Duration::from_secs(1)), wall: Wall(1000) };
        let executor = Executor::new(identity, now);
        let mut world = Self { executor, now, updates: Vec::new(), effects: Vec::new() };
        world.give(Input::Connected);
        let agent = AgentId::new("a").unwrap();
        let kill_grace = Duration::from_secs(5);
        world.give(Input::FromAgent(ToExecutor::Subscribed { agent, hostname: "host".to_owned(), kill_grace }));
        world
    }

    fn give(&mut self, input: Input) {
        self.effects.clear();
        self.executor.handle(self.now, [input], &mut self.effects);
        for effect in &self.effects {
            if let Effect::ToAgent(FromExecutor::Updates(updates)) = effect {
                self.updates.extend(updates.iter().map(|update| (update.number, update.status.clone())));
            }
        }
    }

    fn advance(&mut self, seconds: u64) {
        self.now.monotonic = self.now.monotonic + Duration::from_secs(seconds);
        self.give(Input::Tick);
    }

    fn launch(&mut self, tasks: &[TaskInfo], group: bool, adopt: bool) {
        let launch = |task: &TaskInfo| TaskLaunch {
            task: Arc::new(task.clone()),
            sandbox: format!("/sandbox/{}", task.id).into(),
            user: None,
            adopt,
        };
        self.give(Input::FromAgent(ToExecutor::Launch { tasks: tasks.iter().map(launch).collect(), group }));
    }

    fn run(&mut self, info: TaskInfo) {
        let name = info.id.clone();
        self.launch(&[info], false, false);
        self.started(&name);
    }

    fn started(&mut self, task: &TaskId) {
        self.give(Input::Started { task: task.clone(), container: ContainerStatus::default() });
    }

    fn exited(&mut self, name: &str, exit: Exit) {
        self.give(Input::Exited { task: id(name), exit });
    }

    fn kill(&mut self, name: &str) {
        self.give(Input::FromAgent(ToExecutor::Kill { tasks: vec![id(name)], grace: None }));
    }

    fn probed(&mut self, name: &str, healthy: bool) {
        let result = if healthy { Ok(()) } else { Err("refused".to_owned()) };
        self.give(Input::Probed { task: id(name), result });
    }

    fn states(&self, name: &str) -> Vec<TaskState> {
        self.updates.iter().filter(|(_, status)| status.task == id(name)).map(|(_, status)| status.state).collect()
    }

    fn last(&self, name: &str) -> &TaskStatus {
        &self.updates.iter().rev().find(|(_, status)| status.task == id(name)).unwrap().1
    }

    fn signals(&self) -> Vec<(String, bool)> {
        let signal = |effect: &Effect| match effect {
            Effect::Signal { task, hard } => Some((task.to_string(), *hard)),
            _ => None,
        };
        self.effects.iter().filter_map(signal).collect()
    }
}

#[test]
fn a_task_runs_and_finishes() {
    let mut world = World::new();
    world.run(task("t"));
    world.exited("t", Exit::Code(0));
    assert_eq!(world.states("t"), [TaskState::Running, TaskState::Finished]);
    assert_eq!(world.updates.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_launch_that_comes_twice_starts_nothing() {
    let mut world = World::new();
    world.run(task("t"));
    world.launch(&[task("t")], false, false);
    assert_eq!(world.effects, []);
    world.exited("t", Exit::Code(0));
    world.give(Input::FromAgent(ToExecutor::Acknowledged(vec![(id("t"), 2)])));
    assert_eq!(world.effects, [Effect::Release(id("t"))]);
    world.launch(&[task("t")], false, false);
    assert_eq!(world.effects, []);
}

#[test]
fn a_failure_says_how() {
    let mut world = World::new();
    for (name, exit, message) in [
        ("a", Exit::Code(3), "exited with code 3"),
        ("b", Exit::Signal(9), "ended by signal 9 (SIGKILL)"),
        ("c", Exit::OutOfMemory("used 33 of 32 MiB".to_owned()), "used 33 of 32 MiB"),
    ] {
        world.run(task(name));
        world.exited(name, exit);
        assert_eq!((world.last(name).state, world.last(name).message.as_str()), (TaskState::Failed, message));
    }
    assert_eq!(world.last("c").reason, Some(Reason::ContainerLimitationMemory));
}

#[test]
fn a_kill_is_polite_first_and_hard_after_the_grace() {
    let mut world = World::new();
    world.run(task("t"));
    world.kill("t");
    assert_eq!(world.signals(), [("t".to_owned(), false)]);
    world.advance(4);
    assert_eq!(world.signals(), []);
    world.advance(1);
    assert_eq!(world.signals(), [("t".to_owned(), true)]);
    world.exited("t", Exit::Signal(9));
    assert_eq!(world.states("t"), [TaskState::Running, TaskState::Killing, TaskState::Killed]);
}

#[test]
fn a_kill_during_the_start_stops_it_or_waits_for_it() {
    let mut world = World::new();
    world.launch(&[task("t"), task("u")], false, false);
    for name in ["t", "u"] {
        world.kill(name);
        assert_eq!(world.effects, [Effect::Abandon(id(name))]);
    }
    world.started(&id("t"));
    assert_eq!(world.signals(), [("t".to_owned(), false)]);
    world.give(Input::StartFailed { task: id("u"), message: "nobody wants it".to_owned() });
    assert_eq!(world.states("u"), [TaskState::Killed]);
    assert_eq!(world.last("u").reason, Some(Reason::TaskKilledDuringLaunch));
}

#[test]
fn a_kill_before_the_start_starts_nothing() {
    let mut world = World::new();
    let mut info = task("t");
    info.command.uris.push(Uri {
        value: "http://x/y".to_owned(),
        extract: true,
        executable: false,
        cache: false,
        output_file: None,
        sha256: None,
    });
    world.launch(&[info], false, false);
    assert!(matches!(world.effects[0], Effect::Prepare(_)));
    world.kill("t");
    assert_eq!(world.effects[0], Effect::Abandon(id("t")));
    assert_eq!(world.last("t").reason, Some(Reason::TaskKilledDuringLaunch));
    world.give(Input::Prepared { task: id("t"), result: Ok(()) });
    assert_eq!(world.effects, []);
}

#[test]
fn a_task_that_cannot_be_read_is_told_once_and_what_runs_of_it_ends() {
    let mut world = World::new();
    world.give(Input::Unreadable { task: id("t"), message: "sandbox: is required".to_owned() });
    assert_eq!(world.signals(), [("t".to_owned(), true)]);
    let last = world.last("t").clone();
    assert_eq!((last.state, last.reason), (TaskState::Error, Some(Reason::TaskInvalid)));
    world.give(Input::FromAgent(ToExecutor::Acknowledged(vec![(id("t"), 1)])));
    assert_eq!(world.effects, [Effect::Release(id("t"))]);
    world.give(Input::Unreadable { task: id("t"), message: "sandbox: is required".to_owned() });
    assert_eq!(world.effects, []);
}

#[test]
fn a_group_ends_together() {
    let mut world = World::new();
    world.launch(&[task("a"), task("b"), task("c")], true, false);
    for name in ["a", "b", "c"] {
        world.started(&id(name));
    }
    world.exited("a", Exit::Code(0));
    assert_eq!(world.signals(), []);
    world.exited("b", Exit::Code(1));
    assert_eq!(world.signals(), [("c".to_owned(), false)]);
    world.exited("c", Exit::Signal(15));
    assert_eq!(world.last("c").state, TaskState::Killed);
}

#[test]
fn what_runs_too_long_fails() {
    let mut world = World::new();
    world.run(TaskInfo { max_completion_time: Some(Duration::from_secs(60)), ..task("t") });
    world.advance(59);
    assert_eq!(world.signals(), []);
    world.advance(1);
    assert_eq!(world.signals(), [("t".to_owned(), false)]);
    world.exited("t", Exit::Signal(15));
    assert_eq!(
        (world.last("t").state, world.last("t").reason),
        (TaskState::Failed, Some(Reason::MaxCompletionTimeReached))
    );
}

#[test]
fn health_is_told_when_it_changes_and_kills_when_it_stays_bad() {
    let mut world = World::new();
    world.run(checked("t"));
    world.advance(1);
    assert!(matches!(world.effects[..], [Effect::Probe(..)]));
    world.probed("t", false);
    assert_eq!(world.states("t"), [TaskState::Running], "the grace period forgives");
    world.advance(10);
    world.probed("t", true);
    world.advance(10);
    world.probed("t", true);
    world.advance(10);
    world.probed("t", false);
    let health: Vec<_> = world.updates.iter().map(|(_, status)| status.healthy).collect();
    assert_eq!(health, [None, Some(true), Some(false)]);
    world.advance(10);
    world.probed("t", false);
    assert_eq!(world.signals(), [("t".to_owned(), false)]);
    world.exited("t", Exit::Signal(15));
    assert_eq!(world.last("t").message, "killed because its health check failed: refused");
}

#[test]
fn one_probe_at_a_time() {
    let mut world = World::new();
    world.run(checked("t"));
    world.advance(1);
    world.advance(60);
    assert_eq!(world.effects, []);
    assert_eq!(world.executor.next_deadline(), None);
}

#[test]
fn updates_are_sent_again_until_acknowledged() {
    let mut world = World::new();
    world.run(task("t"));
    world.give(Input::Disconnected);
    world.exited("t", Exit::Code(0));
    assert_eq!(world.states("t"), [TaskState::Running]);
    world.give(Input::Connected);
    let Effect::ToAgent(FromExecutor::Subscribe(subscription)) = &world.effects[0] else { panic!() };
    assert_eq!(subscription.unacknowledged.iter().map(|update| update.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(subscription.tasks, [] as [TaskId; 0]);
}

#[test]
fn an_adopted_task_is_never_started() {
    let mut world = World::new();
    world.launch(&[task("runs"), task("over"), task("lost")], false, true);
    assert!(world.effects.iter().all(|effect| matches!(effect, Effect::Adopt(_))));
    let container = ContainerStatus { pid: 7, ..ContainerStatus::default() };
    world.give(Input::Adopted { task: id("runs"), adoption: Adoption::Running(container) });
    world.give(Input::Adopted { task: id("over"), adoption: Adoption::Exited(Exit::Code(0)) });
    world.give(Input::Adopted { task: id("lost"), adoption: Adoption::Lost("no trace".to_owned()) });
    assert_eq!(world.states("runs"), [TaskState::Running]);
    assert_eq!(world.states("over"), [TaskState::Finished]);
    assert_eq!((world.last("lost").state, world.last("lost").message.as_str()), (TaskState::Failed, "no trace"));
}

#[test]
fn shutdown_ends_everything_first() {
    let mut world = World::new();
    world.run(task("t"));
    world.give(Input::FromAgent(ToExecutor::Shutdown { grace: None }));
    assert_eq!(world.signals(), [("t".to_owned(), false)]);
    world.exited("t", Exit::Signal(15));
    assert!(!world.effects.contains(&Effect::Exit));
    world.give(Input::FromAgent(ToExecutor::Acknowledged(vec![(id("t"), 3)])));
    assert!(world.effects.contains(&Effect::Exit));
}

#[test]
fn an_executor_that_its_agent_does_not_know_waits_for_no_acknowledgement() {
    let mut world = World::new();
    world.run(task("t"));
    world.give(Input::Disconnected);
    world.give(Input::Connected);
    world.give(Input::FromAgent(ToExecutor::Shutdown { grace: None }));
    assert_eq!(world.signals(), [("t".to_owned(), false)]);
    assert!(!world.effects.contains(&Effect::Exit), "its task still runs");
    world.exited("t", Exit::Signal(15));
    assert!(world.effects.contains(&Effect::Exit));
}

//! Executors and launchers that die, and those that come after.

use crate::{
    harness::tests,
    world::{World, cgroups_of, is_alive, shell, until, until_gone},
};
use agent_executor::isolation::Choice;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use proto_types::{TaskState, status::Reason};
use std::{fs, path::PathBuf, time::Duration};

tests! {
    a_crash_of_the_executor_is_not_its_tasks,
    a_crash_of_the_launcher_is_not_its_tasks,
    a_crash_of_both_is_not_their_tasks,
    what_was_never_started_is_not_started_later,
    what_ends_while_nobody_is_there_is_told_truthfully,
    a_shutdown_leaves_nothing,
    an_executor_whose_directory_is_removed_ends,
    an_executor_whose_program_was_replaced_goes_on,
}

/// Runs until a file is there, and then ends with this code.
fn waiting(name: &str, code: i32) -> proto_types::TaskInfo {
    shell(name, &format!("echo $$; while ! test -e go; do sleep 0.01; done; exit {code}"))
}

impl World {
    async fn pid_of(&self, task: &str) -> i32 {
        self.said(task, "stdout").await.parse().unwrap()
    }

    fn let_go(&self, task: &str) {
        fs::write(self.sandbox(task).join("go"), "").unwrap();
    }

    fn kill_launcher(&self) {
        kill(Pid::from_raw(self.launcher_pid()), Signal::SIGKILL).unwrap();
    }
}

async fn a_crash_of_the_executor_is_not_its_tasks() {
    for isolation in [Choice::Auto, Choice::Posix] {
        let mut world = World::with_isolation(isolation).await;
        for (name, code) in [("on", 4), ("over", 5), ("killed", 0)] {
            world.launch(waiting(name, code)).await;
            world.running(name).await;
        }
        let pid = world.pid_of("over").await;
        world.kill_executor();
        world.let_go("over");
        until_gone(pid).await;
        world.forget();
        world.start_executor().await;
        let tasks = vec![waiting("on", 4), waiting("over", 5), waiting("killed", 0)];
        world.launch_all(tasks, false, true).await;
        assert_eq!(world.end_of("over").await.exit_code, Some(5), "its code was written down");
        let container = world.running("on").await.container.unwrap();
        assert_eq!(i32::try_from(container.pid).unwrap(), world.pid_of("on").await);
        world.let_go("on");
        assert_eq!(world.end_of("on").await.exit_code, Some(4));
        world.running("killed").await;
        world.kill("killed", Duration::ZERO).await;
        assert_eq!(world.end_of("killed").await.state, TaskState::Killed);
        world.end().await;
    }
}

async fn a_crash_of_the_launcher_is_not_its_tasks() {
    for isolation in [Choice::Auto, Choice::Posix] {
        let mut world = World::with_isolation(isolation).await;
        for name in ["ends", "killed"] {
            world.launch(waiting(name, 0)).await;
            world.running(name).await;
        }
        let pid = world.pid_of("killed").await;
        world.kill_launcher();
        world.let_go("ends");
        let status = world.end_of("ends").await;
        assert_eq!((status.state, status.reason), (TaskState::Failed, Some(Reason::ExecutorTerminated)));
        assert!(status.message.starts_with("exit code unknown: "), "{}", status.message);
        assert!(is_alive(pid));
        world.kill("killed", Duration::ZERO).await;
        assert_eq!(world.end_of("killed").await.state, TaskState::Killed);
        until_gone(pid).await;
        assert_eq!(world.outcome(shell("next", "exit 6")).await.exit_code, Some(6), "another launcher is there");
        world.end().await;
    }
}

async fn a_crash_of_both_is_not_their_tasks() {
    for isolation in [Choice::Auto, Choice::Posix] {
        let mut world = World::with_isolation(isolation).await;
        world.launch(waiting("t", 0)).await;
        world.running("t").await;
        let pid = world.pid_of("t").await;
        let mut launchers = Vec::new();
        // Twice: what was taken over can be taken over again.
        for _ in 0..2 {
            let launcher = world.launcher_pid();
            launchers.push(launcher);
            world.kill_executor();
            kill(Pid::from_raw(launcher), Signal::SIGKILL).unwrap();
            until_gone(launcher).await;
            world.forget();
            world.start_executor().await;
            world.launch_all(vec![waiting("t", 0)], false, true).await;
            let container = world.running("t").await.container.unwrap();
            assert_eq!(i32::try_from(container.pid).unwrap(), pid);
        }
        world.let_go("t");
        assert!(world.end_of("t").await.message.starts_with("exit code unknown: "));
        launchers.push(world.launcher_pid());
        world.end().await;
        for launcher in launchers {
            assert_eq!(cgroups_of(launcher), Vec::<PathBuf>::new());
        }
    }
}

async fn what_was_never_started_is_not_started_later() {
    let mut world = World::new().await;
    world.launch_all(vec![shell("t", "echo started")], false, true).await;
    let status = world.end_of("t").await;
    assert_eq!((status.state, status.reason), (TaskState::Failed, Some(Reason::ExecutorTerminated)));
    assert_eq!(world.file("t", "stdout"), "");
    world.end().await;
}

async fn what_ends_while_nobody_is_there_is_told_truthfully() {
    let mut world = World::new().await;
    world.launch(waiting("t", 3)).await;
    world.running("t").await;
    let (pid, launcher) = (world.pid_of("t").await, world.launcher_pid());
    world.kill_executor();
    kill(Pid::from_raw(launcher), Signal::SIGKILL).unwrap();
    until_gone(launcher).await;
    world.let_go("t");
    until_gone(pid).await;
    world.start_executor().await;
    world.launch_all(vec![waiting("t", 3)], false, true).await;
    let status = world.end_of("t").await;
    assert_eq!((status.state, status.exit_code), (TaskState::Failed, None));
    assert!(status.message.starts_with("exit code unknown: "), "{}", status.message);
    world.end().await;
}

async fn a_shutdown_leaves_nothing() {
    let mut world = World::new().await;
    world.launch(shell("t", "echo $$; exec sleep 1000")).await;
    world.running("t").await;
    let (pid, launcher) = (world.pid_of("t").await, world.launcher_pid());
    world.end().await;
    until_gone(pid).await;
    until_gone(launcher).await;
}

async fn an_executor_whose_directory_is_removed_ends() {
    let mut world = World::new().await;
    world.launch(shell("t", "echo $$; exec sleep 1000")).await;
    world.running("t").await;
    let (pid, launcher) = (world.pid_of("t").await, world.launcher_pid());
    fs::remove_dir_all(world.run_directory()).unwrap();
    world.leave();
    world.until_executor_ends().await;
    until_gone(pid).await;
    until("the launcher ends", || !is_alive(launcher)).await;
    drop(world);
}

async fn an_executor_whose_program_was_replaced_goes_on() {
    let program = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut world = World::with_program(Choice::Auto, &program).await;
    fs::remove_file(&program).unwrap();
    assert_eq!(world.outcome(shell("t", "exit 6")).await.exit_code, Some(6));
    world.end().await;
}

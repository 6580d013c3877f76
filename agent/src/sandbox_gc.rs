//! Sandboxes of tasks that are over are kept for a while, shorter the fuller the disk is, and then removed.

use crate::model::Model;
use agent_executor::layout::Layout;
use proto_types::{FrameworkId, TaskId, TaskKey};
use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};
use tokio::sync::mpsc;
use tracing::{info, warn};

/// Groups of marks that may wait; a sandbox that is not marked counts from when it was last written.
const MARKS_MAX: usize = 64;

/// A sandbox whose task is over.
#[derive(Debug)]
pub(crate) struct Retired(pub(crate) TaskKey);

/// When sandboxes go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// How long they are kept on an empty disk.
    pub(crate) delay: Duration,
    /// The part of the disk that is to stay free.
    pub(crate) headroom: f64,
    /// How often it is looked.
    pub(crate) interval: Duration,
}

impl Policy {
    /// How long sandboxes are kept when this part of the disk is in use.
    fn keep(self, used: f64) -> Duration {
        self.delay.mul_f64((1.0 - self.headroom - used).clamp(0.0, 1.0))
    }
}

/// Starts the collector.
pub(crate) fn start(layout: Layout, model: Model, policy: Policy) -> mpsc::Sender<Vec<Retired>> {
    let (sender, mut retired) = mpsc::channel::<Vec<Retired>>(MARKS_MAX);
    tokio::spawn(async move {
        let mut look = tokio::time::interval(policy.interval);
        loop {
            let layout = layout.clone();
            tokio::select! {
                marks = retired.recv() => {
                    let Some(marks) = marks else { return };
                    let _ = tokio::task::spawn_blocking(move || mark(&layout, &marks)).await;
                }
                _ = look.tick() => {
                    let model = model.clone();
                    let _ = tokio::task::spawn_blocking(move || collect(&layout, &model, policy)).await;
                }
            }
        }
    });
    sender
}

/// From now on the sandboxes' time runs.
fn mark(layout: &Layout, retired: &[Retired]) {
    for Retired(key) in retired {
        let path = layout.sandbox(&key.framework, &key.task);
        let marked = fs::File::open(path).and_then(|directory| directory.set_modified(SystemTime::now()));
        // A task that never started has no sandbox.
        drop(marked);
    }
}

fn collect(layout: &Layout, model: &Model, policy: Policy) {
    let keep = policy.keep(used(layout.root()));
    let mut removed = 0_u32;
    for framework in directories(&layout.sandboxes()) {
        let Ok(framework_id) = framework.1.parse::<FrameworkId>() else { continue };
        for task in directories(&framework.0) {
            let Ok(task_id) = task.1.parse::<TaskId>() else { continue };
            let key = TaskKey { framework: framework_id.clone(), task: task_id };
            let old = fs::metadata(&task.0).and_then(|metadata| metadata.modified()).ok();
            let old = old.and_then(|modified| modified.elapsed().ok()).is_some_and(|age| age >= keep);
            if !old || model.is_active(&key) {
                continue;
            }
            match fs::remove_dir_all(&task.0) {
                Ok(()) => removed += 1,
                Err(error) => warn!(path = %task.0.display(), %error, "a sandbox cannot be removed"),
            }
        }
        // Succeeds only where nothing is left.
        let _ = fs::remove_dir(&framework.0);
    }
    if removed > 0 {
        info!(removed, "sandboxes of tasks that are over were removed");
    }
}

fn directories(path: &Path) -> Vec<(std::path::PathBuf, String)> {
    let read = || -> io::Result<Vec<_>> {
        let entries = fs::read_dir(path)?.filter_map(Result::ok);
        let named = entries.filter_map(|entry| Some((entry.path(), entry.file_name().into_string().ok()?)));
        Ok(named.collect())
    };
    read().unwrap_or_default()
}

/// The part of the disk in use.
fn used(path: &Path) -> f64 {
    let Ok(stat) = nix::sys::statvfs::statvfs(path) else { return 0.0 };
    let (total, free) = (stat.blocks() as f64, stat.blocks_available() as f64);
    if total > 0.0 { 1.0 - free / total } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agent_core::{Change, TaskView};
    use proto_types::{ExecutorId, Role, TaskState, TaskStatus, status::Source, time::Wall};

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn key(task: &str) -> TaskKey {
        TaskKey { framework: FrameworkId::new("f").unwrap(), task: TaskId::new(task).unwrap() }
    }

    fn sandbox(layout: &Layout, task: &str, age: Duration) -> std::path::PathBuf {
        let path = layout.sandbox(&key(task).framework, &key(task).task);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("stdout"), "text").unwrap();
        fs::File::open(&path).unwrap().set_modified(SystemTime::now() - age).unwrap();
        path
    }

    fn model(task: &str, state: TaskState) -> Model {
        let model = Model::default();
        let view = TaskView {
            info: None,
            executor: ExecutorId::built_in(),
            role: Role::any(),
            latest: TaskStatus::new(key(task).task, state, Source::Executor, Wall(1)),
            unacknowledged: 0,
        };
        model.apply(vec![Change::Task(key(task), Box::new(view))]);
        model
    }

    #[test]
    fn old_sandboxes_go_and_those_of_tasks_that_run_stay() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let paths =
            [("old", 8 * DAY), ("new", DAY / 2), ("running", 8 * DAY)].map(|(task, age)| sandbox(&layout, task, age));
        // However full the disk is that the test runs on, an eighth of this is more than half a day.
        let policy = Policy { delay: 7 * DAY, headroom: 0.0, interval: DAY };
        let keep = policy.keep(used(directory.path()));
        collect(&layout, &model("running", TaskState::Running), policy);
        let there = paths.map(|path| path.exists());
        assert_eq!(there, [false, keep > DAY / 2, true]);
    }

    #[test]
    fn the_fuller_the_disk_the_shorter_they_are_kept() {
        let policy = Policy { delay: 10 * DAY, headroom: 0.1, interval: DAY };
        assert_eq!(policy.keep(0.0), 9 * DAY);
        assert!(policy.keep(0.5) > 3 * DAY && policy.keep(0.5) < 5 * DAY);
        assert_eq!(policy.keep(0.95), Duration::ZERO);
    }

    #[test]
    fn the_time_of_a_sandbox_runs_from_the_end_of_its_task() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let path = sandbox(&layout, "silent", 8 * DAY);
        mark(&layout, &[Retired(key("silent")), Retired(key("never started"))]);
        collect(&layout, &Model::default(), Policy { delay: 1000 * DAY, headroom: 0.0, interval: DAY });
        assert!(path.exists());
    }
}

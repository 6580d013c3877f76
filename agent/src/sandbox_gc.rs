//! Sandboxes of tasks that are over are kept for a while, shorter the fuller the disk is, and then removed.

use crate::model::Model;
use agent_executor::layout::Layout;
use proto_types::{ExecutorId, FrameworkId, TaskId, TaskKey};
use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};
use tokio::sync::mpsc;
use tracing::{info, warn};

/// Groups of marks that may wait; a sandbox that is not marked counts from when it was last written.
const MARKS_MAX: usize = 1024;

/// Between two times that sandboxes are marked, so that short tasks are marked many at once.
const MARKS_PAUSE: Duration = Duration::from_millis(100);

/// In the work directory: what is just being removed.
const ASIDE: &str = "removed";

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
        let mut marks = Vec::new();
        let mut look = tokio::time::interval(policy.interval);
        loop {
            let layout = layout.clone();
            tokio::select! {
                count = retired.recv_many(&mut marks, MARKS_MAX) => {
                    if count == 0 {
                        return;
                    }
                    let marks = std::mem::take(&mut marks);
                    let _ = tokio::task::spawn_blocking(move || marks.iter().for_each(|marks| mark(&layout, marks))).await;
                    tokio::time::sleep(MARKS_PAUSE).await;
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
    for root in [layout.runs(), layout.executor_sandboxes()] {
        removed += collect_executors(&root, &layout.root().join(ASIDE), model, keep);
    }
    for framework in directories(&layout.sandboxes()) {
        let Ok(framework_id) = framework.1.parse::<FrameworkId>() else { continue };
        for task in directories(&framework.0) {
            let Ok(task_id) = task.1.parse::<TaskId>() else { continue };
            let key = TaskKey { framework: framework_id.clone(), task: task_id };
            if is_old(&task.0, keep) && !model.may_be_active(&key) {
                removed += remove(&task.0);
            }
        }
        // Succeeds only where nothing is left.
        let _ = fs::remove_dir(&framework.0);
    }
    if removed > 0 {
        info!(removed, "sandboxes of tasks that are over were removed");
    }
}

/// The directories of executors that ended; their time runs from when they were last written.
fn collect_executors(root: &Path, aside: &Path, model: &Model, keep: Duration) -> u32 {
    let mut removed = 0;
    for (path, framework) in directories(root) {
        let Ok(framework) = framework.parse::<FrameworkId>() else { continue };
        for (path, executor) in directories(&path) {
            let Ok(executor) = executor.parse::<ExecutorId>() else { continue };
            let may_live = || model.may_live(&framework, &executor);
            if is_old(&path, keep) && !may_live() {
                removed += remove_unless(&path, aside, may_live);
            }
        }
        let _ = fs::remove_dir(&path);
    }
    removed
}

/// Removes a directory that may be wanted again at any moment: set aside first, and put back if it is.
fn remove_unless(path: &Path, aside: &Path, wanted: impl Fn() -> bool) -> u32 {
    if aside.exists() && remove(aside) == 0 {
        return 0;
    }
    if let Err(error) = fs::rename(path, aside) {
        warn!(path = %path.display(), %error, "a directory cannot be removed");
        return 0;
    }
    // Whoever wants it only now makes a new one, and then this one does not go back.
    if wanted() && fs::rename(aside, path).is_ok() {
        return 0;
    }
    remove(aside)
}

fn is_old(path: &Path, keep: Duration) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    modified.and_then(|modified| modified.elapsed().ok()).is_some_and(|age| age >= keep)
}

fn remove(path: &Path) -> u32 {
    match fs::remove_dir_all(path) {
        Ok(()) => 1,
        Err(error) => {
            warn!(path = %path.display(), %error, "a sandbox cannot be removed");
            0
        }
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
    use agent_core::{AgentView, Change, ExecutorView, TaskView};
    use proto_types::{Epoch, Resources, Role, TaskState, TaskStatus, status::Source, time::Wall};

    use std::sync::Arc;

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

    /// What is shown of an agent that holds nothing.
    fn empty() -> Model {
        let model = Model::default();
        let view = AgentView {
            id: None,
            cluster: None,
            epoch: Epoch(0),
            info: Arc::default(),
            used: Resources::default(),
            registered: false,
        };
        model.apply(vec![Change::Agent(Box::new(view))]);
        model
    }

    fn model(task: &str, state: TaskState) -> Model {
        let model = empty();
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
    fn what_ended_executors_left_goes_and_what_others_need_stays() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let model = empty();
        let view =
            ExecutorView { resources: "".parse().unwrap(), connected: false, pid: 0, tasks: Vec::new(), restarts: 0 };
        let lives = ExecutorId::new("lives").unwrap();
        model.apply(vec![Change::Executor(key("a").framework, lives.clone(), view)]);
        let make = |id: &ExecutorId| {
            let path = layout.run(&key("a").framework, id);
            fs::create_dir_all(&path).unwrap();
            fs::File::open(&path).unwrap().set_modified(SystemTime::now() - 8 * DAY).unwrap();
            path
        };
        let (ended, lives) = (make(&ExecutorId::built_in()), make(&lives));
        collect(&layout, &model, Policy { delay: 7 * DAY, headroom: 0.0, interval: DAY });
        assert_eq!((ended.exists(), lives.exists()), (false, true));
    }

    #[test]
    fn what_is_wanted_again_while_it_is_removed_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let (path, aside) = (directory.path().join("run"), directory.path().join(ASIDE));
        let make = |name: &str| {
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join(name), "").unwrap();
        };
        let names = || fs::read_dir(&path).map_or(0, |entries| entries.count());
        make("old");
        assert_eq!((remove_unless(&path, &aside, || true), names()), (0, 1), "it is put back");
        let made_anew = || {
            make("one");
            make("two");
            true
        };
        assert_eq!((remove_unless(&path, &aside, made_anew), names()), (1, 2), "the new one stays");
        assert_eq!((remove_unless(&path, &aside, || false), names()), (1, 0));
        assert!(!aside.exists());
    }

    #[test]
    fn nothing_goes_before_it_is_known_what_runs() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path());
        let path = sandbox(&layout, "a", 8 * DAY);
        let policy = Policy { delay: 7 * DAY, headroom: 0.0, interval: DAY };
        collect(&layout, &Model::default(), policy);
        assert!(path.exists());
        collect(&layout, &empty(), policy);
        assert!(!path.exists());
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
        collect(&layout, &empty(), Policy { delay: 1000 * DAY, headroom: 0.0, interval: DAY });
        assert!(path.exists());
    }
}

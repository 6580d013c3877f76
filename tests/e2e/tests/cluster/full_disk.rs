//! Agents whose disk is full.

use crate::primes::{FOR_EVER, Primes};
use anyhow::Result;
use e2e::{
    cluster::{Cluster, Plan},
    disk::Filling,
    relatives,
    scheduler::{Scheduler, launch, scalar, shell},
    wait::until,
};
use nix::fcntl::{Flock, FlockArg};
use proffer_proto::v1::{KillRequest, Reason, TaskInfo, TaskState};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::PathBuf,
};

/// What the agent says when it cannot write its journal.
const CANNOT_WRITE: &str = "the agent does nothing until it can be written again";

struct World {
    scheduler: Scheduler,
    cluster: Cluster,
    /// Held by the test; tasks that wait for it end when it is let go of.
    gate: Option<Flock<File>>,
}

impl World {
    /// An agent with a small disk, at which it looks so often.
    async fn start(disk_watch_interval: &str) -> Result<Self> {
        let mut plan = Plan::agents(1, "cpus:8;mem:4096");
        plan.disk_mib = Some(32);
        plan.agents[0].extend(["--disk-watch-interval", disk_watch_interval].map(str::to_owned));
        let cluster = plan.start().await?;
        let scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
        let gate = File::create(cluster.directory.path().join("gate"))?;
        let gate = Flock::lock(gate, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
        Ok(Self { scheduler, cluster, gate: Some(gate) })
    }

    /// A task that runs until the gate opens.
    fn waiting(&self, id: &str) -> TaskInfo {
        shell(id, &format!("flock -s {} true", self.cluster.directory.path().join("gate").display()))
    }

    fn open_gate(&mut self) {
        self.gate = None;
    }

    fn sandbox(&self, task: &str) -> PathBuf {
        self.cluster.sandbox(0, &self.scheduler.subscribed.framework_id, task)
    }

    /// Launches these on one offer, and waits until they run.
    async fn launch(&mut self, tasks: Vec<TaskInfo>) -> Result<()> {
        let ids: BTreeSet<String> = tasks.iter().map(|task| task.id.clone()).collect();
        let offer = self.scheduler.offer().await?;
        let verdicts = self.scheduler.accept(&offer, vec![launch(tasks)]).await?;
        assert!(verdicts.iter().all(|verdict| verdict.rejection.is_none()), "{verdicts:?}");
        self.all_reach(ids, TaskState::TaskRunning).await
    }

    async fn all_reach(&mut self, mut ids: BTreeSet<String>, state: TaskState) -> Result<()> {
        while !ids.is_empty() {
            let status = self.scheduler.update().await?;
            if status.state() == state {
                ids.remove(&status.task_id);
            }
        }
        Ok(())
    }

    async fn still_works(&mut self) -> Result<()> {
        self.scheduler.run(shell("next", "true")).await?;
        self.scheduler.reaches("next", TaskState::TaskFinished).await?;
        Ok(())
    }
}

/// Fills the disk of the agent, and what the agent keeps free on it.
fn fill(cluster: &Cluster) -> Result<Filling> {
    fs::remove_file(cluster.agent_directory(0).join("journal/room"))?;
    cluster.disks[0].fill()
}

async fn cannot_write(cluster: &Cluster) -> Result<()> {
    let said = || async { cluster.agents[0].printed().contains(CANNOT_WRITE).then_some(()) };
    until("the agent finds its disk full", said).await
}

/// Ids so long that the updates of all these tasks cannot find room at the end of a file, whose last block may have some.
fn crowd() -> BTreeSet<String> {
    (0..24).map(|number| format!("{number:0240}")).collect()
}

/// A task that writes until the disk is full.
fn glutton(line: &str) -> TaskInfo {
    let mut task = shell("glutton", line);
    // What is on a disk in memory counts as memory of the task that wrote it.
    task.resources = vec![scalar("cpus", 100), scalar("mem", 512_000)];
    task
}

#[tokio::test]
async fn updates_that_cannot_be_written_are_not_lost() -> Result<()> {
    let mut plan = Plan::agents(1, "cpus:8;mem:4096");
    plan.disk_mib = Some(32);
    let mut primes = Primes::start(plan).await?;
    let ids = crowd();
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    primes.launch(&names.iter().map(|id| (*id, FOR_EVER)).collect::<Vec<_>>()).await?;
    primes.all_reach(&names, TaskState::TaskRunning).await?;
    let filling = fill(&primes.cluster)?;
    let request =
        KillRequest { session_id: primes.scheduler.session(), task_ids: ids.iter().cloned().collect(), grace_ms: None };
    primes.scheduler.client.kill(request).await?;
    cannot_write(&primes.cluster).await?;
    drop(filling);
    primes.all_reach(&names, TaskState::TaskKilled).await?;
    primes.launch(&[("next", "0 10")]).await?;
    primes.scheduler.reaches("next", TaskState::TaskFinished).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_launched_on_a_full_disk_is_dropped_and_can_be_launched_again() -> Result<()> {
    let mut world = World::start("1h").await?;
    let offer = world.scheduler.offer().await?;
    let filling = fill(&world.cluster)?;
    let ids = crowd();
    let verdicts =
        world.scheduler.accept(&offer, vec![launch(ids.iter().map(|id| shell(id, "true")).collect())]).await?;
    assert!(verdicts.iter().all(|verdict| verdict.rejection.is_none()), "{verdicts:?}");
    cannot_write(&world.cluster).await?;
    drop(filling);
    world.all_reach(ids, TaskState::TaskDropped).await?;
    world.still_works().await
}

/// A task fills the disk; its neighbour does not notice.
async fn a_glutton_fails_alone(line: &str, file: &str) -> Result<()> {
    let mut world = World::start("1h").await?;
    world.launch(vec![world.waiting("neighbour")]).await?;
    world.scheduler.run(glutton(line)).await?;
    world.scheduler.reaches("glutton", TaskState::TaskRunning).await?;
    let sandbox = world.sandbox("glutton");
    let ended = || async { relatives::of_task(&sandbox).is_empty().then_some(()) };
    until("the task has filled the disk and ended", ended).await?;
    assert_eq!(world.cluster.disks[0].room()?, 0, "the disk is full");
    assert!(!relatives::of_task(&world.sandbox("neighbour")).is_empty(), "the neighbour runs on");
    std::fs::write(sandbox.join(file), "")?;
    let status = world.scheduler.reaches("glutton", TaskState::TaskFailed).await?;
    assert_eq!((status.reason(), status.exit_code), (Reason::CommandExecutorFailed, Some(1)), "{status:?}");
    assert!(relatives::is_alive(world.cluster.agents[0].pid()), "the agent lives");
    world.open_gate();
    world.scheduler.reaches("neighbour", TaskState::TaskFinished).await?;
    world.still_works().await
}

#[tokio::test]
async fn a_task_that_fills_the_disk_with_a_file_fails_alone() -> Result<()> {
    a_glutton_fails_alone("cat /dev/zero > big", "big").await
}

#[tokio::test]
async fn a_task_that_fills_the_disk_with_its_output_fails_alone() -> Result<()> {
    a_glutton_fails_alone("cat /dev/zero", "stdout").await
}

#[tokio::test]
async fn the_agent_clears_away_what_filled_its_disk() -> Result<()> {
    let mut world = World::start("200ms").await?;
    world.scheduler.run(glutton("cat /dev/zero > big")).await?;
    world.scheduler.reaches("glutton", TaskState::TaskFailed).await?;
    let sandbox = world.sandbox("glutton");
    until("its sandbox is removed", || async { (!sandbox.exists()).then_some(()) }).await?;
    world.still_works().await
}

#[tokio::test]
async fn ends_of_processes_that_cannot_be_written_are_not_lost() -> Result<()> {
    let mut world = World::start("1h").await?;
    let ids = crowd();
    world.launch(ids.iter().map(|id| world.waiting(id)).collect()).await?;
    let filling = fill(&world.cluster)?;
    world.open_gate();
    cannot_write(&world.cluster).await?;
    drop(filling);
    world.all_reach(ids, TaskState::TaskFinished).await?;
    world.still_works().await
}

#[tokio::test]
async fn what_fills_the_disk_is_removed_once_its_task_has_ended() -> Result<()> {
    let mut world = World::start("200ms").await?;
    let ids = crowd();
    world.launch(ids.iter().map(|id| world.waiting(id)).collect()).await?;
    world.scheduler.run(glutton("cat /dev/zero > big; flock -s ../../../../gate true; exit 1")).await?;
    world.scheduler.reaches("glutton", TaskState::TaskRunning).await?;
    until("full", || async { (world.cluster.disks[0].room().ok()? == 0).then_some(()) }).await?;
    world.open_gate();
    let sandbox = world.sandbox("glutton");
    until("its sandbox is removed", || async { (!sandbox.exists()).then_some(()) }).await?;
    world.scheduler.reaches("glutton", TaskState::TaskFailed).await?;
    Ok(())
}

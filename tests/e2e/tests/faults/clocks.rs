//! The wall clocks of agents and masters jump, forwards and backwards; nothing is removed or expires for it.

use crate::plans::{World, plan, start};
use anyhow::{Context, Result};
use e2e::{history, running::Running, wait::until};
use proffer_proto::v1::{AgentState, FrameworkInfo, SubscribeRequest, TaskState};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Where Debian's faketime keeps its library.
const LIBRARIES: [&str; 2] =
    ["/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"];

/// A wall clock that can be set.
struct Clock {
    directory: TempDir,
}

impl Clock {
    fn new() -> Result<Self> {
        let clock = Self { directory: tempfile::tempdir()? };
        clock.set("+0")?;
        Ok(clock)
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("clock")
    }

    /// So far from the true time, such as `+2h`.
    fn set(&self, offset: &str) -> Result<()> {
        let draft = self.directory.path().join("draft");
        std::fs::write(&draft, format!("{offset}\n"))?;
        std::fs::rename(&draft, self.file()).context("set a clock")
    }

    /// What a process has in its environment to go by it. Its other clocks stay, as they do when a real clock is set.
    fn environment(&self) -> Result<Vec<(String, String)>> {
        let library = LIBRARIES.iter().find(|path| Path::new(path).exists());
        let library = library.context("faketime is missing: apt-get install faketime")?;
        let file = self.file().display().to_string();
        let set = [
            ("LD_PRELOAD", *library),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        Ok(set.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}

#[tokio::test]
async fn a_master_whose_clock_jumps_removes_nothing() -> Result<()> {
    let clock = Clock::new()?;
    let mut plan = plan(2, "cpus:2;mem:512");
    plan.master_environment = clock.environment()?;
    let mut world = start(plan).await?;
    let mut ids = world.launch_waiting("t", 2).await?;
    // A second framework, whose scheduler goes away; it may do so for an hour.
    let framework =
        FrameworkInfo { name: "away".to_owned(), failover_timeout_ms: Some(3_600_000), ..FrameworkInfo::default() };
    let request = SubscribeRequest { framework: Some(framework.clone()), ..Default::default() };
    let away = e2e::scheduler::Scheduler::subscribe_with(&world.cluster.address, request).await?;
    let away = away.subscribed.framework_id.clone();
    for (round, offset) in ["+2h", "-3h", "+0"].into_iter().enumerate() {
        clock.set(offset)?;
        let more = BTreeSet::from([format!("m{round}")]);
        world.launch(vec![world.task(&format!("m{round}"), "sleep 0.5")]).await?;
        world.all_reach(&more, TaskState::TaskFinished).await?;
        world.cluster.stand(AgentState::Connected, 2).await?;
    }
    clock.set("+2h")?;
    world.cluster.restart_master().await?;
    world.resubscribe().await?;
    world.observe().await?;
    ids.extend(world.launch_waiting("u", 1).await?);
    let known = FrameworkInfo { id: away.clone(), ..framework };
    let request = SubscribeRequest { framework: Some(known), incarnation: 1, ..Default::default() };
    let back = e2e::scheduler::Scheduler::subscribe_with(&world.cluster.address, request).await?;
    assert_eq!(back.subscribed.framework_id, away);
    drop(back);
    let seen = world.log.history().seen;
    let lost = [TaskState::TaskUnreachable, TaskState::TaskGone, TaskState::TaskKilled];
    assert!(seen.iter().all(|seen| !lost.contains(&seen.state)), "{seen:?}");
    world.ends(&ids).await
}

/// Waits until the agent has removed what it finds to be old, and so has looked at every sandbox.
async fn looks_at_its_disk(world: &World) -> Result<()> {
    let old = world.cluster.sandbox(0, "nobody", "old");
    std::fs::create_dir_all(&old)?;
    std::fs::File::open(&old)?.set_modified(std::time::UNIX_EPOCH)?;
    until("the agent has looked at its disk", || async { (!old.exists()).then_some(()) }).await
}

#[tokio::test]
async fn an_agent_whose_clock_jumps_ends_nothing() -> Result<()> {
    let clock = Clock::new()?;
    let mut plan = plan(1, "cpus:4;mem:1024");
    plan.environment = clock.environment()?;
    plan.agents[0].extend(["--disk-watch-interval", "200ms"].map(str::to_owned));
    let mut world = start(plan).await?;
    let mut limited = world.waiting("limited");
    limited.max_completion_time_ms = Some(3_600_000);
    world.launch(vec![limited]).await?;
    let mut ids = BTreeSet::from(["limited".to_owned()]);
    world.all_reach(&ids, TaskState::TaskRunning).await?;
    for (round, offset) in ["+2h", "-3h"].into_iter().enumerate() {
        clock.set(offset)?;
        ids.extend(world.launch_waiting(&format!("t{round}-"), 1).await?);
        looks_at_its_disk(&world).await?;
        world.cluster.restart_agent(0).await?;
        world.observe().await?;
    }
    let sandbox = world.cluster.sandbox(0, &world.scheduler.subscribed.framework_id, "limited");
    assert!(sandbox.exists(), "the sandbox of a task that runs stays");
    let seen = world.log.history().seen;
    assert!(seen.iter().all(|seen| !history::is_terminal(seen.state)), "{seen:?}");
    world.ends(&ids).await
}

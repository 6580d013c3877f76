//! What agents keep on disk is damaged, removed or used twice.

use crate::plans::{World, plan, start};
use anyhow::{Context, Result};
use e2e::{process::Process, relatives, wait::until};
use nix::sys::signal::{Signal, kill};
use proffer_proto::v1::TaskState;
use std::{collections::BTreeSet, fs, path::PathBuf};

fn journal(world: &World) -> Result<PathBuf> {
    let directory = world.cluster.agent_directory(0).join("journal");
    let files = fs::read_dir(directory)?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    files.filter(|path| path.extension().is_some_and(|extension| extension == "log")).max().context("a journal file")
}

/// The journal is harmed while the agent is down. The agent starts, says so and keeps the file; a task that was forgotten
/// by it does not run on for nobody, and is told to be over.
async fn a_harmed_journal(harm: impl FnOnce(&mut Vec<u8>), aside: &str, said: &str) -> Result<()> {
    let mut world = start(plan(1, "cpus:4;mem:1024")).await?;
    let ids = world.launch_waiting("t", 3).await?;
    world.cluster.kill_agent(0).await?;
    let path = journal(&world)?;
    let mut bytes = fs::read(&path)?;
    harm(&mut bytes);
    fs::write(&path, bytes)?;
    world.cluster.agents[0] = world.cluster.start_agent(0)?;
    world.observe().await?;
    let printed = world.cluster.agents[0].printed();
    assert!(printed.contains(said), "{printed}");
    let directory = path.parent().context("it is in a directory")?;
    let kept =
        fs::read_dir(directory)?.filter_map(Result::ok).any(|entry| entry.path().extension() == Some(aside.as_ref()));
    assert!(kept, "what was damaged is kept");
    world.launch(vec![world.task("next", "true")]).await?;
    world.all_reach(&BTreeSet::from(["next".to_owned()]), TaskState::TaskFinished).await?;
    world.open_gate();
    world.all_over(&ids).await?;
    let framework = world.scheduler.subscribed.framework_id.clone();
    for id in &ids {
        let sandbox = world.cluster.sandbox(0, &framework, id);
        let gone = || async { relatives::of_task(&sandbox).is_empty().then_some(()) };
        until(&format!("nothing of {id} runs"), gone).await?;
    }
    world.ends(&BTreeSet::new()).await
}

#[tokio::test]
async fn a_journal_with_flipped_bytes_in_its_middle_is_set_aside() -> Result<()> {
    let harm = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle..middle + 16].iter_mut().for_each(|byte| *byte ^= 0xff);
    };
    a_harmed_journal(harm, "damaged", "journal: damaged: ").await
}

#[tokio::test]
async fn a_journal_whose_end_is_missing_is_cut_to_what_is_whole() -> Result<()> {
    a_harmed_journal(|bytes| bytes.truncate(bytes.len() - 5), "torn", "the last record was not written to its end")
        .await
}

#[tokio::test]
async fn a_task_whose_sandbox_is_removed_harms_nobody() -> Result<()> {
    let mut world = start(plan(1, "cpus:4;mem:1024")).await?;
    let ids = world.launch_waiting("t", 3).await?;
    let framework = world.scheduler.subscribed.framework_id.clone();
    fs::remove_dir_all(world.cluster.sandbox(0, &framework, "t1"))?;
    world.cluster.restart_agent(0).await?;
    world.observe().await?;
    let executor = relatives::in_role(world.cluster.directory.path(), "executor").context("an executor runs")?;
    kill(executor, Signal::SIGKILL)?;
    until("another executor takes its place", || async {
        relatives::in_role(world.cluster.directory.path(), "executor").filter(|other| *other != executor)
    })
    .await?;
    world.launch(vec![world.task("next", "true")]).await?;
    world.all_reach(&BTreeSet::from(["next".to_owned()]), TaskState::TaskFinished).await?;
    world.open_gate();
    world.all_over(&ids).await?;
    world.all_reach(&BTreeSet::from(["t0", "t2"].map(str::to_owned)), TaskState::TaskFinished).await?;
    world.ends(&BTreeSet::new()).await
}

#[tokio::test]
async fn a_second_agent_in_a_work_directory_is_refused() -> Result<()> {
    let mut world = start(plan(1, "cpus:4;mem:1024")).await?;
    let ids = world.launch_waiting("t", 2).await?;
    let mut second = world.cluster.start_agent(0)?;
    assert!(!second.ended().await?.success());
    assert!(second.printed().contains("another agent runs in the work directory"), "{}", second.printed());
    world.ends(&ids).await
}

#[tokio::test]
async fn an_agent_in_a_copied_work_directory_is_refused() -> Result<()> {
    let mut world = start(plan(1, "cpus:4;mem:1024")).await?;
    let ids = world.launch_waiting("t", 2).await?;
    let (original, copy) = (world.cluster.agent_directory(0), world.cluster.directory.path().join("copy"));
    let copied = std::process::Command::new("cp").arg("-a").args([&original, &copy]).status()?;
    assert!(copied.success());
    let arguments = ["agent", "--master", &world.cluster.address, "--listen", "127.0.0.1:0", "--dir", "copy"];
    let (home, binary) = (world.cluster.directory.path(), world.cluster.binary());
    let mut second = Process::start("copied", home, binary, &arguments.map(str::to_owned))?;
    assert!(!second.ended().await?.success());
    let said = format!("is a copy of {}", original.display());
    assert!(second.printed().contains(&said), "{}", second.printed());
    world.ends(&ids).await
}

//! An executor that a framework brings: the sample that counts primes.

use crate::primes::{FOR_EVER, Primes};
use anyhow::{Context, Result};
use e2e::{binary::sample, cluster::Plan};
use nix::sys::signal::{Signal, kill};
use proffer_proto::v1::{Reason, TaskState};
use std::{collections::BTreeSet, process::Command as Program};

#[tokio::test]
async fn a_custom_executor_runs_tasks_and_returns_what_came_of_them() -> Result<()> {
    let mut primes = Primes::start(Plan::agents(1, "cpus:2;mem:512")).await?;
    primes.launch(&[("first", "0 1000"), ("wrong", "many")]).await?;
    let mut heard = BTreeSet::new();
    while heard.len() < 3 {
        let status = primes.scheduler.update().await?;
        if ![TaskState::TaskStaging, TaskState::TaskStarting].contains(&status.state()) {
            let said = format!("{}{}", status.message, String::from_utf8_lossy(&status.data));
            heard.insert((status.task_id.clone(), status.state().as_str_name(), said));
        }
    }
    let told = [
        ("first", "TASK_RUNNING", ""),
        ("first", "TASK_FINISHED", "168"),
        ("wrong", "TASK_ERROR", "data: must be two numbers"),
    ];
    assert_eq!(heard, told.map(|(task, state, said)| (task.to_owned(), state, said.to_owned())).into());
    Ok(())
}

#[tokio::test]
async fn one_process_of_a_custom_executor_serves_many_tasks() -> Result<()> {
    let mut primes = Primes::start(Plan::agents(1, "cpus:2;mem:512")).await?;
    primes.launch(&[("stays", FOR_EVER), ("goes", FOR_EVER)]).await?;
    primes.all_reach(&["stays", "goes"], TaskState::TaskRunning).await?;
    let pid = primes.pid().context("the executor runs")?;
    primes.scheduler.kill("goes").await?;
    let killed = primes.scheduler.reaches("goes", TaskState::TaskKilled).await?;
    assert_eq!(killed.message, "killed on request");
    primes.launch(&[("later", "0 10")]).await?;
    let status = primes.scheduler.reaches("later", TaskState::TaskFinished).await?;
    assert_eq!(String::from_utf8_lossy(&status.data), "4");
    assert_eq!(primes.pid(), Some(pid), "it is still the same process");
    Ok(())
}

#[tokio::test]
async fn the_tasks_of_a_custom_executor_that_dies_fail_and_the_next_gets_another() -> Result<()> {
    let mut primes = Primes::start(Plan::agents(1, "cpus:2;mem:512")).await?;
    primes.launch(&[("one", FOR_EVER), ("two", FOR_EVER)]).await?;
    primes.all_reach(&["one", "two"], TaskState::TaskRunning).await?;
    let pid = primes.pid().context("the executor runs")?;
    kill(pid, Signal::SIGKILL)?;
    for status in primes.all_reach(&["one", "two"], TaskState::TaskFailed).await? {
        assert_eq!(status.reason(), Reason::ExecutorTerminated);
        assert!(status.message.contains("SIGKILL"), "{}", status.message);
    }
    primes.launch(&[("next", "0 100")]).await?;
    let status = primes.scheduler.reaches("next", TaskState::TaskFinished).await?;
    assert_eq!(String::from_utf8_lossy(&status.data), "25");
    assert_ne!(primes.pid(), Some(pid));
    Ok(())
}

#[tokio::test]
async fn the_sample_counts_its_primes_on_two_agents() -> Result<()> {
    let cluster = Plan::agents(2, "cpus:1;mem:256").start().await?;
    let mut command = Program::new(sample("custom-executor")?);
    command.arg(&cluster.address).current_dir(cluster.directory.path());
    // The cluster needs no thread of this one meanwhile.
    let output = command.output()?;
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(printed, "17984 primes below 200000\n");
    Ok(())
}

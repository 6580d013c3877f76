//! What a cluster of one master and three agents costs when nothing happens: processor time, and memory with shared
//! pages counted once.

use crate::figures::Figures;
use anyhow::{Context, Result};
use e2e::{
    binary::Profile,
    cluster::{Cluster, Plan},
    scheduler::{Scheduler, shell},
};
use proffer_proto::v1::TaskState;
use std::time::{Duration, Instant};

/// How long it is watched.
const WATCH: Duration = Duration::from_secs(20);

pub(crate) async fn run(figures: &Figures) -> Result<()> {
    let plan = Plan { profile: Profile::Release, ..Plan::agents(3, "cpus:1;mem:512") };
    let cluster = plan.start().await?;
    report(figures, &cluster, "idle").await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "bench").await?;
    for index in 0..3 {
        let id = format!("t{index}");
        scheduler.run(shell(&id, "sleep 600")).await?;
        scheduler.reaches(&id, TaskState::TaskRunning).await?;
    }
    report(figures, &cluster, "idle_with_executors").await
}

async fn report(figures: &Figures, cluster: &Cluster, name: &str) -> Result<()> {
    let family = family(cluster)?;
    let (before, start) = (processor_seconds(&family), Instant::now());
    tokio::time::sleep(WATCH).await;
    let used = (processor_seconds(&family) - before) / start.elapsed().as_secs_f64();
    figures.print(&format!("{name}_percent_of_a_core"), used * 100.0, "%");
    figures.print(&format!("{name}_mebibytes"), family.iter().map(|pid| mebibytes(*pid)).sum(), "MiB");
    figures.print(&format!("{name}_processes"), family.len() as f64, "1");
    Ok(())
}

/// Every process of the cluster's program that works in its directory.
fn family(cluster: &Cluster) -> Result<Vec<u32>> {
    let program = cluster.binary().canonicalize().context("find the program")?;
    let home = cluster.directory.path().display().to_string();
    let entries = std::fs::read_dir("/proc").context("list processes")?;
    let ours = |pid: &u32| {
        let runs = std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program);
        let place = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        runs && place.starts_with(&home)
    };
    Ok(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(ours).collect())
}

fn processor_seconds(family: &[u32]) -> f64 {
    let ticks = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    };
    family.iter().filter_map(ticks).sum::<f64>() / 100.0
}

/// The process's part of memory: pages shared by several are divided among them.
fn mebibytes(pid: u32) -> f64 {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) / 1024.0
}

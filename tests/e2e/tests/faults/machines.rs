//! The machine under an agent starts anew.

use crate::plans::{World, plan, start};
use anyhow::Result;
use e2e::{process::Process, relatives};
use proffer_proto::v1::{Reason, TaskState};
use std::{collections::BTreeSet, path::Path};

/// What the kernel draws anew at each start of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Starts the agent where it was, as if the machine had been started since: it sees another boot id.
fn start_on_another_boot(world: &World) -> Result<Process> {
    let home = world.cluster.directory.path();
    std::fs::write(home.join("boot_id"), "00000000-0000-4000-8000-000000000001\n")?;
    let line = format!("mount --bind boot_id {BOOT_ID} && exec \"$@\"");
    let binary = world.cluster.binary().display().to_string();
    let arguments = ["--mount", "sh", "-c", &line, "sh", &binary, "agent", "--master", &world.cluster.address];
    let rest = ["--listen", "127.0.0.1:0", "--stop-tasks", "--dir", "agent0", "--resources", "cpus:4;mem:1024"];
    let arguments: Vec<String> = arguments.into_iter().chain(rest).map(str::to_owned).collect();
    Process::start("agent0", home, Path::new("unshare"), &arguments)
}

#[tokio::test]
async fn what_ran_before_the_machine_was_started_is_told_as_over() -> Result<()> {
    let mut world = start(plan(1, "cpus:4;mem:1024")).await?;
    let ids = world.launch_waiting("t", 3).await?;
    world.cluster.kill_agent(0).await?;
    relatives::kill_all_below(&world.cluster.agent_directory(0));
    world.cluster.agents[0] = start_on_another_boot(&world)?;
    let mut missing = ids;
    while !missing.is_empty() {
        let status = world.scheduler.update().await?;
        assert_eq!((status.state(), status.reason()), (TaskState::TaskFailed, Reason::AgentRestarted), "{status:?}");
        assert!(status.message.contains("the machine of the agent was restarted"), "{status:?}");
        missing.remove(&status.task_id);
    }
    world.observe().await?;
    world.ends(&BTreeSet::new()).await
}

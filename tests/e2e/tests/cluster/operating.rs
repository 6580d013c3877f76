//! Operators take agents out of use, give them back, and give them up.

use anyhow::{Context, Result};
use e2e::{
    cluster::{Cluster, Plan},
    relatives,
    running::Running,
    scheduler::{Scheduler, shell},
    wait::until,
};
use proffer_proto::v1::{
    AgentDuty, AgentState, DrainAgentRequest, MarkAgentGoneRequest, ReactivateAgentRequest, Reason, TaskInfo, TaskState,
};

/// A task that does not end politely, and wants ten minutes for it.
fn stubborn(id: &str) -> TaskInfo {
    let line = "trap '' TERM; while true; do sleep 0.1; done";
    TaskInfo { kill_grace_ms: Some(600_000), ..shell(id, line) }
}

async fn has_duty(cluster: &Cluster, agent: &str, duty: AgentDuty) -> Result<()> {
    until(&format!("{agent} is {}", duty.as_str_name()), || async {
        let agents = cluster.list_agents().await.ok()?;
        let found = agents.iter().find(|found| found.id == agent)?;
        (found.duty() == duty && found.state() == AgentState::Connected).then_some(())
    })
    .await
}

/// Runs a task until it runs; says on which agent.
async fn place(scheduler: &mut Scheduler, task: TaskInfo) -> Result<String> {
    let id = task.id.clone();
    scheduler.run(task).await?;
    Ok(scheduler.reaches(&id, TaskState::TaskRunning).await?.agent_id)
}

#[tokio::test]
async fn a_drained_agents_tasks_move_and_a_new_master_gives_it_back_only_when_asked() -> Result<()> {
    let mut cluster = Plan::agents(2, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let drained = place(&mut scheduler, stubborn("first")).await?;
    let request = DrainAgentRequest {
        agent_id: drained.clone(),
        max_grace_ms: Some(300_000),
        deadline_ms: Some(1_000),
        ..DrainAgentRequest::default()
    };
    cluster.operator().await?.drain_agent(request).await.context("drain")?;
    let status = scheduler.reaches("first", TaskState::TaskKilled).await?;
    assert_eq!(status.reason(), Reason::AgentDraining);
    has_duty(&cluster, &drained, AgentDuty::Drained).await?;
    assert_ne!(place(&mut scheduler, shell("second", "sleep 1000")).await?, drained);
    cluster.restart_master().await?;
    cluster.connected().await?;
    has_duty(&cluster, &drained, AgentDuty::Drained).await?;
    let request = ReactivateAgentRequest { agent_id: drained.clone() };
    cluster.operator().await?.reactivate_agent(request).await.context("reactivate")?;
    has_duty(&cluster, &drained, AgentDuty::Active).await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "again").await?;
    while scheduler.offer().await?.agent_id != drained {}
    Ok(())
}

#[tokio::test]
async fn an_agent_that_is_gone_ends_its_tasks_and_itself_and_comes_back_as_another_when_told() -> Result<()> {
    let mut cluster = Plan::agents(1, "cpus:2;mem:512").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let gone = place(&mut scheduler, shell("task", "sleep 1000")).await?;
    let sandbox = cluster.sandbox(0, &scheduler.subscribed.framework_id, "task");
    assert!(!relatives::of_task(&sandbox).is_empty(), "it runs");
    let request = MarkAgentGoneRequest { agent_id: gone.clone() };
    cluster.operator().await?.mark_agent_gone(request).await.context("mark gone")?;
    let status = scheduler.reaches("task", TaskState::TaskGoneByOperator).await?;
    assert_eq!((status.reason(), status.agent_id.as_str()), (Reason::AgentRemovedByOperator, gone.as_str()));
    until("nothing of the task runs", || async { relatives::of_task(&sandbox).is_empty().then_some(()) }).await?;
    let ended = cluster.agents[0].ended().await?;
    assert_eq!(ended.code(), Some(3), "{}", cluster.agents[0].printed());
    cluster.restart_master().await?;
    cluster.agents[0] = cluster.start_agent(0)?;
    assert_eq!(cluster.agents[0].ended().await?.code(), Some(3), "it stays gone");
    cluster.agent_flags(0).push("--join-anew".to_owned());
    cluster.agents[0] = cluster.start_agent(0)?;
    cluster.connected().await?;
    cluster.stand(AgentState::Gone, 1).await?;
    let agents = cluster.list_agents().await?;
    let here = agents.iter().find(|agent| agent.state() == AgentState::Connected).context("it is back")?;
    assert_ne!(here.id, gone);
    Ok(())
}

//! Tasks on several agents that are all launched or none of them.

use anyhow::{Context, Result};
use e2e::{
    cluster::{Cluster, Plan},
    scheduler::{Scheduler, launch, scalar, shell},
};
use proffer_proto::v1::{
    Offer, Operation, ReconcileQuery, ReconcileRequest, RejectionKind, TaskInfo, TaskState, TaskVerdict,
    reconciliation::Answer,
};
use std::collections::BTreeSet;

/// Three agents, and an offer of each.
async fn three() -> Result<(Cluster, Scheduler, Vec<Offer>)> {
    let cluster = Plan::agents(3, "cpus:1;mem:256").start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let mut offers: Vec<Offer> = Vec::new();
    while offers.len() < 3 {
        offers.push(scheduler.offer().await?);
    }
    let agents: BTreeSet<&str> = offers.iter().map(|offer| offer.agent_id.as_str()).collect();
    assert_eq!(agents.len(), 3, "{offers:?}");
    Ok((cluster, scheduler, offers))
}

/// A task that leaves a line where all agents can see it.
fn witnessed(cluster: &Cluster, id: &str) -> TaskInfo {
    shell(id, &format!("echo {id} >> {}", cluster.directory.path().join("evidence").display()))
}

fn witnesses(cluster: &Cluster) -> BTreeSet<String> {
    let written = std::fs::read_to_string(cluster.directory.path().join("evidence")).unwrap_or_default();
    written.lines().map(str::to_owned).collect()
}

fn parts<'a>(offers: &'a [Offer], tasks: &[TaskInfo]) -> Vec<(&'a Offer, Vec<Operation>)> {
    offers.iter().zip(tasks).map(|(offer, task)| (offer, vec![launch(vec![task.clone()])])).collect()
}

fn kinds(verdicts: &[TaskVerdict]) -> Vec<Option<RejectionKind>> {
    verdicts.iter().map(|verdict| verdict.rejection.as_ref().map(|rejection| rejection.kind())).collect()
}

/// Launches a gang on the three offers and waits for its end; nothing but it ever ran.
async fn runs(cluster: &Cluster, scheduler: &mut Scheduler, offers: &[Offer], name: &str) -> Result<()> {
    let ids = [0, 1, 2].map(|rank| format!("{name}-{rank}"));
    let tasks = ids.each_ref().map(|id| witnessed(cluster, id));
    let verdicts = scheduler.accept_gang(parts(offers, &tasks)).await?;
    assert_eq!(kinds(&verdicts), [None; 3], "{verdicts:?}");
    let mut places = BTreeSet::new();
    let mut left = BTreeSet::from(ids.clone());
    while !left.is_empty() {
        let status = scheduler.update().await?;
        assert!(ids.contains(&status.task_id), "{status:?}");
        if status.state() == TaskState::TaskFinished && left.remove(&status.task_id) {
            places.insert(status.agent_id);
        }
    }
    assert_eq!(places, offers.iter().map(|offer| offer.agent_id.clone()).collect());
    assert_eq!(witnesses(cluster), BTreeSet::from(ids));
    Ok(())
}

async fn are_unknown(scheduler: &mut Scheduler, ids: &[&str]) -> Result<()> {
    let query = |id: &&str| ReconcileQuery { task_id: (*id).to_owned(), agent_id: String::new() };
    let request = ReconcileRequest {
        session_id: scheduler.session(),
        tasks: ids.iter().map(query).collect(),
        ..Default::default()
    };
    let answers = scheduler.client.reconcile(request).await.context("reconcile")?.into_inner().answers;
    assert_eq!(answers.len(), ids.len());
    for answer in answers {
        let Some(Answer::Status(status)) = &answer.answer else { panic!("{answer:?}") };
        assert_eq!(status.state(), TaskState::TaskUnknown, "{answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_gang_runs_on_all_its_agents() -> Result<()> {
    let (cluster, mut scheduler, offers) = three().await?;
    runs(&cluster, &mut scheduler, &offers, "gang").await
}

#[tokio::test]
async fn a_gang_with_a_part_that_asks_too_much_is_refused_whole() -> Result<()> {
    let (cluster, mut scheduler, offers) = three().await?;
    let ids = ["small", "big", "other"];
    let mut tasks = ids.map(|id| witnessed(&cluster, id));
    tasks[1].resources = vec![scalar("cpus", 64_000)];
    let verdicts = scheduler.accept_gang(parts(&offers, &tasks)).await?;
    let aborted = Some(RejectionKind::GangAborted);
    assert_eq!(kinds(&verdicts), [aborted, Some(RejectionKind::Conflict), aborted]);
    let rejection = verdicts[1].rejection.as_ref().context("it is refused")?;
    assert_eq!(rejection.field, "accepts[1].operations[0].launch.tasks[0].resources");
    assert!(rejection.message.contains("needs cpus:64, has cpus:1"), "{}", rejection.message);
    are_unknown(&mut scheduler, &ids).await?;
    // No offer was used up.
    runs(&cluster, &mut scheduler, &offers, "second").await
}

#[tokio::test]
async fn a_gang_with_an_offer_that_is_gone_is_refused_whole() -> Result<()> {
    let (cluster, mut scheduler, mut offers) = three().await?;
    let used = offers.remove(1);
    scheduler.accept(&used, Vec::new()).await?;
    let stale = [offers[0].clone(), offers[1].clone(), used];
    let ids = ["one", "two", "three"];
    let tasks = ids.map(|id| witnessed(&cluster, id));
    let verdicts = scheduler.accept_gang(parts(&stale, &tasks)).await?;
    let aborted = Some(RejectionKind::GangAborted);
    assert_eq!(kinds(&verdicts), [aborted, aborted, Some(RejectionKind::OfferGone)]);
    are_unknown(&mut scheduler, &ids).await?;
    offers.push(scheduler.offer().await?);
    runs(&cluster, &mut scheduler, &offers, "second").await
}

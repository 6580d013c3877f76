//! Whatever is wrong gets a clear error in the right place, and nothing else is disturbed.

use anyhow::{Context, Result};
use e2e::{
    cluster::{Cluster, Plan},
    running::Running,
    scheduler::{Scheduler, launch, scalar, shell},
};
use proffer_proto::v1::{
    Command, Container, DeclineRequest, Docker, ExecutorInfo, Launch, Operation, Reason, ReconcileQuery,
    ReconcileRequest, RejectionKind, ReviveRequest, TaskState, TaskVerdict, Uri, container, operation, reconciliation,
};
use std::process::Command as Program;
use tonic::Code;
use tonic_types::StatusExt;

async fn small() -> Result<(Cluster, Scheduler)> {
    let cluster = Plan::agents(1, "cpus:1;mem:256;ports:[31000-31009]").start().await?;
    let scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    Ok((cluster, scheduler))
}

/// The scheduler still gets offers and its tasks still run.
async fn still_works(scheduler: &mut Scheduler, name: &str) -> Result<()> {
    scheduler.run(shell(name, "true")).await?;
    scheduler.reaches(name, TaskState::TaskFinished).await?;
    Ok(())
}

fn rejection(verdicts: &[TaskVerdict]) -> (RejectionKind, String, String) {
    let rejection = verdicts[0].rejection.clone().expect("the task is refused");
    (rejection.kind(), rejection.field, rejection.message)
}

#[tokio::test]
async fn a_malformed_call_names_the_field() -> Result<()> {
    let (_cluster, mut scheduler) = small().await?;
    let offer = scheduler.offer().await?;
    let mut task = shell("bad/id", "true");
    task.resources.push(scalar("", 1));
    let status = scheduler.accept(&offer, vec![launch(vec![task])]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let details = status.get_details_bad_request().context("the status names fields")?;
    assert_eq!(details.field_violations[0].field, "accepts[0].operations[0].launch.tasks[0].id");
    let verdicts = scheduler.accept(&offer, vec![launch(vec![shell("good", "true")])]).await?;
    assert_eq!(verdicts[0].rejection, None, "the offer is still there");
    scheduler.reaches("good", TaskState::TaskFinished).await?;
    Ok(())
}

#[tokio::test]
async fn an_unknown_session_is_stale() -> Result<()> {
    let (_cluster, mut scheduler) = small().await?;
    let request = ReviveRequest { session_id: "S9-9".to_owned(), roles: Vec::new() };
    let status = scheduler.client.revive(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.get_details_error_info().context("error info")?.reason, "STALE_SESSION");
    still_works(&mut scheduler, "after").await
}

#[tokio::test]
async fn an_unknown_task_is_unknown() -> Result<()> {
    let (_cluster, mut scheduler) = small().await?;
    let tasks = vec![ReconcileQuery { task_id: "never".to_owned(), agent_id: String::new() }];
    let request = ReconcileRequest { session_id: scheduler.session(), tasks, ..Default::default() };
    let answers = scheduler.client.reconcile(request).await?.into_inner().answers;
    match answers[0].answer.as_ref() {
        Some(reconciliation::Answer::Status(status)) => assert_eq!(status.state(), TaskState::TaskUnknown),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn an_offer_serves_once() -> Result<()> {
    let (_cluster, mut scheduler) = small().await?;
    let offer = scheduler.offer().await?;
    scheduler.accept(&offer, vec![launch(vec![shell("first", "true")])]).await?;
    let verdicts = scheduler.accept(&offer, vec![launch(vec![shell("second", "true")])]).await?;
    let (kind, field, message) = rejection(&verdicts);
    assert_eq!((kind, field.as_str()), (RejectionKind::OfferGone, "accepts[0].offer_ids[0]"));
    assert!(message.contains(&offer.id), "{message}");
    let request = DeclineRequest { session_id: scheduler.session(), offer_ids: vec![offer.id], filters: None };
    assert_eq!(scheduler.client.decline(request).await?.into_inner().declined, 0);
    still_works(&mut scheduler, "after").await
}

#[tokio::test]
async fn an_expired_offer_is_gone() -> Result<()> {
    let mut plan = Plan::agents(1, "cpus:1;mem:256");
    plan.master = ["--offer-timeout", "300ms"].map(str::to_owned).into();
    let cluster = plan.start().await?;
    let mut scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
    let offer = scheduler.offer().await?;
    e2e::wait::until("the offer is gone from the list", || async {
        let mut operator = cluster.operator().await.ok()?;
        let listed = operator.list_offers(proffer_proto::v1::ListOffersRequest { page: None }).await.ok()?.into_inner();
        listed.offers.iter().all(|listed| listed.id != offer.id).then_some(())
    })
    .await?;
    let verdicts = scheduler.accept(&offer, vec![launch(vec![shell("late", "true")])]).await?;
    assert_eq!(rejection(&verdicts).0, RejectionKind::OfferGone);
    Ok(())
}

#[tokio::test]
async fn more_than_was_offered_is_a_conflict_with_numbers() -> Result<()> {
    let (_cluster, mut scheduler) = small().await?;
    let offer = scheduler.offer().await?;
    let mut task = shell("big", "true");
    task.resources = vec![scalar("cpus", 64_000)];
    let verdicts = scheduler.accept(&offer, vec![launch(vec![task])]).await?;
    let (kind, field, message) = rejection(&verdicts);
    assert_eq!((kind, field.as_str()), (RejectionKind::Conflict, "accepts[0].operations[0].launch.tasks[0].resources"));
    assert!(message.contains("needs cpus:64, has cpus:1"), "{message}");
    still_works(&mut scheduler, "after").await
}

#[tokio::test]
async fn a_wrong_executor_is_refused() -> Result<()> {
    let (_cluster, mut scheduler) = small().await?;
    let offer = scheduler.offer().await?;
    let command = Command { value: "true".to_owned(), ..Command::default() };
    let executor = ExecutorInfo { id: "built-in".to_owned(), command: Some(command), ..ExecutorInfo::default() };
    let tasks = vec![shell("t", "true")];
    let operation = Some(operation::Operation::Launch(Launch { executor: Some(executor), tasks }));
    let answer = scheduler.accept(&offer, vec![Operation { operation }]).await;
    let text = match answer {
        Ok(verdicts) => format!("{:?}", rejection(&verdicts)),
        Err(status) => format!("{status:?} {:?}", status.get_error_details()),
    };
    assert!(text.contains("executor.id") && text.contains("built-in"), "{text}");
    Ok(())
}

#[tokio::test]
async fn an_image_that_does_not_exist_fails_the_task() -> Result<()> {
    if e2e::image::without_docker() {
        return Ok(());
    }
    let (_cluster, mut scheduler) = small().await?;
    let mut task = shell("imageless", "true");
    let docker = Docker { image: "proffer-test/no-such-image:1".to_owned(), ..Docker::default() };
    task.container = Some(Container { kind: Some(container::Kind::Docker(docker)) });
    scheduler.run(task).await?;
    let status = scheduler.reaches("imageless", TaskState::TaskFailed).await?;
    assert_eq!(status.reason(), Reason::ContainerLaunchFailed);
    assert!(status.message.contains("proffer-test/no-such-image:1"), "{}", status.message);
    still_works(&mut scheduler, "after").await
}

#[tokio::test]
async fn a_command_that_cannot_be_executed_fails_the_task() -> Result<()> {
    let (_cluster, mut scheduler) = small().await?;
    let mut task = shell("nope", "");
    task.command = Some(Command { value: "/no/such/program".to_owned(), ..Command::default() });
    scheduler.run(task).await?;
    let status = scheduler.reaches("nope", TaskState::TaskFailed).await?;
    assert_eq!(status.reason(), Reason::ContainerLaunchFailed);
    assert!(status.message.contains("/no/such/program"), "{}", status.message);
    still_works(&mut scheduler, "after").await
}

#[tokio::test]
async fn a_uri_that_answers_404_fails_the_task() -> Result<()> {
    let (cluster, mut scheduler) = small().await?;
    let mut task = shell("fetching", "true");
    // The master's own port answers 404 to what it does not know.
    let value = format!("http://{}/no/such/file", cluster.address);
    task.command.get_or_insert_default().uris = vec![Uri { value: value.clone(), ..Uri::default() }];
    scheduler.run(task).await?;
    let status = scheduler.reaches("fetching", TaskState::TaskFailed).await?;
    assert_eq!(status.reason(), Reason::FetchFailed);
    assert!(status.message.contains(&value) && status.message.contains("404"), "{}", status.message);
    still_works(&mut scheduler, "after").await
}

#[tokio::test]
async fn a_port_that_is_taken_ends_the_program_with_2() -> Result<()> {
    let (cluster, mut scheduler) = small().await?;
    let home = cluster.directory.path().join("other-master");
    let output =
        Program::new(cluster.binary()).args(["master", "--listen", &cluster.address, "--dir"]).arg(&home).output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains(&cluster.address), "{errors}");
    still_works(&mut scheduler, "after").await
}

#[tokio::test]
async fn a_second_agent_on_a_directory_ends_with_2() -> Result<()> {
    let (cluster, mut scheduler) = small().await?;
    let output = Program::new(cluster.binary())
        .args(["agent", "--master", &cluster.address, "--listen", "127.0.0.1:0", "--dir"])
        .arg(cluster.agent_directory(0))
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains(&cluster.agent_directory(0).display().to_string()), "{errors}");
    still_works(&mut scheduler, "after").await
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_ends_with_2() -> Result<()> {
    let (cluster, _scheduler) = small().await?;
    let file = cluster.directory.path().join("a-file");
    std::fs::write(&file, "not a directory")?;
    let directory = file.join("agent");
    let output = Program::new(cluster.binary())
        .args(["agent", "--master", &cluster.address, "--listen", "127.0.0.1:0", "--dir"])
        .arg(&directory)
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains(&directory.display().to_string()), "{errors}");
    Ok(())
}

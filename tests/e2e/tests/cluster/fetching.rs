//! Files for tasks, from a web server with a certificate of an authority of its own.

use anyhow::Result;
use e2e::{
    cluster::{Cluster, Plan},
    https::Server,
    scheduler::{Scheduler, shell},
};
use proffer_proto::v1::{Reason, TaskInfo, TaskState, TaskStatus, Uri};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const FILE: &[u8] = b"what is fetched";

struct World {
    _cluster: Cluster,
    scheduler: Scheduler,
    server: Server,
    _certificates: TempDir,
}

impl World {
    /// An agent, which knows the server's authority or does not.
    async fn start(knows: bool) -> Result<Self> {
        let certificates = tempfile::tempdir()?;
        let server = Server::start(certificates.path(), FILE)?;
        let mut plan = Plan::agents(1, "cpus:1;mem:256");
        if knows {
            plan.environment.push(("SSL_CERT_FILE".to_owned(), server.authority().display().to_string()));
        }
        let cluster = plan.start().await?;
        let scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
        Ok(Self { _cluster: cluster, scheduler, server, _certificates: certificates })
    }

    fn fetching(&self, id: &str, path: &str, sha256: Option<String>) -> TaskInfo {
        let mut task = shell(id, "test \"$(cat file)\" = 'what is fetched'");
        let uri = Uri { value: self.server.uri(path), sha256, ..Uri::default() };
        task.command.get_or_insert_default().uris = vec![uri];
        task
    }

    /// Why the task could not be fetched for. The next one is none the worse for it.
    async fn fails(&mut self, task: TaskInfo) -> Result<TaskStatus> {
        let id = task.id.clone();
        self.scheduler.run(task).await?;
        let status = self.scheduler.reaches(&id, TaskState::TaskFailed).await?;
        assert_eq!(status.reason(), Reason::FetchFailed, "{status:?}");
        let next = format!("after-{id}");
        self.scheduler.run(shell(&next, "true")).await?;
        self.scheduler.reaches(&next, TaskState::TaskFinished).await?;
        Ok(status)
    }
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_file_of_a_known_authority_is_fetched_and_checked() -> Result<()> {
    let mut world = World::start(true).await?;
    let task = world.fetching("fetches", "/file", Some(sum(FILE)));
    world.scheduler.run(task).await?;
    world.scheduler.reaches("fetches", TaskState::TaskFinished).await?;
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_not_what_was_asked_for_fails_the_task() -> Result<()> {
    let mut world = World::start(true).await?;
    let wanted = sum(b"something else");
    let status = world.fails(world.fetching("other", "/file", Some(wanted.clone()))).await?;
    for part in [world.server.uri("/file"), sum(FILE), wanted] {
        assert!(status.message.contains(&part), "{}", status.message);
    }
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_not_there_fails_the_task() -> Result<()> {
    let mut world = World::start(true).await?;
    let status = world.fails(world.fetching("missing", "/other", None)).await?;
    assert!(status.message.contains(&world.server.uri("/other")), "{}", status.message);
    assert!(status.message.contains("404"), "{}", status.message);
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_fails_the_task() -> Result<()> {
    let mut world = World::start(false).await?;
    let status = world.fails(world.fetching("distrusts", "/file", None)).await?;
    assert!(status.message.contains(&world.server.uri("/file")), "{}", status.message);
    assert!(status.message.contains("certificate"), "{}", status.message);
    Ok(())
}

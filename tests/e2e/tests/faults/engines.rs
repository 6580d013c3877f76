//! The Docker engine is stopped and hung under running containers.

use crate::plans::{World, plan, start};
use anyhow::{Context, Result};
use bollard::query_parameters::ListContainersOptions;
use e2e::{engine::Engine, image, wait::until};
use nix::sys::signal::Signal;
use proffer_proto::v1::{Container, Docker, Mount, TaskInfo, TaskState, container};
use std::collections::BTreeSet;
use tempfile::TempDir;

struct Yard {
    world: World,
    engine: Engine,
    /// Goes last.
    _directory: TempDir,
}

impl Yard {
    /// An agent with an engine of its own, which has the image.
    async fn start(keeps_containers: bool) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let engine = Engine::start(directory.path(), keeps_containers).await?;
        image::busybox(&engine.client()?).await?;
        let mut plan = plan(1, "cpus:4;mem:1024");
        plan.agents[0].extend(["--docker-socket".to_owned(), engine.socket().display().to_string()]);
        Ok(Self { world: start(plan).await?, engine, _directory: directory })
    }

    /// A container that runs until [`Self::open`].
    fn contained(&self, id: &str) -> TaskInfo {
        let home = self.world.cluster.directory.path().display().to_string();
        let mut task = self.world.task(id, &format!("while [ ! -e {home}/go ]; do sleep 0.1; done"));
        let volumes = vec![Mount { source: home.clone(), container_path: home, read_only: false }];
        let docker = Docker { image: image::BUSYBOX.to_owned(), volumes, ..Docker::default() };
        task.container = Some(Container { kind: Some(container::Kind::Docker(docker)) });
        task.kill_grace_ms = Some(200);
        task
    }

    fn open(&self) -> Result<()> {
        std::fs::write(self.world.cluster.directory.path().join("go"), "").context("let containers end")
    }

    async fn runs(&mut self, ids: [&str; 2]) -> Result<BTreeSet<String>> {
        self.world.launch(ids.iter().map(|id| self.contained(id)).collect()).await?;
        let ids = BTreeSet::from(ids.map(str::to_owned));
        self.world.all_reach(&ids, TaskState::TaskRunning).await?;
        Ok(ids)
    }

    /// Nothing runs in the engine any more, tasks run as ever, and the history is sound.
    async fn ends(self) -> Result<()> {
        let client = self.engine.client()?;
        until("no container runs", || async {
            let running = client.list_containers(None::<ListContainersOptions>).await.ok()?;
            running.is_empty().then_some(())
        })
        .await?;
        self.world.ends(&BTreeSet::new()).await
    }
}

#[tokio::test]
async fn containers_that_end_with_their_engine_are_reported_failed() -> Result<()> {
    if image::without_docker() {
        return Ok(());
    }
    let mut yard = Yard::start(false).await?;
    let ids = yard.runs(["a", "b"]).await?;
    yard.engine.restart(Signal::SIGTERM).await?;
    yard.world.all_reach(&ids, TaskState::TaskFailed).await?;
    let more = yard.runs(["c", "d"]).await?;
    yard.open()?;
    yard.world.all_reach(&more, TaskState::TaskFinished).await?;
    yard.ends().await
}

#[tokio::test]
async fn an_agent_works_on_while_its_engine_hangs() -> Result<()> {
    if image::without_docker() {
        return Ok(());
    }
    let mut yard = Yard::start(true).await?;
    let ids = yard.runs(["a", "b"]).await?;
    yard.engine.signal(Signal::SIGSTOP)?;
    yard.world.launch(vec![yard.contained("late")]).await?;
    yard.world.launch(vec![yard.world.task("process", "true")]).await?;
    yard.world.all_reach(&BTreeSet::from(["process".to_owned()]), TaskState::TaskFinished).await?;
    yard.world.cluster.restart_agent(0).await?;
    yard.world.observe().await?;
    yard.engine.signal(Signal::SIGCONT)?;
    yard.open()?;
    yard.world.all_reach(&ids, TaskState::TaskFinished).await?;
    yard.world.all_reach(&BTreeSet::from(["late".to_owned()]), TaskState::TaskFinished).await?;
    yard.ends().await
}

#[tokio::test]
async fn containers_that_outlive_their_engine_run_on() -> Result<()> {
    if image::without_docker() {
        return Ok(());
    }
    let mut yard = Yard::start(true).await?;
    let ids = yard.runs(["a", "b"]).await?;
    yard.engine.restart(Signal::SIGTERM).await?;
    let more = yard.runs(["c", "d"]).await?;
    yard.open()?;
    yard.world.all_reach(&ids, TaskState::TaskFinished).await?;
    yard.world.all_reach(&more, TaskState::TaskFinished).await?;
    yard.ends().await
}

//! Containers of earlier executors, with a real engine.

use super::{
    containers::{Containers, Known, lock},
    sweep::Left,
};
use crate::{
    docker::{Engine, SANDBOX_LABEL},
    driver::Event,
    environment::Place,
};
use bollard::{models::ContainerCreateBody, query_parameters::CreateImageOptionsBuilder};
use executor_core::{Adoption, Exit, Input};
use futures::TryStreamExt;
use proto_types::{
    FrameworkId, TaskId, TaskInfo,
    container::{Container, Docker, Network},
    executing::TaskLaunch,
    task::Command,
};
use std::{
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{net::UnixListener, sync::mpsc};

/// An engine with an image without files, and a framework of its own.
struct Bench {
    engine: Engine,
    framework: FrameworkId,
    image: String,
    place: tempfile::TempDir,
}

impl Bench {
    /// None: the tests are to run without containers.
    async fn new() -> Option<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        if std::env::var_os("PROFFER_TEST_NO_DOCKER").is_some() {
            eprintln!("PROFFER_TEST_NO_DOCKER is set: no containers in this test");
            return None;
        }
        let mark = format!("{}-{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (engine, image) = (Engine::new(None), format!("proffer-test/works:{mark}"));
        let framework = FrameworkId::new(format!("works-{mark}")).unwrap();
        // Agrees on the version of the interface.
        engine.list(&[]).await.unwrap();
        let empty = bollard::body_full(tar::Builder::new(Vec::new()).into_inner().unwrap().into());
        let options = CreateImageOptionsBuilder::default().from_src("-").repo(&image).build();
        let docker = engine.docker().unwrap();
        docker.create_image(Some(options), Some(empty), None).try_collect::<Vec<_>>().await.unwrap();
        Some(Self { engine, framework, image, place: tempfile::tempdir().unwrap() })
    }

    fn sandboxes(&self) -> PathBuf {
        self.place.path().join(self.framework.as_str())
    }

    /// Makes a container as an earlier executor would have, and does not start it.
    async fn make(&self, task: &str, sandbox: &Path) -> String {
        let labels = [
            ("proffer.framework", self.framework.as_str()),
            ("proffer.task", task),
            ("proffer.agent", "old"),
            (SANDBOX_LABEL, sandbox.to_str().unwrap()),
        ];
        let body = ContainerCreateBody {
            image: Some(self.image.clone()),
            cmd: Some(vec!["never".to_owned()]),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into()),
            ..ContainerCreateBody::default()
        };
        self.engine.docker().unwrap().create_container(None, body).await.unwrap().id
    }

    fn containers(&self, engine: &Engine) -> (Containers, mpsc::Receiver<Event>) {
        let (events, incoming) = mpsc::channel(16);
        (Containers::new(engine.clone(), self.framework.clone(), self.sandboxes(), events), incoming)
    }

    fn launch(&self, task: &str) -> Arc<TaskLaunch> {
        let container = Docker {
            image: self.image.clone(),
            force_pull: false,
            network: Network::None,
            port_mappings: Vec::new(),
            privileged: false,
            entrypoint: None,
            volumes: Vec::new(),
            labels: Default::default(),
            hostname: None,
        };
        let info = TaskInfo {
            id: TaskId::new(task).unwrap(),
            name: task.to_owned(),
            resources: "cpus:0.1".parse().unwrap(),
            command: Command::default(),
            container: Some(Container::Docker(container)),
            health_check: None,
            kill_grace: None,
            max_completion_time: None,
            labels: Default::default(),
            data: Vec::new(),
            discovery: None,
        };
        Arc::new(TaskLaunch { task: Arc::new(info), sandbox: self.sandboxes().join(task), user: None, adopt: true })
    }

    /// Adopts a task's container as an executor does whose agent has another id now.
    async fn adopt(&self, containers: &Containers, incoming: &mut mpsc::Receiver<Event>, task: &str) -> Input {
        let agent = Some("new".parse().unwrap());
        let place = Place { framework: self.framework.clone(), agent, hostname: String::new() };
        containers.adopt(&place, self.launch(task));
        match incoming.recv().await {
            Some(Event::Input(input)) => input,
            other => panic!("an adoption has an outcome, not {other:?}"),
        }
    }

    async fn left(&self) -> Vec<String> {
        let labels = [("proffer.framework".to_owned(), self.framework.to_string())];
        let listed = self.engine.list(&labels).await.unwrap();
        let mut left: Vec<String> = listed.into_iter().filter_map(|container| container.id).collect();
        left.sort();
        left
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // A failed test leaves nothing either.
        let filter = format!("label=proffer.framework={}", self.framework);
        let containers = format!("docker ps -aq --filter {filter} | xargs -r docker rm -fv");
        let script = format!("{containers}; docker rmi -f {}", self.image);
        let _ = process::Command::new("sh").args(["-c", &script]).stdout(process::Stdio::null()).status();
    }
}

#[tokio::test]
async fn what_an_earlier_executor_left_and_nobody_asks_for_is_removed() {
    let Some(bench) = Bench::new().await else { return };
    let wanted = bench.make("wanted", &bench.sandboxes().join("wanted")).await;
    bench.make("stray", &bench.sandboxes().join("stray")).await;
    let of_another_agent = bench.make("stray", Path::new("/elsewhere/stray")).await;
    let known = Known::default();
    lock(&known).insert(TaskId::new("wanted").unwrap(), None);
    let (engine, framework) = (bench.engine.clone(), bench.framework.clone());
    Left { engine, framework, sandboxes: bench.sandboxes(), known }.remove(Duration::ZERO).await;
    let mut expected = [wanted, of_another_agent];
    expected.sort();
    assert_eq!(bench.left().await, expected);
}

#[tokio::test]
async fn a_container_is_found_again_although_its_agent_has_another_id() {
    let Some(bench) = Bench::new().await else { return };
    bench.make("t", &bench.sandboxes().join("t")).await;
    let (containers, mut incoming) = bench.containers(&bench.engine);
    let never = Exit::Unknown("its container was made and never ran".to_owned());
    let expected = Input::Adopted { task: TaskId::new("t").unwrap(), adoption: Adoption::Exited(never) };
    assert_eq!(bench.adopt(&containers, &mut incoming, "t").await, expected);
}

#[tokio::test]
async fn a_container_is_removed_when_the_engine_can_again() {
    let Some(bench) = Bench::new().await else { return };
    bench.make("t", &bench.sandboxes().join("t")).await;
    let socket = bench.place.path().join("docker.sock");
    std::os::unix::fs::symlink("/var/run/docker.sock", &socket).unwrap();
    let (mut containers, mut incoming) = bench.containers(&Engine::new(Some(socket.clone())));
    bench.adopt(&containers, &mut incoming, "t").await;
    std::fs::remove_file(&socket).unwrap();
    let deaf = UnixListener::bind(&socket).unwrap();
    containers.release(&TaskId::new("t").unwrap());
    drop(deaf.accept().await.unwrap());
    drop(deaf);
    std::fs::remove_file(&socket).unwrap();
    std::os::unix::fs::symlink("/var/run/docker.sock", &socket).unwrap();
    containers.end().await;
    assert_eq!(bench.left().await, Vec::<String>::new());
}

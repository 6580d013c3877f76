//! Containers of a real Docker engine.

use agent_executor::docker::{Engine, Error, Exit, Rotation, SANDBOX, Spec, Started};
use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig},
    query_parameters::{CreateImageOptionsBuilder, ListContainersOptionsBuilder, RemoveImageOptionsBuilder},
};
use bytes::Bytes;
use futures::StreamExt;
use kit::shutdown::CancellationToken;
use proto_types::{
    Resource, ResourceName, Resources, Scalar, TaskInfo,
    container::{self, Mount, Network, PortMapping, Protocol},
    task::Command,
};
use std::{
    collections::HashMap,
    io::Read,
    net::{TcpListener, TcpStream},
    process,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A sandbox, an engine, an image, and the promise that all of it goes.
struct Bench {
    engine: Engine,
    sandbox: tempfile::TempDir,
    label: (String, String),
    image: String,
}

impl Bench {
    /// None: the tests are to run without containers.
    async fn new() -> Option<Self> {
        Self::with_rotation(Rotation::default()).await
    }

    async fn with_rotation(rotation: Rotation) -> Option<Self> {
        if std::env::var_os("PROFFER_TEST_NO_DOCKER").is_some() {
            eprintln!("PROFFER_TEST_NO_DOCKER is set: no containers in this test");
            return None;
        }
        let engine = Engine::with_rotation(None, rotation);
        // Agrees on the version of the interface.
        engine.find(&[("proffer-test".to_owned(), "nobody".to_owned())]).await.unwrap();
        let mark = format!("{}-{}", process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let image = format!("proffer-test/executor:{mark}");
        make_image(&engine.docker().unwrap(), &image).await;
        Some(Self { engine, sandbox: tempfile::tempdir().unwrap(), label: ("proffer-test".to_owned(), mark), image })
    }

    fn spec(&self, command: &str) -> Spec {
        let command = Command { value: command.to_owned(), shell: true, ..Command::default() };
        Spec {
            name: format!("proffer-test-{}-{}", self.label.1, NUMBER.fetch_add(1, Ordering::Relaxed)),
            task: Arc::new(task(command, &[])),
            docker: container::Docker {
                image: self.image.clone(),
                force_pull: false,
                network: Network::Host,
                port_mappings: Vec::new(),
                privileged: false,
                entrypoint: None,
                volumes: Vec::new(),
                labels: [("of".to_owned(), "task".to_owned())].into(),
                hostname: None,
            },
            environment: Vec::new(),
            sandbox: self.sandbox.path().to_owned(),
            user: None,
            labels: vec![self.label.clone()],
        }
    }

    async fn start(&self, spec: &Spec) -> Result<Started, Error> {
        timeout(PATIENCE, self.engine.start(spec, &|_| (), &CancellationToken::new())).await.unwrap()
    }

    async fn wait(&self, id: &str) -> Exit {
        timeout(PATIENCE, self.engine.wait(id)).await.unwrap().unwrap()
    }

    /// Runs to the end: the exit, stdout and stderr.
    async fn run(&self, spec: &Spec) -> (Exit, String, String) {
        let started = self.start(spec).await.unwrap();
        let exit = self.wait(&started.id).await;
        (exit, self.file("stdout"), self.file("stderr"))
    }

    fn file(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.sandbox.path().join(name)).unwrap()).into_owned()
    }

    /// Waits until the output has these words.
    async fn says(&self, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.file("stdout").contains(words) {
            assert!(Instant::now() < until, "no {words:?} in {:?}", self.file("stdout"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn left(&self) -> Vec<String> {
        let labels = vec![format!("{}={}", self.label.0, self.label.1)];
        let filters = HashMap::from([("label".to_owned(), labels)]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let found = self.engine.docker().unwrap().list_containers(Some(options)).await.unwrap();
        found.into_iter().filter_map(|container| container.id).collect()
    }

    async fn clear(&self) {
        let left = self.left().await;
        futures::future::try_join_all(left.iter().map(|id| self.engine.remove(id))).await.unwrap();
    }

    async fn end(self) {
        self.clear().await;
        assert_eq!(self.left().await, Vec::<String>::new());
        let force = RemoveImageOptionsBuilder::default().force(true).build();
        self.engine.docker().unwrap().remove_image(&self.image, Some(force), None).await.unwrap();
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // A failed test leaves nothing either.
        if std::thread::panicking() {
            let filter = format!("label={}={}", self.label.0, self.label.1);
            let containers = format!("docker ps -aq --filter {filter} | xargs -r docker rm -fv");
            let script = format!("{containers}; docker rmi -f {}", self.image);
            let _ = process::Command::new("sh").args(["-c", &script]).status();
        }
    }
}

fn task(command: Command, resources: &[(ResourceName, u64)]) -> TaskInfo {
    let mut bag = Resources::default();
    for (name, milli) in resources {
        bag.add_resource(Resource::scalar(name.clone(), Scalar::from_milli(*milli)));
    }
    TaskInfo {
        id: "t".parse().unwrap(),
        name: "t".to_owned(),
        resources: bag,
        command,
        container: None,
        health_check: None,
        kill_grace: None,
        max_completion_time: None,
        labels: HashMap::new().into_iter().collect(),
        data: Vec::new(),
        discovery: None,
    }
}

/// Makes an image of a static busybox, with a command of its own.
async fn make_image(docker: &Docker, image: &str) {
    let program = std::fs::read("/bin/busybox").expect("a static busybox (Debian: busybox-static)");
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    tar.append_data(&mut header, "bin/busybox", program.as_slice()).unwrap();
    for name in
        ["sh", "sleep", "echo", "cat", "seq", "env", "id", "pwd", "hostname", "nc", "dd", "printf", "tail", "head"]
    {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        tar.append_link(&mut header, format!("bin/{name}"), "busybox").unwrap();
    }
    let layer = tar.into_inner().unwrap();
    let changes = vec!["ENV PATH=/bin".to_owned(), "CMD [\"echo\",\"own command\"]".to_owned()];
    let options = CreateImageOptionsBuilder::default().from_src("-").repo(image).changes(changes).build();
    let mut steps = Box::pin(docker.create_image(Some(options), Some(bollard::body_full(Bytes::from(layer))), None));
    while let Some(step) = steps.next().await {
        step.unwrap();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_complete_and_the_exit_code_told() {
    let Some(bench) = Bench::new().await else { return };
    let spec = bench.spec("seq 1 50000; echo oops >&2; printf 'a\\377b\\nno end'; exit 3");
    let started = bench.start(&spec).await.unwrap();
    assert_eq!((started.pid, &started.ip_address), (0, &None));
    let exit = bench.wait(&started.id).await;
    assert_eq!(exit, Exit { code: 3, oom_killed: false, error: String::new() });
    let stdout = std::fs::read(bench.sandbox.path().join("stdout")).unwrap();
    let mut expected: Vec<u8> = (1..=50_000).flat_map(|number| format!("{number}\n").into_bytes()).collect();
    expected.extend(b"a\xffb\nno end");
    assert!(stdout == expected, "{} bytes instead of {}", stdout.len(), expected.len());
    assert_eq!(bench.file("stderr"), "oops\n");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lines_stay_whole_and_files_are_rotated() {
    let Some(bench) = Bench::with_rotation(Rotation { size: 200_000, files: 6 }).await else { return };
    let spec = bench.spec("for i in 1 2 3 4 5; do head -c 100000 /dev/zero; echo; done; echo end");
    let started = bench.start(&spec).await.unwrap();
    assert_eq!(bench.wait(&started.id).await.code, 0);
    let names = ["stdout.5", "stdout.4", "stdout.3", "stdout.2", "stdout.1", "stdout"];
    let present = |name: &&str| bench.sandbox.path().join(name).exists();
    let parts: Vec<String> = names.into_iter().filter(present).map(|name| bench.file(name)).collect();
    assert!(parts.len() >= 3 && parts.iter().all(|part| part.len() <= 200_000), "{} parts", parts.len());
    let line = format!("{}\n", "\0".repeat(100_000));
    assert!(parts.concat() == line.repeat(5) + "end\n");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_that_end_at_once_lose_nothing() {
    let Some(bench) = Bench::new().await else { return };
    let runs = (0..16).map(|number| {
        let sandbox = tempfile::tempdir().unwrap();
        let spec =
            Spec { sandbox: sandbox.path().to_owned(), ..bench.spec(&format!("echo {number}; echo {number} >&2")) };
        let bench = &bench;
        async move {
            let started = bench.start(&spec).await.unwrap();
            assert_eq!(bench.wait(&started.id).await.code, 0);
            for name in ["stdout", "stderr"] {
                assert_eq!(std::fs::read_to_string(sandbox.path().join(name)).unwrap(), format!("{number}\n"));
            }
        }
    });
    futures::future::join_all(runs).await;
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_end_a_container() {
    let Some(bench) = Bench::new().await else { return };
    let spec = bench.spec("trap 'echo bye; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    let started = bench.start(&spec).await.unwrap();
    bench.says("ready\n").await;
    bench.engine.signal(&started.id, "SIGTERM").await.unwrap();
    assert_eq!(bench.wait(&started.id).await.code, 9);
    assert_eq!(bench.file("stdout"), "ready\nbye\n");
    bench.engine.signal(&started.id, "SIGKILL").await.unwrap();
    let started = bench.start(&bench.spec("sleep 1000")).await.unwrap();
    bench.engine.signal(&started.id, "SIGKILL").await.unwrap();
    assert_eq!(bench.wait(&started.id).await.code, 137);
    bench.engine.remove(&started.id).await.unwrap();
    bench.engine.remove(&started.id).await.unwrap();
    assert!(matches!(bench.engine.signal(&started.id, "SIGKILL").await, Err(Error::Gone(_))));
    assert!(matches!(bench.engine.wait(&started.id).await, Err(Error::Gone(_))));
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_that_fail_say_why_and_leave_nothing() {
    let Some(bench) = Bench::new().await else { return };
    let heard = Mutex::new(Vec::new());
    let mut spec = bench.spec("true");
    spec.docker.image = "localhost:1/nobody/nothing:1".to_owned();
    let progress = |text| heard.lock().unwrap().push(text);
    let error = bench.engine.start(&spec, &progress, &CancellationToken::new()).await.unwrap_err().to_string();
    let expected = "image \"localhost:1/nobody/nothing:1\" does not exist here and cannot be pulled: ";
    assert!(error.starts_with(expected) && error.contains("refused") && !error.contains('\n'), "{error}");
    assert_eq!(*heard.lock().unwrap(), ["pulling localhost:1/nobody/nothing:1: 0 %"]);

    let mut spec = bench.spec("");
    spec.task = Arc::new(task(Command { value: "/no/such".to_owned(), ..Command::default() }, &[]));
    let error = bench.start(&spec).await.unwrap_err();
    assert!(matches!(&error, Error::NotExecutable { command, .. } if command == "/no/such"), "{error}");

    let mut spec = bench.spec("true");
    spec.docker.volumes = vec![mount("/no/such/directory", "/x", false)];
    let error = bench.start(&spec).await.unwrap_err().to_string();
    assert!(error.contains("/no/such/directory"), "{error}");
    spec.docker.volumes = vec![mount("../out", "/x", false)];
    let error = bench.start(&spec).await.unwrap_err();
    assert!(matches!(error, Error::Volume { .. }), "{error}");

    let mut spec = bench.spec("true");
    spec.docker.network = Network::Named("proffer-test-no-such-network".to_owned());
    let error = bench.start(&spec).await.unwrap_err().to_string();
    assert!(error.contains("proffer-test-no-such-network not found"), "{error}");

    assert_eq!(bench.left().await, Vec::<String>::new());
    bench.end().await;
}

#[tokio::test]
async fn an_engine_that_is_not_there_does_not_answer() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("docker.sock");
    let engine = Engine::new(Some(socket.clone()));
    let error = engine.find(&[]).await.unwrap_err();
    assert!(error.is_passing() && error.to_string().starts_with("the Docker engine does not answer: "), "{error}");
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let error = engine.find(&[]).await.unwrap_err();
    assert!(error.is_passing() && error.to_string().contains("refused"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_of_a_bridge_are_mapped_and_a_taken_one_named() {
    let Some(bench) = Bench::new().await else { return };
    let port = free_port();
    let mut spec = bench.spec("echo ready; nc -l -p 80 -e echo hello");
    spec.docker.network = Network::Bridge;
    let mapping = |protocol| PortMapping { host_port: port, container_port: 80, protocol };
    spec.docker.port_mappings = vec![mapping(Protocol::Tcp), mapping(Protocol::Udp)];
    let started = bench.start(&spec).await.unwrap();
    let address = started.ip_address.clone().expect("an address in the bridge");
    address.parse::<std::net::Ipv4Addr>().unwrap();
    assert!(started.pid > 0);
    bench.says("ready\n").await;
    let found = bench.engine.find(std::slice::from_ref(&bench.label)).await.unwrap().unwrap();
    assert_eq!((found.running, found.ip_address), (true, Some(address)));

    let elsewhere = tempfile::tempdir().unwrap();
    let mut other = Spec { sandbox: elsewhere.path().to_owned(), ..bench.spec("true") };
    other.docker.network = Network::Bridge;
    other.docker.port_mappings = spec.docker.port_mappings.clone();
    let error = bench.start(&other).await.unwrap_err();
    assert_eq!(error.to_string(), format!("port {port} of this machine is taken"));
    assert_eq!(bench.left().await, std::slice::from_ref(&started.id));

    let heard = tokio::task::spawn_blocking(move || {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut text = String::new();
            // The engine's proxy listens before the program in the container does.
            let read = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| stream.read_to_string(&mut text));
            if (read.is_ok() && !text.is_empty()) || Instant::now() > until {
                return text;
            }
            std::thread::yield_now();
        }
    });
    assert_eq!(heard.await.unwrap(), "hello\n");
    bench.wait(&started.id).await;
    bench.end().await;
}

fn mount(source: &str, container_path: &str, read_only: bool) -> Mount {
    Mount { source: source.to_owned(), container_path: container_path.to_owned(), read_only }
}

#[tokio::test(flavor = "multi_thread")]
async fn volumes_and_the_sandbox_are_mounted() {
    let Some(bench) = Bench::new().await else { return };
    let host = tempfile::tempdir().unwrap();
    std::fs::write(host.path().join("in"), "of the host\n").unwrap();
    let volume = format!("proffer-test-{}", bench.label.1);
    let mut spec = bench.spec(&format!(
        "cat /host/in; echo x > /host/out || echo read-only; echo kept > /data/kept; echo named > /volume/v && cat \
         /volume/v; echo mine > {SANDBOX}/mine"
    ));
    spec.docker.volumes = vec![
        mount(host.path().to_str().unwrap(), "/host", true),
        mount("./deep/data", "/data", false),
        mount(&volume, "/volume", false),
    ];
    let (exit, stdout, _) = bench.run(&spec).await;
    assert_eq!((exit.code, stdout.as_str()), (0, "of the host\nread-only\nnamed\n"));
    assert_eq!((bench.file("deep/data/kept"), bench.file("mine")), ("kept\n".to_owned(), "mine\n".to_owned()));
    assert!(!host.path().join("out").exists());
    let docker = bench.engine.docker().unwrap();
    bench.end().await;
    docker.remove_volume(&volume, None::<bollard::query_parameters::RemoveVolumeOptions>).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_environment_and_names_are_as_asked() {
    let Some(bench) = Bench::new().await else { return };
    let mut spec = bench.spec("");
    let (_, stdout, _) = bench.run(&spec).await;
    assert_eq!(stdout, "own command\n");

    let command = Command {
        value: "sh".to_owned(),
        arguments: vec!["-c".to_owned(), "echo $A $B; pwd; hostname; id -u".to_owned()],
        working_directory: Some("work".to_owned()),
        ..Command::default()
    };
    spec = bench.spec("");
    spec.task = Arc::new(task(command, &[]));
    spec.environment = [("A", "1"), ("B", "2 2")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    spec.docker.hostname = Some("called".to_owned());
    spec.docker.network = Network::None;
    spec.user = Some("nobody".to_owned());
    let (exit, stdout, stderr) = bench.run(&spec).await;
    assert_eq!((exit.code, stderr.as_str()), (0, ""));
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap().uid;
    assert_eq!(stdout, format!("own command\n1 2 2\n{SANDBOX}/work\ncalled\n{nobody}\n"));

    let mut spec = bench.spec("");
    spec.docker.entrypoint = Some(vec!["echo".to_owned(), "entry".to_owned()]);
    let command = Command { arguments: vec!["and more".to_owned()], ..Command::default() };
    spec.task = Arc::new(task(command, &[]));
    let (_, stdout, _) = bench.run(&spec).await;
    assert!(stdout.ends_with("\nentry and more\n"), "{stdout}");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_set_and_felt() {
    let Some(bench) = Bench::new().await else { return };
    // Grows without end: the last process to reach into memory is the one that the kernel kills.
    let command = Command {
        value: "exec tail /dev/zero".to_owned(),
        shell: true,
        rlimits: vec![proto_types::task::Rlimit { name: "NOFILE".to_owned(), soft: Some(77), hard: Some(99) }],
        ..Command::default()
    };
    let mut spec = bench.spec("");
    spec.task = Arc::new(task(command, &[(ResourceName::Cpus, 500), (ResourceName::Mem, 32_000)]));
    let mut started = bench.start(&spec).await.unwrap();
    let inspected = bench.engine.docker().unwrap().inspect_container(&started.id, None).await.unwrap();
    let host = inspected.host_config.unwrap();
    assert_eq!((host.memory, host.cpu_shares), (Some(32 << 20), Some(512)));
    assert!(host.pids_limit.unwrap() > 0);
    let limit = &host.ulimits.unwrap()[0];
    assert_eq!((limit.name.as_deref(), limit.soft, limit.hard), (Some("nofile"), Some(77), Some(99)));
    let labels = inspected.config.unwrap().labels.unwrap();
    assert_eq!(labels.get("of").map(String::as_str), Some("task"));
    let mut exit = bench.wait(&started.id).await;
    // The engine hears of the end and of its cause on two ways; where the cause comes later, it never tells it.
    for _ in 0..5 {
        assert_eq!(exit.code, 137);
        if exit.oom_killed {
            break;
        }
        bench.engine.remove(&started.id).await.unwrap();
        started = bench.start(&spec).await.unwrap();
        exit = bench.wait(&started.id).await;
    }
    assert!(exit.oom_killed, "its cause is told");
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_life_adopts_container_and_output() {
    let Some(mut bench) = Bench::new().await else { return };
    let labels = [bench.label.clone()];
    assert_eq!(bench.engine.find(&labels).await.unwrap(), None);
    let go = |number: u32| format!("while [ ! -e {SANDBOX}/{number} ]; do sleep 0.05; done");
    let command = format!("seq 1 3000; {}; seq 3001 6000; {}; seq 6001 9000", go(1), go(2));
    let started = bench.start(&bench.spec(&command)).await.unwrap();
    bench.says("\n1500\n").await;
    for life in 1..=2 {
        // The engine of an earlier life goes at any point of the output, and the container goes on.
        bench.engine = Engine::new(None);
        std::fs::write(bench.sandbox.path().join(life.to_string()), "").unwrap();
        let found = bench.engine.find(&labels).await.unwrap().unwrap();
        assert_eq!(found.id, started.id);
        if life == 1 {
            assert!(found.running && found.exit.is_none());
            bench.says("\n4000\n").await;
        }
    }
    assert_eq!(bench.wait(&started.id).await.code, 0);
    let expected: String = (1..=9000).map(|number| format!("{number}\n")).collect();
    assert!(bench.file("stdout") == expected, "{} bytes", bench.file("stdout").len());
    // Ended containers are found as well, and what they said is not said again.
    bench.engine = Engine::new(None);
    let found = bench.engine.find(&labels).await.unwrap().unwrap();
    assert_eq!((found.running, found.exit.map(|exit| exit.code)), (false, Some(0)));
    bench.wait(&started.id).await;
    assert!(bench.file("stdout") == expected);
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_nobody_waits_for_leaves_nothing() {
    let Some(bench) = Bench::new().await else { return };
    let spec = bench.spec("sleep 1000");
    // Given up while the engine creates.
    let _ = timeout(Duration::from_millis(30), bench.engine.start(&spec, &|_| (), &CancellationToken::new())).await;
    let until = Instant::now() + PATIENCE;
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_secs(1) {
        if !bench.left().await.is_empty() {
            quiet = Instant::now();
        }
        assert!(Instant::now() < until, "the container is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_is_not_wanted_does_not_wait_for_its_image() {
    let Some(bench) = Bench::new().await else { return };
    // A registry that never answers.
    let registry = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut spec = bench.spec("true");
    spec.docker.image = format!("localhost:{}/x:1", registry.local_addr().unwrap().port());
    let unwanted = CancellationToken::new();
    let asked = async {
        let connection = tokio::task::spawn_blocking(move || registry.accept().unwrap()).await.unwrap();
        unwanted.cancel();
        connection
    };
    let (started, _connection) =
        timeout(PATIENCE, async { tokio::join!(bench.engine.start(&spec, &|_| (), &unwanted), asked) }).await.unwrap();
    assert!(matches!(started, Err(Error::Unwanted)), "{started:?}");
    bench.end().await;
}

/// Starts containers, eight at once, with nothing but the engine: how long it took.
async fn start_by_the_engine(bench: &Bench, many: usize) -> Duration {
    let docker = bench.engine.docker().unwrap();
    let began = Instant::now();
    let start = |_| async {
        let body = ContainerCreateBody {
            image: Some(bench.image.clone()),
            cmd: Some(vec!["sleep".to_owned(), "1000".to_owned()]),
            labels: Some([bench.label.clone()].into()),
            host_config: Some(HostConfig { network_mode: Some("host".to_owned()), ..HostConfig::default() }),
            ..ContainerCreateBody::default()
        };
        let id = docker.create_container(None, body).await.unwrap().id;
        docker.start_container(&id, None).await.unwrap();
    };
    futures::stream::iter(0..many).for_each_concurrent(8, start).await;
    began.elapsed()
}

/// The same as tasks.
async fn start_as_tasks(bench: &Bench, many: usize) -> Duration {
    let sandboxes: Vec<_> = (0..many).map(|_| tempfile::tempdir().unwrap()).collect();
    let began = Instant::now();
    let start = |sandbox: &tempfile::TempDir| {
        let mut spec = bench.spec("");
        let command = Command { value: "sleep".to_owned(), arguments: vec!["1000".to_owned()], ..Command::default() };
        (spec.sandbox, spec.task) = (sandbox.path().to_owned(), Arc::new(task(command, &[])));
        async move { bench.start(&spec).await.unwrap() }
    };
    futures::stream::iter(&sandboxes).for_each_concurrent(8, |sandbox| async { drop(start(sandbox).await) }).await;
    let took = began.elapsed();
    bench.clear().await;
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_costs_little_more_than_the_engine() {
    const MANY: usize = 16;
    let Some(bench) = Bench::new().await else { return };
    let mut took = [Duration::ZERO; 2];
    // In turns, so that what else the machine does weighs on both.
    for _ in 0..3 {
        took[0] += start_by_the_engine(&bench, MANY).await;
        bench.clear().await;
        took[1] += start_as_tasks(&bench, MANY).await;
    }
    let [engine, tasks] = took.map(|took| 3.0 * MANY as f64 / took.as_secs_f64());
    eprintln!("containers a second: {engine:.1} by the engine alone, {tasks:.1} as tasks");
    // A machine that others use too proves nothing finer.
    assert!(tasks > engine / 2.0, "{tasks:.1} instead of {engine:.1} containers a second");
    bench.end().await;
}

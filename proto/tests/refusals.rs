//! What is refused: which field, and what would be right.

use proffer_proto::{
    convert::{Invalid, link::FromMaster},
    storage::{self, v1::registry_change::Change},
    v1::{self, attribute, constraint, health_check::Probe, operation::Operation, resource::Value},
};
use proto_types::{
    Epoch, Scalar, SessionId, TaskState,
    executing::{FromExecutor, ToExecutor},
    files::FileRequest,
    link::FromAgent,
    registry::RegistryChange,
    scheduling::{CREDIT_MAX, Call, NumberedEvent, Subscribe},
};
use std::time::Duration;

fn cpus(milli: u64) -> v1::Resource {
    v1::Resource { name: "cpus".to_owned(), value: Some(Value::ScalarMilli(milli)), ..Default::default() }
}

fn ports(begin: u64, end: u64) -> v1::Resource {
    let ranges = v1::Ranges { ranges: vec![v1::Range { begin, end }] };
    v1::Resource { name: "ports".to_owned(), value: Some(Value::Ranges(ranges)), ..Default::default() }
}

fn set(name: &str, items: &[&str]) -> v1::Resource {
    let items = items.iter().map(ToString::to_string).collect();
    v1::Resource { name: name.to_owned(), value: Some(Value::Set(v1::StringSet { items })), ..Default::default() }
}

fn task() -> v1::TaskInfo {
    v1::TaskInfo {
        id: "t".to_owned(),
        resources: vec![cpus(100), ports(31_000, 31_005)],
        command: Some(v1::Command { value: "true".to_owned(), ..Default::default() }),
        ..Default::default()
    }
}

fn contained() -> v1::TaskInfo {
    let docker = v1::Docker { image: "debian:13".to_owned(), ..Default::default() };
    let container = v1::Container { kind: Some(v1::container::Kind::Docker(docker)) };
    v1::TaskInfo { container: Some(container), ..task() }
}

fn executor() -> v1::ExecutorInfo {
    let command = v1::Command { value: "./run".to_owned(), ..Default::default() };
    v1::ExecutorInfo { id: "mine".to_owned(), command: Some(command), ..Default::default() }
}

fn framework() -> v1::FrameworkInfo {
    v1::FrameworkInfo { name: "f".to_owned(), roles: vec!["a".to_owned(), "b/c".to_owned()], ..Default::default() }
}

fn subscribe() -> v1::SubscribeRequest {
    v1::SubscribeRequest { framework: Some(framework()), ..Default::default() }
}

fn accept(launch: v1::Launch) -> v1::AcceptRequest {
    let operations = vec![v1::Operation { operation: Some(Operation::Launch(launch)) }];
    let acceptance = v1::OfferAcceptance { offer_ids: vec!["o".to_owned()], operations, filters: None };
    v1::AcceptRequest {
        session_id: "s".to_owned(),
        request_id: "r".to_owned(),
        accepts: vec![acceptance],
        all_or_nothing: false,
    }
}

/// Checks that this is refused for that field, with these words.
#[track_caller]
fn refuses<D: std::fmt::Debug>(read: Result<D, Invalid>, field: &str, words: &str) {
    let invalid = read.expect_err(field);
    assert_eq!(invalid.field, field, "{}", invalid.message);
    assert!(invalid.message.contains(words), "{field}: {:?} does not say {words:?}", invalid.message);
}

/// Checks that a task changed so is refused for that field of it.
#[track_caller]
fn refuses_task(base: fn() -> v1::TaskInfo, change: impl FnOnce(&mut v1::TaskInfo), field: &str, words: &str) {
    let mut task = base();
    change(&mut task);
    let launch = v1::Launch { executor: None, tasks: vec![base(), task] };
    let read = <(SessionId, Call)>::try_from(accept(launch));
    refuses(read, &format!("accepts[0].operations[0].launch.tasks[1].{field}"), words);
}

/// Checks that a task changed so is refused as a whole.
#[track_caller]
fn refuses_own(change: impl FnOnce(&mut v1::TaskInfo), words: &str) {
    let mut task = task();
    change(&mut task);
    let read = <(SessionId, Call)>::try_from(accept(v1::Launch { executor: None, tasks: vec![task] }));
    refuses(read, "accepts[0].operations[0].launch.tasks[0]", words);
}

#[track_caller]
fn refuses_command(change: impl FnOnce(&mut v1::Command), field: &str, words: &str) {
    refuses_task(task, |task| change(task.command.as_mut().unwrap()), &format!("command.{field}"), words);
}

#[track_caller]
fn refuses_docker(change: impl FnOnce(&mut v1::Docker), field: &str, words: &str) {
    let change = |task: &mut v1::TaskInfo| {
        let Some(v1::container::Kind::Docker(docker)) = task.container.as_mut().and_then(|wire| wire.kind.as_mut())
        else {
            unreachable!("the base has a container")
        };
        change(docker);
    };
    refuses_task(contained, change, &format!("container.docker.{field}"), words);
}

#[test]
fn accepts() {
    let read = |change: fn(&mut v1::AcceptRequest)| {
        let mut wire = accept(v1::Launch { executor: None, tasks: vec![task()] });
        change(&mut wire);
        <(SessionId, Call)>::try_from(wire)
    };
    assert!(read(|_| {}).is_ok());
    refuses(read(|wire| wire.session_id.clear()), "session_id", "must not be empty");
    refuses(read(|wire| wire.request_id.clear()), "request_id", "must not be empty");
    refuses(read(|wire| wire.accepts.clear()), "accepts", "at least one");
    refuses(read(|wire| wire.accepts[0].offer_ids.clear()), "accepts[0].offer_ids", "at least one");
    refuses(read(|wire| wire.accepts[0].offer_ids.push("a/b".to_owned())), "accepts[0].offer_ids[1]", "'/'");
    let twice = |wire: &mut v1::AcceptRequest| wire.accepts.push(wire.accepts[0].clone());
    refuses(read(twice), "accepts[1].offer_ids[0]", "offer o stands here twice");
    let tasks = |wire: &mut v1::AcceptRequest| {
        let operation = wire.accepts[0].operations[0].clone();
        wire.accepts[0].operations.push(operation);
    };
    refuses(read(tasks), "accepts[0].operations[1].launch.tasks[0].id", "task t stands here twice");
    let nothing = |wire: &mut v1::AcceptRequest| wire.accepts[0].operations[0].operation = None;
    refuses(read(nothing), "accepts[0].operations[0].operation", "is required");
    let empty = |wire: &mut v1::AcceptRequest| {
        wire.accepts[0].operations[0].operation = Some(Operation::LaunchGroup(v1::Launch::default()));
    };
    refuses(read(empty), "accepts[0].operations[0].launch_group.tasks", "at least one");
}

#[test]
fn executors() {
    let read = |change: fn(&mut v1::ExecutorInfo)| {
        let mut executor = executor();
        change(&mut executor);
        <(SessionId, Call)>::try_from(accept(v1::Launch { executor: Some(executor), tasks: vec![task()] }))
    };
    let at = |field: &str| format!("accepts[0].operations[0].launch.executor.{field}");
    assert!(read(|_| {}).is_ok());
    refuses(read(|executor| executor.id.clear()), &at("id"), "must not be empty");
    refuses(read(|executor| executor.id = "built-in".to_owned()), &at("id"), "is taken");
    refuses(read(|executor| executor.command = None), &at("command.value"), "is required");
    refuses(
        read(|executor| executor.resources = vec![set("cpus", &["a"])]),
        &at("resources[0].scalar_milli"),
        "number",
    );
}

#[test]
fn tasks() {
    refuses_task(task, |task| task.id.clear(), "id", "must not be empty");
    refuses_task(task, |task| task.id = "x".repeat(256), "id", "256 bytes, at most 255");
    refuses_own(|task| task.data = vec![0; 512 * 1024], "at most 524288");
    refuses_task(task, |task| task.command = None, "command", "is required");
    refuses_task(task, |task| task.resources.clear(), "resources", "needs some cpus");
    refuses_task(task, |task| task.resources = vec![cpus(0)], "resources", "needs some cpus");
    refuses_task(task, |task| task.resources = vec![set("tags", &["a"])], "resources", "needs some cpus");
    refuses_task(task, |task| drop(task.labels.insert(String::new(), String::new())), r#"labels[""]"#, "name");
    let port = v1::DiscoveryPort { number: 80, protocol: "sctp".to_owned(), ..Default::default() };
    let discovery = v1::Discovery { ports: vec![port], ..Default::default() };
    refuses_task(task, |task| task.discovery = Some(discovery), "discovery.ports[0].protocol", "neither tcp nor udp");
    refuses_task(task, |task| task.container = Some(v1::Container::default()), "container.kind", "is required");
}

#[test]
fn resources() {
    let all = |resource: v1::Resource, field: &str, words: &str| {
        refuses_task(task, |task| task.resources.push(resource), &format!("resources[2]{field}"), words);
    };
    all(v1::Resource { name: String::new(), ..cpus(1) }, ".name", "must not be empty");
    all(v1::Resource { name: "a b".to_owned(), ..cpus(1) }, ".name", "spaces");
    all(v1::Resource { name: "a(b)".to_owned(), ..cpus(1) }, ".name", "'('");
    all(v1::Resource { value: None, ..cpus(1) }, ".value", "is required");
    all(cpus(u64::MAX), ".scalar_milli", "too many");
    all(v1::Resource { name: "mem".to_owned(), ..ports(1, 2) }, ".scalar_milli", "mem is a number");
    all(v1::Resource { name: "ports".to_owned(), ..cpus(1) }, ".ranges", "ports are ranges");
    all(ports(2, 1), ".ranges.ranges[0].end", "1 is below begin, 2");
    all(ports(0, 1), ".ranges", "ports are 1 to 65535");
    all(ports(1, 65_536), ".ranges", "ports are 1 to 65535");
    all(set("tags", &["a", "b,c"]), ".set.items[1]", "','");
    all(v1::Resource { volume_id: Some("v".to_owned()), ..cpus(1) }, ".volume_id", "only disk");
    let reserved = |reservation| v1::Resource { reservation: Some(reservation), ..cpus(1) };
    let reservation = |role: &str| v1::Reservation { role: role.to_owned(), ..Default::default() };
    all(reserved(reservation("")), ".reservation.role", "part \"\" is not allowed");
    all(reserved(reservation("*")), ".reservation.role", "everybody");
    let named = v1::Reservation { principal: "p".to_owned(), ..reservation("a") };
    all(reserved(named), ".reservation.principal", "only dynamic");

    let most = Scalar::MAX.milli();
    refuses_task(task, |task| task.resources = vec![cpus(most), cpus(most)], "resources", "cpus adds up");
}

#[test]
fn commands() {
    refuses_command(|command| command.value.clear(), "value", "is required");
    refuses_command(|command| command.value = "a\0b".to_owned(), "value", "NUL");
    let shell = |command: &mut v1::Command| {
        command.shell = true;
        command.arguments = vec!["a".to_owned()];
    };
    refuses_command(shell, "arguments", "not with shell");
    refuses_command(|command| command.arguments = vec!["a".to_owned(), "\0".to_owned()], "arguments[1]", "NUL");
    let variable = |command: &mut v1::Command| drop(command.environment.insert("A=B".to_owned(), String::new()));
    refuses_command(variable, r#"environment["A=B"]"#, "'='");
    refuses_command(|command| command.user = Some(String::new()), "user", "leave it out");
    refuses_command(|command| command.user = Some("a b".to_owned()), "user", "no user");
    let outside = |command: &mut v1::Command| command.working_directory = Some("../x".to_owned());
    refuses_command(outside, "working_directory", "leads out");
    let absolute = |command: &mut v1::Command| command.working_directory = Some("/tmp".to_owned());
    refuses_command(absolute, "working_directory", "leads out");

    let rlimit = |name: &'static str, soft, hard| {
        move |command: &mut v1::Command| command.rlimits.push(v1::Rlimit { name: name.to_owned(), soft, hard })
    };
    refuses_command(rlimit("RLIMIT_CORE", None, None), "rlimits[0].name", "none of AS");
    refuses_command(rlimit("CORE", Some(2), Some(1)), "rlimits[0].soft", "above the hard");
    refuses_command(rlimit("CORE", None, Some(1)), "rlimits[0].soft", "above the hard");
    let twice = |command: &mut v1::Command| {
        rlimit("CORE", None, None)(command);
        rlimit("CORE", None, None)(command);
    };
    refuses_command(twice, "rlimits[1].name", "CORE stands here twice");
}

#[test]
fn uris() {
    let uri = |value: &str, output: Option<&str>, sum: Option<&str>| {
        let uri = v1::Uri {
            value: value.to_owned(),
            output_file: output.map(str::to_owned),
            sha256: sum.map(str::to_owned),
            ..Default::default()
        };
        move |command: &mut v1::Command| command.uris = vec![uri]
    };
    refuses_command(uri("", None, None), "uris[0].value", "is required");
    refuses_command(uri("hdfs://a/b", None, None), "uris[0].value", "must begin with http://");
    refuses_command(uri("relative", None, None), "uris[0].value", "absolute path");
    refuses_command(uri("http://host/", None, None), "uris[0].output_file", "give one");
    refuses_command(uri("http://host", None, None), "uris[0].output_file", "give one");
    refuses_command(uri("http://host/a", Some("../b"), None), "uris[0].output_file", "leads out");
    refuses_command(uri("http://host/a", None, Some("12")), "uris[0].sha256", "64 hexadecimal");
    let mut command = v1::Command { value: "true".to_owned(), ..Default::default() };
    uri("http://host/a.tgz?b=/", None, None)(&mut command);
    let task = v1::TaskInfo { command: Some(command), ..task() };
    assert!(proto_types::TaskInfo::try_from(task).is_ok());
}

#[test]
fn containers() {
    refuses_docker(|docker| docker.image.clear(), "image", "is required");
    refuses_docker(|docker| docker.image = "--privileged".to_owned(), "image", "no image");
    refuses_docker(|docker| docker.network = 99, "network", "99");
    refuses_docker(|docker| docker.network_name = "n".to_owned(), "network_name", "only with");
    refuses_docker(|docker| docker.network = v1::DockerNetwork::Named.into(), "network_name", "is required");
    let map = |host_port, container_port| {
        move |docker: &mut v1::Docker| {
            docker.network = v1::DockerNetwork::Bridge.into();
            docker.port_mappings.push(v1::PortMapping { host_port, container_port, udp: false });
        }
    };
    refuses_docker(map(0, 80), "port_mappings[0].host_port", "1 to 65535");
    refuses_docker(map(31_000, 70_000), "port_mappings[0].container_port", "1 to 65535");
    refuses_docker(map(30_999, 80), "port_mappings[0].host_port", "not among the task's ports, [31000-31005]");
    let twice = |docker: &mut v1::Docker| {
        map(31_000, 80)(docker);
        map(31_000, 81)(docker);
    };
    refuses_docker(twice, "port_mappings[1].host_port", "mapped twice");
    let host = |docker: &mut v1::Docker| {
        map(31_000, 80)(docker);
        docker.network = 0;
    };
    refuses_docker(host, "port_mappings", "bridge or named");
    let mount = |source: &str, path: &str| {
        let mount = v1::Mount { source: source.to_owned(), container_path: path.to_owned(), read_only: false };
        move |docker: &mut v1::Docker| docker.volumes.push(mount)
    };
    refuses_docker(mount("", "/a"), "volumes[0].source", "is required");
    refuses_docker(mount("../a", "/a"), "volumes[0].source", "without '..'");
    refuses_docker(mount("/a", "a"), "volumes[0].container_path", "absolute");
    let twice = |docker: &mut v1::Docker| {
        mount("/a", "/a")(docker);
        mount("/b", "/a")(docker);
    };
    refuses_docker(twice, "volumes[1].container_path", "mounted twice");

    let limits = |task: &mut v1::TaskInfo| {
        let limit = v1::Rlimit { name: "CORE".to_owned(), ..Default::default() };
        task.command.as_mut().unwrap().rlimits.push(limit);
    };
    refuses_task(contained, limits, "command.rlimits", "not with a container");
    let relative = |task: &mut v1::TaskInfo| task.command.as_mut().unwrap().working_directory = Some("a".to_owned());
    refuses_task(contained, relative, "command.working_directory", "absolute");
}

#[test]
fn health_checks() {
    let all = |check: v1::HealthCheck, field: &str, words: &str| {
        refuses_task(task, |task| task.health_check = Some(check), &format!("health_check.{field}"), words);
    };
    let probe = |probe| v1::HealthCheck { probe: Some(probe), ..Default::default() };
    let http = |scheme: &str, port, path: &str| {
        probe(Probe::Http(v1::HttpProbe { scheme: scheme.to_owned(), port, path: path.to_owned() }))
    };
    all(v1::HealthCheck::default(), "probe", "is required");
    all(v1::HealthCheck { interval_ms: Some(0), ..http("", 80, "") }, "interval_ms", "at least 1");
    all(http("ftp", 80, ""), "http.scheme", "neither http nor https");
    all(http("", 0, ""), "http.port", "1 to 65535");
    all(http("", 80, "x"), "http.path", "begin with '/'");
    all(probe(Probe::Tcp(v1::TcpProbe { port: 65_536 })), "tcp.port", "1 to 65535");
    all(probe(Probe::Grpc(v1::GrpcProbe::default())), "grpc.port", "1 to 65535");
    all(probe(Probe::Command(v1::CommandProbe::default())), "command.command", "is required");
    let empty = v1::CommandProbe { command: Some(v1::Command::default()) };
    all(probe(Probe::Command(empty)), "command.command.value", "is required");
}

#[test]
fn subscriptions() {
    let read = |change: fn(&mut v1::SubscribeRequest)| {
        let mut wire = subscribe();
        change(&mut wire);
        Subscribe::try_from(wire)
    };
    refuses(read(|wire| wire.framework = None), "framework", "is required");
    refuses(read(|wire| wire.framework.as_mut().unwrap().name.clear()), "framework.name", "is required");
    refuses(read(|wire| wire.framework.as_mut().unwrap().roles[1] = "b//c".to_owned()), "framework.roles[1]", "part");
    refuses(read(|wire| wire.framework.as_mut().unwrap().roles[1] = "a".to_owned()), "framework.roles[1]", "twice");
    refuses(
        read(|wire| wire.framework.as_mut().unwrap().hostname = "x".repeat(300_000)),
        "framework",
        "at most 262144",
    );
    refuses(read(|wire| wire.cluster_id = "a/b".to_owned()), "cluster_id", "'/'");
    refuses(
        read(|wire| wire.suppressed_roles = vec!["c".to_owned()]),
        "suppressed_roles[0]",
        "does not have the role c",
    );
    refuses(read(|wire| wire.resume = Some(v1::Resume::default())), "resume.session_id", "must not be empty");
    let elsewhere = |wire: &mut v1::SubscribeRequest| {
        wire.offer_constraints.insert("c".to_owned(), v1::OfferConstraints::default());
    };
    refuses(read(elsewhere), r#"offer_constraints["c"]"#, "does not have the role c");
}

#[test]
fn constraints() {
    let read = |constraints: v1::OfferConstraints| {
        let mut wire = subscribe();
        wire.offer_constraints.insert("a".to_owned(), constraints);
        Subscribe::try_from(wire)
    };
    let one = |selector, predicate| {
        let group = v1::ConstraintGroup { constraints: vec![v1::Constraint { selector, predicate }] };
        read(v1::OfferConstraints { groups: vec![group], minimum: Vec::new() })
    };
    let at = |field: &str| format!(r#"offer_constraints["a"].groups[0].constraints[0].{field}"#);
    let exists = Some(constraint::Predicate::Exists(true));
    refuses(one(None, exists.clone()), &at("selector"), "is required");
    refuses(one(Some(constraint::Selector::AgentField(0)), exists.clone()), &at("agent_field"), "hostname, region");
    refuses(one(Some(constraint::Selector::Attribute(String::new())), exists), &at("attribute"), "is required");
    refuses(one(Some(constraint::Selector::AgentField(1)), None), &at("predicate"), "is required");
    let minimum = |resource| read(v1::OfferConstraints { groups: Vec::new(), minimum: vec![resource] });
    let at = r#"offer_constraints["a"].minimum[0]"#;
    refuses(minimum(ports(1, 2)), at, "ports must be a number here");
    refuses(minimum(v1::Resource { revocable: true, ..cpus(1) }), at, "plain amount");
}

#[test]
fn other_calls() {
    let session_id = || "s".to_owned();
    let updates = vec![v1::Acknowledgement { task_id: "t".to_owned(), sequence: 0 }];
    let acknowledge = v1::AcknowledgeRequest { session_id: session_id(), acknowledgements: updates };
    refuses(<(SessionId, Call)>::try_from(acknowledge), "acknowledgements[0].sequence", "without a number");
    let kill = v1::KillRequest { session_id: session_id(), task_ids: vec![String::new()], grace_ms: None };
    refuses(<(SessionId, Call)>::try_from(kill), "task_ids[0]", "must not be empty");
    let revive = v1::ReviveRequest { session_id: session_id(), roles: vec!["a".to_owned(), "a".to_owned()] };
    refuses(<(SessionId, Call)>::try_from(revive), "roles[1]", "role a stands here twice");
    let message = v1::SendMessageRequest {
        session_id: session_id(),
        agent_id: "a".to_owned(),
        executor_id: "e".to_owned(),
        data: vec![0; 512 * 1024 + 1],
    };
    refuses(<(SessionId, Call)>::try_from(message), "data", "524289 bytes, at most 524288");
    let shape = v1::TaskShape { resources: vec![ports(3, 2)], role: String::new() };
    let explain =
        v1::ExplainRequest { session_id: session_id(), subject: Some(v1::explain_request::Subject::Shape(shape)) };
    refuses(<(SessionId, Call)>::try_from(explain), "shape.resources[0].ranges.ranges[0].end", "below begin");
}

fn register() -> v1::Register {
    let agent = v1::AgentInfo { hostname: "h".to_owned(), ..Default::default() };
    let latest = v1::TaskStatus { task_id: "t".to_owned(), state: 3, ..Default::default() };
    let held = v1::AgentTask {
        framework_id: "f".to_owned(),
        executor_id: "e".to_owned(),
        task: Some(task()),
        task_id: "t".to_owned(),
        latest: Some(latest),
        unacknowledged: Vec::new(),
        role: "*".to_owned(),
    };
    v1::Register { agent: Some(agent), tasks: vec![held], ..Default::default() }
}

#[test]
fn registrations() {
    let read = |change: fn(&mut v1::Register)| {
        let mut register = register();
        change(&mut register);
        let message = v1::agent_message::Message::Register(register);
        FromAgent::try_from(v1::AgentMessage { message: Some(message) })
    };
    assert!(read(|_| {}).is_ok());
    refuses(FromAgent::try_from(v1::AgentMessage::default()), "message", "is required");
    refuses(read(|register| register.agent = None), "register.agent", "is required");
    refuses(read(|register| register.agent.as_mut().unwrap().hostname.clear()), "register.agent.hostname", "required");
    let attribute = |register: &mut v1::Register| {
        let value = Some(attribute::Value::Text("x".to_owned()));
        register.agent.as_mut().unwrap().attributes = vec![v1::Attribute { name: "a:b".to_owned(), value }];
    };
    refuses(read(attribute), "register.agent.attributes[0].name", "':'");
    let large = |register: &mut v1::Register| register.agent.as_mut().unwrap().isolation = "x".repeat(300_000);
    refuses(read(large), "register.agent", "at most 262144");
    refuses(read(|register| register.tasks[0].role.clear()), "register.tasks[0].role", "not allowed");
    refuses(read(|register| register.tasks[0].latest = None), "register.tasks[0].latest", "is required");
    let other = |register: &mut v1::Register| register.tasks[0].task_id = "u".to_owned();
    refuses(read(other), "register.tasks[0].task.id", "differs from task_id, u");
    let state = |register: &mut v1::Register| register.tasks[0].latest.as_mut().unwrap().state = 0;
    refuses(read(state), "register.tasks[0].latest.state", "is required");
    let unknown = |register: &mut v1::Register| register.tasks[0].latest.as_mut().unwrap().state = 99;
    refuses(read(unknown), "register.tasks[0].latest.state", "99 is no state");
}

#[test]
fn executors_and_files() {
    let update = v1::ExecutorUpdate { number: 0, status: None };
    let updates = v1::executor_call::Call::Updates(v1::ExecutorUpdates { updates: vec![update] });
    refuses(
        FromExecutor::try_from(v1::ExecutorCall { call: Some(updates) }),
        "updates.updates[0].number",
        "numbered from 1",
    );
    let status = v1::TaskStatus { task_id: "t".to_owned(), state: 3, data: vec![0; 1 << 20], ..Default::default() };
    let update = v1::ExecutorUpdate { number: 1, status: Some(status) };
    let updates = v1::executor_call::Call::Updates(v1::ExecutorUpdates { updates: vec![update] });
    let call = v1::ExecutorCall { call: Some(updates) };
    refuses(FromExecutor::try_from(call), "updates.updates[0]", "at most 524288");
    let subscribe = v1::executor_call::Call::Subscribe(v1::ExecutorSubscribe {
        framework_id: "f".to_owned(),
        executor_id: "e".to_owned(),
        ..Default::default()
    });
    let call = v1::ExecutorCall { call: Some(subscribe) };
    refuses(FromExecutor::try_from(call), "subscribe.token", "is required");
    let launch = v1::TaskLaunch { task: Some(task()), sandbox: "relative".to_owned(), ..Default::default() };
    let launch = v1::executor_event::Event::Launch(v1::ExecutorLaunch { tasks: vec![launch], group: false });
    let event = v1::ExecutorEvent { event: Some(launch) };
    refuses(ToExecutor::try_from(event), "launch.tasks[0].sandbox", "absolute");

    let request = |path: &str, action: v1::FileAction| v1::FileRequest {
        framework_id: "f".to_owned(),
        task_id: "t".to_owned(),
        path: path.to_owned(),
        action: action.into(),
        ..Default::default()
    };
    for path in ["../a", "/etc/passwd", "a/../../b", ".."] {
        refuses(FileRequest::try_from(request(path, v1::FileAction::Read)), "path", "leads out of the sandbox");
    }
    refuses(FileRequest::try_from(request("a", v1::FileAction::Unspecified)), "action", "list, read or follow");
    assert!(FileRequest::try_from(request("a..b/...", v1::FileAction::List)).is_ok());
}

#[test]
fn stored_changes() {
    let read = |change| {
        RegistryChange::try_from(storage::v1::RegistryChange { principal: String::new(), change: Some(change) })
    };
    let nothing = storage::v1::RegistryChange::default();
    refuses(RegistryChange::try_from(nothing), "change", "is required");
    let nameless = storage::v1::FrameworkRegistered { info: Some(framework()), ..Default::default() };
    refuses(read(Change::FrameworkRegistered(nameless)), "framework_registered.info.id", "is required");
    let limit = vec![cpus(1), cpus(2)];
    let role = storage::v1::RoleUpdated { role: "a".to_owned(), weight_milli: 1, limit };
    refuses(read(Change::RoleUpdated(role)), "role_updated.limit[1].name", "cpus stands here twice");
    let agent_id = || "a".to_owned();
    let drain = storage::v1::AgentDrainBegun { agent_id: agent_id(), drain: None };
    refuses(read(Change::AgentDrainBegun(drain)), "agent_drain_begun.drain", "is required");
    let unavailability = Some(v1::Unavailability { start_ms: 5, end_ms: Some(5) });
    let planned = storage::v1::AgentMaintenanceScheduled { agent_id: agent_id(), unavailability };
    let field = "agent_maintenance_scheduled.unavailability.end_ms";
    refuses(read(Change::AgentMaintenanceScheduled(planned)), field, "must be later than start_ms");
}

#[test]
fn what_is_absent_gets_its_default() {
    let subscribe = Subscribe::try_from(v1::SubscribeRequest {
        framework: Some(v1::FrameworkInfo { name: "f".to_owned(), ..Default::default() }),
        credit: Some(v1::Credit { offers: 7, updates: 0 }),
        ..Default::default()
    })
    .unwrap();
    assert_eq!(subscribe.framework.failover_timeout, Duration::from_secs(3600));
    assert_eq!(subscribe.framework.roles, [proto_types::Role::any()]);
    assert_eq!((subscribe.wants.credit.offers, subscribe.wants.credit.updates), (7, CREDIT_MAX));

    let probe = Probe::Http(v1::HttpProbe { port: 80, ..Default::default() });
    let check = v1::HealthCheck { probe: Some(probe), ..Default::default() };
    let mut wire = v1::TaskInfo { health_check: Some(check), discovery: Some(v1::Discovery::default()), ..task() };
    let uri = v1::Uri { value: "/a/b".to_owned(), ..Default::default() };
    wire.command.as_mut().unwrap().uris.push(uri);
    let task = proto_types::TaskInfo::try_from(wire).unwrap();
    let check = task.health_check.unwrap();
    assert_eq!((check.delay, check.interval), (Duration::from_secs(15), Duration::from_secs(10)));
    assert_eq!((check.timeout, check.grace_period), (Duration::from_secs(20), Duration::from_secs(10)));
    assert_eq!(check.consecutive_failures, 3);
    assert_eq!((task.name.as_str(), task.discovery.unwrap().name.as_str()), ("t", "t"));
    assert!(task.command.uris[0].extract);
    assert_eq!((task.kill_grace, task.max_completion_time), (None, None));

    let long = v1::Filters { refuse_ms: Some(u64::MAX) };
    for (filters, refuse) in [(None, 5), (Some(v1::Filters::default()), 5), (Some(long), 365 * 24 * 3600)] {
        let decline = v1::DeclineRequest { session_id: "s".to_owned(), offer_ids: Vec::new(), filters };
        let (_, call) = <(SessionId, Call)>::try_from(decline).unwrap();
        assert!(matches!(call, Call::Decline { filters, .. } if filters.refuse == Duration::from_secs(refuse)));
    }
}

/// Numbers that only a newer version knows say nothing wrong where the protos allow nothing to be said.
#[test]
fn newer_neighbours_are_understood() {
    let status = v1::TaskStatus { task_id: "t".to_owned(), state: 3, source: 99, reason: 99, ..Default::default() };
    let updates = v1::event::Event::Updates(v1::Updates { statuses: vec![status] });
    let event = NumberedEvent::try_from(v1::Event { number: 1, epoch: 1, event: Some(updates) }).unwrap();
    let proto_types::scheduling::Event::Updates(statuses) = event.event else { panic!("updates are read as such") };
    assert_eq!((statuses[0].state, statuses[0].reason), (TaskState::Running, None));

    let refused = v1::Refused { reason: 99, message: String::new() };
    let message = Some(v1::master_message::Message::Refused(refused));
    let (epoch, said) = <(Epoch, FromMaster)>::try_from(v1::MasterMessage { epoch: 3, message }).unwrap();
    assert_eq!(epoch, Epoch(3));
    let reason = proto_types::link::RefusedReason::NotLeader;
    let refused = proto_types::link::ToAgent::Refused { reason, message: String::new() };
    assert_eq!(said, FromMaster::Control(refused));
}

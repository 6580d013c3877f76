//! A whole cluster by the commands that people use.

use assert_cmd::Command;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

/// How long anything may take; far more than it does.
const PATIENCE: Duration = Duration::from_secs(60);

/// `proffer up`, asked to end when it is dropped.
struct Cluster {
    child: Child,
    address: String,
    directory: PathBuf,
}

impl Cluster {
    fn up(agents: u32) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_proffer"))
            .args(["up", "--port", &port.to_string(), "--agents", &agents.to_string()])
            .env("PROFFER_DOCKER_SOCKET", "/no/such/engine")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("the cluster comes up").unwrap();
        let directory = first.rsplit(' ').next().unwrap().into();
        assert!(lines.any(|line| line.unwrap().starts_with("Ctrl-C")), "it says how it ends");
        Self { child, address: format!("127.0.0.1:{port}"), directory }
    }

    fn proffer(&self, arguments: &[&str]) -> assert_cmd::assert::Assert {
        let mut command = Command::new(env!("CARGO_BIN_EXE_proffer"));
        command.env("PROFFER_MASTER", &self.address).args(arguments).timeout(PATIENCE).assert()
    }

    fn start(&self, arguments: &[&str]) -> Child {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_proffer"));
        command.env("PROFFER_MASTER", &self.address).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The master's process.
    fn master(&self) -> Pid {
        let entries = std::fs::read_dir("/proc").unwrap();
        let mut pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let is_master = |pid: &i32| {
            let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            command.contains(&format!("\0master\0--listen\0{}\0", self.address))
        };
        Pid::from_raw(pids.find(is_master).expect("the master runs"))
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let assert = self.proffer(arguments).success();
        serde_json::from_slice(&assert.get_output().stdout).unwrap()
    }

    fn interrupt(&self) {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).unwrap();
    }

    /// Ends it; nothing may be left.
    fn down(mut self) {
        self.interrupt();
        assert!(self.child.wait().unwrap().success());
        assert!(!self.directory.exists(), "{} is left", self.directory.display());
        let directory = self.directory.display().to_string();
        let left: Vec<String> = std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| std::fs::read(entry.ok()?.path().join("environ")).ok())
            .map(|environment| String::from_utf8_lossy(&environment).into_owned())
            .filter(|environment| environment.contains(&directory))
            .collect();
        assert!(left.is_empty(), "processes of the cluster are left");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.interrupt();
            let _ = self.child.wait();
        }
    }
}

#[test]
fn a_command_runs_and_its_exit_code_is_the_commands() {
    let cluster = Cluster::up(2);
    cluster.proffer(&["run", "--", "echo", "hello"]).success().stdout("hello\n").stderr("");
    cluster.proffer(&["run", "--shell", "--", "echo $NAME >&2; exit 7"]).code(7).stdout("");
    let assert = cluster.proffer(&["run", "--env", "NAME=x y", "--shell", "--", "echo $NAME >&2"]).success();
    assert_eq!(String::from_utf8_lossy(&assert.get_output().stderr), "x y\n");
    cluster.proffer(&["run", "--shell", "--", "kill -KILL $$"]).code(137);
    let assert = cluster.proffer(&["run", "--", "/no/such/program"]).code(1);
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("/no/such/program"));
    let assert = cluster.proffer(&["run", "--docker", "any", "--name", "contained"]).code(1).stdout("");
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(told.starts_with("proffer: contained is FAILED: ") && told.contains("/no/such/engine"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");

    let assert = cluster.proffer(&["run", "--instances", "3", "--name", "many", "--", "echo", "hi"]).success();
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["many.0 | hi", "many.1 | hi", "many.2 | hi"]);

    assert_eq!(cluster.json(&["agents", "--json"]).as_array().unwrap().len(), 2);
    let tasks = cluster.json(&["tasks", "--json"]);
    let hello = tasks.as_array().unwrap().iter().find(|task| task["id"] == "many.1").unwrap();
    assert_eq!(hello["state"], "FINISHED");
    cluster.proffer(&["logs", "many.1"]).success().stdout("hi\n");
    let files = cluster.json(&["files", "many.1", "--json"]);
    assert!(files.as_array().unwrap().iter().any(|file| file["path"] == "stdout"));
    cluster.proffer(&["logs", "nothing"]).code(1);
    cluster.down();
}

#[test]
fn a_running_task_is_found_and_killed() {
    let cluster = Cluster::up(1);
    let mut running = std::process::Command::new(env!("CARGO_BIN_EXE_proffer"))
        .env("PROFFER_MASTER", &cluster.address)
        .args(["run", "--name", "sleeper", "--", "sh", "-c", "echo ready; exec sleep 600"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready", "output comes while it runs");
    assert_eq!(cluster.json(&["tasks", "--active", "--json"]).as_array().unwrap().len(), 1);
    let why = cluster.json(&["why", "sleeper", "--json"]);
    assert!(why["summary"].as_str().unwrap().contains("RUNNING"), "{why}");
    cluster.proffer(&["kill", "sleeper"]).success().stdout("");
    assert_eq!(running.wait().unwrap().code(), Some(143));
    cluster.down();
}

#[test]
fn a_request_to_end_kills_what_was_run() {
    let cluster = Cluster::up(1);
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut running = cluster.start(&["run", "--", "sh", "-c", "echo ready; exec sleep 600"]);
        let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        kill(Pid::from_raw(running.id().cast_signed()), signal).unwrap();
        assert_eq!(running.wait().unwrap().code(), Some(130), "{signal}");
        assert!(cluster.json(&["tasks", "--active", "--json"]).as_array().unwrap().is_empty());
    }
    cluster.down();
}

#[test]
fn what_nobody_reads_ends() {
    let cluster = Cluster::up(1);
    let mut running = cluster.start(&["run", "--", "yes"]);
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "y");
    drop(lines);
    assert!(running.wait().unwrap().success());
    assert!(cluster.json(&["tasks", "--active", "--json"]).as_array().unwrap().is_empty());
    cluster.down();
}

#[test]
fn a_watched_list_comes_back_with_the_master() {
    let cluster = Cluster::up(1);
    let mut watching = cluster.start(&["agents", "--watch", "--json"]);
    let mut lists = BufReader::new(watching.stdout.take().unwrap()).lines();
    lists.next().unwrap().unwrap();
    kill(cluster.master(), Signal::SIGKILL).unwrap();
    let mut said = BufReader::new(watching.stderr.take().unwrap()).lines();
    assert!(said.next().unwrap().unwrap().contains("lost the master"));
    lists.next().expect("the list is shown again").unwrap();
    watching.kill().unwrap();
    watching.wait().unwrap();
    cluster.down();
}

#[test]
fn a_cluster_whose_welcome_nobody_reads_leaves_nothing() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let temporary = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_proffer"))
        .args(["up", "--port", &port.to_string()])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert!(std::fs::read_dir(temporary.path()).unwrap().next().is_none(), "something is left");
}

#[test]
fn map_gathers_outputs_in_order_and_lists_failures() {
    let cluster = Cluster::up(2);
    let inputs: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let mut arguments = vec!["map", "--cpus", "0.1", "--", "echo", "<{}>", ":::"];
    arguments.extend(inputs.iter().map(String::as_str));
    let expected: String = inputs.iter().map(|input| format!("<{input}>\n")).collect();
    cluster.proffer(&arguments).success().stdout(expected).stderr("");

    let script = "test $1 != b && echo $1";
    let arguments = ["map", "--retries", "2", "--", "sh", "-c", script, "sh", "{}", ":::", "a", "b", "c"];
    let assert = cluster.proffer(&arguments).code(1).stdout("a\nc\n");
    let text = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(text.contains("b: exit code 1") && text.contains("3 attempts"), "{text}");
    assert!(text.contains("1 of 3 inputs failed"), "{text}");
    cluster.down();
}

#[test]
fn what_cannot_run_is_explained_and_a_second_cluster_refused() {
    let cluster = Cluster::up(1);
    let mut waiting = std::process::Command::new(env!("CARGO_BIN_EXE_proffer"))
        .env("PROFFER_MASTER", &cluster.address)
        .args(["run", "--cpus", "100000", "--", "true"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    assert!(line.contains("cpus:100000"), "{line}");
    waiting.kill().unwrap();
    waiting.wait().unwrap();

    let port = cluster.address.rsplit(':').next().unwrap();
    let assert = cluster.proffer(&["up", "--port", port]).code(2).stdout("");
    assert_eq!(String::from_utf8_lossy(&assert.get_output().stderr).lines().count(), 1);
    cluster.proffer(&["role", "set", "research", "--weight", "2.5", "--limit", "cpus:1"]).success();
    let roles = cluster.json(&["roles", "--json"]);
    let research = roles.as_array().unwrap().iter().find(|role| role["role"] == "research").unwrap();
    assert_eq!((&research["weight"], &research["limit"]), (&2.5.into(), &"cpus:1".into()));
    cluster.down();
}

#[test]
fn a_cluster_that_is_interrupted_early_leaves_nothing() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let temporary = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_proffer"))
        .args(["up", "--port", &port.to_string()])
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Its directory is the first thing it makes, after it listens for signals.
    while std::fs::read_dir(temporary.path()).unwrap().next().is_none() {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let pid = Pid::from_raw(child.id().cast_signed());
    for _ in 0..2 {
        // It may be gone after the first.
        let _ = kill(pid, Signal::SIGINT);
    }
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130), "{status:?}");
    assert!(std::fs::read_dir(temporary.path()).unwrap().next().is_none(), "something is left");
}

/// What a failed command says.
fn failure(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

#[test]
fn agents_are_taken_out_of_use_and_given_back() {
    let cluster = Cluster::up(2);
    let agents = |key: &str| -> Vec<String> {
        let agents = cluster.json(&["agents", "--json"]);
        agents.as_array().unwrap().iter().map(|agent| agent[key].as_str().unwrap().to_owned()).collect()
    };
    let (ids, hostnames) = (agents("id"), agents("hostname"));
    cluster.proffer(&["agent", "drain", &hostnames[0], "--deadline", "10s", "--wait"]).success().stdout("");
    assert_eq!(agents("duty")[0], "DRAINED");
    cluster.proffer(&["agent", "drain", &ids[0]]).success();
    cluster.proffer(&["agent", "deactivate", &ids[1]]).success();
    let becomes = |duties: [&str; 2]| {
        let begun = std::time::Instant::now();
        while agents("duty") != duties {
            assert!(begun.elapsed() < PATIENCE, "{:?} do not become {duties:?}", agents("duty"));
        }
    };
    becomes(["DRAINED", "DEACTIVATED"]);
    let assert = cluster.proffer(&["agents"]).success();
    let table = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    assert!(table.contains("DRAINED") && table.contains("DEACTIVATED"), "{table}");
    cluster.proffer(&["agent", "reactivate", &ids[0], &ids[1]]).success();
    becomes(["ACTIVE", "ACTIVE"]);

    cluster.proffer(&["maintenance", "schedule", "--in", "1h", "--for", "30m", &ids[0]]).success();
    let planned = cluster.json(&["maintenance", "show", "--json"]);
    assert_eq!((planned[0]["agent_id"].as_str(), planned.as_array().unwrap().len()), (Some(ids[0].as_str()), 1));
    cluster.proffer(&["maintenance", "schedule", &ids[0]]).success();
    becomes(["DRAINED", "ACTIVE"]);
    cluster.proffer(&["maintenance", "cancel", &ids[0]]).success();
    becomes(["ACTIVE", "ACTIVE"]);
    assert_eq!(cluster.json(&["maintenance", "show", "--json"]).as_array().unwrap().len(), 0);

    cluster.proffer(&["agent", "gone", &ids[1]]).success();
    cluster.proffer(&["agent", "gone", &ids[1]]).success();
    let assert = cluster.proffer(&["agent", "drain", &ids[1]]).failure();
    assert!(failure(&assert).contains(&format!("agent {} was marked gone", ids[1])), "{}", failure(&assert));
    let assert = cluster.proffer(&["agent", "drain", "nowhere"]).failure();
    assert_eq!(failure(&assert), "proffer: there is no agent nowhere\n");
    cluster.down();
}

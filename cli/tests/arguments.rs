//! What may stand on the command line, and what is said of what may not.

use assert_cmd::{Command, assert::Assert};

fn proffer(arguments: &[&str]) -> Assert {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proffer"));
    command.env_remove("PROFFER_MASTER").args(arguments).assert()
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

/// Exit code 2, nothing on standard output, and one line that names what is wrong.
fn misused(arguments: &[&str], named: &str) {
    let assert = proffer(arguments).code(2).stdout("");
    let text = stderr(&assert);
    assert_eq!(text.lines().count(), 1, "{arguments:?}: {text}");
    assert!(text.starts_with("proffer: ") && text.contains(named), "{arguments:?}: {text}");
}

#[test]
fn what_is_wrong_is_named_in_one_line() {
    misused(&["agents", "--master", "nowhere"], "--master");
    misused(&["agents", "--master", "127.0.0.1:0"], "--master");
    misused(&["run", "--cpus", "many", "--", "true"], "--cpus");
    misused(&["run", "--cpus", "-1", "--", "true"], "--cpus");
    misused(&["map", "--mem", "-1", "--", "true", ":::", "a"], "--mem");
    misused(&["run", "--instances", "0", "--", "true"], "--instances");
    misused(&["run", "--env", "NAME", "--", "true"], "--env");
    misused(&["run", "--network", "bridge", "--", "true"], "--docker");
    misused(&["run", "--docker", "x", "--volume", "x", "--", "true"], "--volume");
    misused(&["run", "--name", "a/b", "--", "true"], "--name");
    misused(&["run", "--kill-grace", "soon", "--", "true"], "--kill-grace");
    misused(&["run"], "COMMAND");
    misused(&["map", ":::", "a"], "COMMAND");
    misused(&["up", "--agents", "0"], "--agents");
    misused(&["up", "--port", "70000"], "--port");
    misused(&["up", "--dir", "/proc/nowhere"], "--dir");
    misused(&["role", "set", "r"], "--weight");
    misused(&["role", "set", "r", "--limit", "cpus:x"], "--limit");
    misused(&["role", "set", "r", "--weight", "-1"], "--weight");
    misused(&["demo", "--input", "/no/such/directory"], "--input");
    misused(&["completions", "tcl"], "SHELL");
    misused(&["master", "--listen", "nowhere"], "--listen");
    misused(&["master", "--log", "a=b=c"], "--log");
    misused(&["agent", "--config", "/no/such/file"], "--config");
    misused(&["agent", "drain"], "AGENT");
    misused(&["agent", "drain", "--deadline", "-5s", "a"], "-5");
    misused(&["agent", "drain", "--max-grace", "soon", "a"], "--max-grace");
    misused(&["agent", "gone"], "AGENT");
    misused(&["agent", "bogus"], "bogus");
    misused(&["maintenance", "schedule", "--start", "2020-01-01T00:00:00Z", "--for", "1h", "a"], "--start");
    misused(&["maintenance", "schedule", "--start", "soon", "a"], "--start");
    misused(&["maintenance", "schedule", "--for", "0s", "a"], "--for");
    misused(&["bogus"], "bogus");
}

#[test]
fn no_master_is_one_clear_line() {
    for command in [
        &["agents"][..],
        &["tasks", "--json"],
        &["kill", "t"],
        &["why", "x"],
        &["logs", "t"],
        &["agent", "drain", "a"],
        &["maintenance", "show"],
    ] {
        // Nobody listens on port 1.
        let arguments: Vec<&str> = command.iter().copied().chain(["--master", "127.0.0.1:1"]).collect();
        misused(&arguments, "127.0.0.1:1");
    }
}

#[test]
fn several_masters_may_be_named() {
    misused(&["agents", "--master", "127.0.0.1:1,127.0.0.1:2"], "127.0.0.1:1");
}

#[test]
fn the_environment_names_a_master() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proffer"));
    let assert = command.env("PROFFER_MASTER", "127.0.0.1:1").arg("roles").assert().code(2);
    assert!(stderr(&assert).contains("127.0.0.1:1"));
}

#[test]
fn help_is_data() {
    let assert = proffer(&["--help"]).success().stderr("");
    let text = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
    for command in
        ["demo", "up", "run", "map", "agents", "frameworks", "tasks", "offers", "roles", "logs", "kill", "why"]
    {
        assert!(text.contains(&format!("\n  {command} ")), "{command} is not in {text}");
    }
    assert!(!text.contains("launcher"), "what people do not start is hidden");
    proffer(&["--version"]).success().stderr("");
    proffer(&[]).code(2).stdout("");
}

#[test]
fn shells_complete_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let assert = proffer(&["completions", shell]).success();
        let script = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
        assert!(script.contains("frameworks"), "{shell}");
    }
}

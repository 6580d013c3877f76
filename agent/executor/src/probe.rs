//! One look at a task's health.

use crate::{
    fetch::{plain, words},
    users::{self, Account},
};
use bollard::{
    Docker,
    exec::{CreateExecOptions, StartExecResults},
};
use futures::StreamExt;
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::{Pid, getpgid},
};
use proto_types::health::Probe;
use std::{
    net::{IpAddr, SocketAddr},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::Stdio,
    sync::OnceLock,
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

/// Where a task is asked.
pub(crate) struct Target {
    /// Where it listens.
    pub(crate) address: IpAddr,
    /// Where commands run.
    pub(crate) commands: Commands,
}

/// Where commands that ask about a task run.
pub(crate) enum Commands {
    /// As a process beside it.
    Process { sandbox: PathBuf, environment: Vec<(String, String)>, user: Option<String> },
    /// In its container.
    Container { docker: Docker, id: String },
}

/// Asks once. The caller ends it by dropping it; nothing of it is left running then.
///
/// # Errors
/// Why the task is not healthy, in words.
pub(crate) async fn probe(probe: &Probe, target: &Target) -> Result<(), String> {
    match probe {
        Probe::Http { scheme, port, path } => http(scheme, SocketAddr::new(target.address, *port), path).await,
        Probe::Tcp { port } => {
            let opened = tokio::net::TcpStream::connect(SocketAddr::new(target.address, *port)).await;
            opened.map(drop).map_err(|error| plain(&error))
        }
        Probe::Grpc { port, service } => grpc(SocketAddr::new(target.address, *port), service).await,
        Probe::Command { command, shell, environment } => {
            let command = if *shell {
                ["/bin/sh", "-c"].map(str::to_owned).into_iter().chain(command.iter().cloned()).collect()
            } else {
                command.clone()
            };
            let added = environment.iter().map(|(name, value)| (name.clone(), value.clone()));
            match &target.commands {
                Commands::Process { sandbox, environment, user } => {
                    let environment = environment.iter().cloned().chain(added).collect();
                    process(command, sandbox.clone(), environment, user.as_deref()).await
                }
                Commands::Container { docker, id } => in_container(docker, id, command, added.collect()).await,
            }
        }
    }
}

async fn http(scheme: &str, address: SocketAddr, path: &str) -> Result<(), String> {
    static CLIENT: OnceLock<Result<reqwest::Client, String>> = OnceLock::new();
    let made = CLIENT.get_or_init(|| {
        crate::tls();
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        // Who answers is asked nothing but whether it answers; the certificate is for its users to check.
        let builder = builder.tls_danger_accept_invalid_certs(true).no_proxy();
        // A connection kept from before says nothing about whether another opens.
        builder.pool_max_idle_per_host(0).build().map_err(|error| words(&error))
    });
    let client = made.as_ref().map_err(Clone::clone)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let response =
        client.get(format!("{scheme}://{address}{slash}{path}")).send().await.map_err(|error| words(&error))?;
    let status = response.status();
    if (200..400).contains(&status.as_u16()) { Ok(()) } else { Err(status.to_string()) }
}

async fn grpc(address: SocketAddr, service: &str) -> Result<(), String> {
    let channel = kit::channel::tcp(&address.to_string()).await.map_err(|error| words(&error))?;
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(channel).check(request).await.map_err(|status| said(&status))?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        other => Err(other.as_str_name().to_owned()),
    }
}

/// What a failed call means: what broke the connection, what the server says, or at least its code.
fn said(status: &tonic::Status) -> String {
    match (std::error::Error::source(status), status.message()) {
        (Some(cause), _) => words(cause),
        (None, "") => status.code().description().to_owned(),
        (None, message) => message.replace(['\n', '\r'], " "),
    }
}

/// Ends the whole group of a command that nobody waits for any more.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        let _ = killpg(self.0, Signal::SIGKILL);
    }
}

async fn process(
    command: Vec<String>,
    sandbox: PathBuf,
    environment: Vec<(String, String)>,
    user: Option<&str>,
) -> Result<(), String> {
    let (program, arguments) = command.split_first().ok_or("there is no command")?;
    let mut starting = tokio::process::Command::new(program);
    starting
        .args(arguments)
        .env_clear()
        .envs(environment)
        .current_dir(sandbox)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(user) = user.map(users::find_other).transpose()?.flatten() {
        run_as(&mut starting, user);
    }
    let mut child = starting.spawn().map_err(|error| format!("cannot execute {program:?}: {}", plain(&error)))?;
    let group = child.id().and_then(|pid| i32::try_from(pid).ok()).map(|pid| Group(Pid::from_raw(pid)));
    let status = child.wait().await.map_err(|error| plain(&error))?;
    drop(group);
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(format!("exited with code {code}")),
        (None, signal) => {
            let name = signal.and_then(|signal| Signal::try_from(signal).ok()).map(Signal::as_str);
            Err(format!("was killed by {}", name.unwrap_or("a signal")))
        }
    }
}

/// Has the command run as the task's user with all groups, as the task does.
fn run_as(command: &mut tokio::process::Command, user: Account) {
    // SAFETY: between fork and exec only system calls that are async-signal-safe are made, and no memory is allocated.
    #[expect(unsafe_code, reason = "no safe form sets more than one group")]
    unsafe {
        command.pre_exec(move || user.assume());
    }
}

async fn in_container(
    docker: &Docker,
    id: &str,
    command: Vec<String>,
    environment: Vec<(String, String)>,
) -> Result<(), String> {
    if command.is_empty() {
        return Err("there is no command".to_owned());
    }
    let environment = environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let options = CreateExecOptions {
        cmd: Some(command),
        env: Some(environment),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(id, options).await.map_err(|error| refused(&error))?.id;
    let mut running = Execution { docker, container: id, exec: Some(exec.clone()) };
    let started = docker.start_exec(&exec, None).await.map_err(|error| refused(&error))?;
    if let StartExecResults::Attached { mut output, .. } = started {
        while output.next().await.is_some() {}
    }
    let ended = docker.inspect_exec(&exec).await.map_err(|error| refused(&error))?;
    let code = ended.exit_code.ok_or("it still runs")?;
    running.exec = None;
    if code == 0 { Ok(()) } else { Err(format!("exited with code {code}")) }
}

fn refused(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.replace(['\n', '\r'], " "),
        other => words(other),
    }
}

/// A command in a container. The engine does not end it when nobody listens any more, and has no call for it.
struct Execution<'a> {
    docker: &'a Docker,
    container: &'a str,
    exec: Option<String>,
}

impl Drop for Execution<'_> {
    fn drop(&mut self) {
        let (Some(exec), Ok(runtime)) = (self.exec.take(), tokio::runtime::Handle::try_current()) else { return };
        let (docker, container) = (self.docker.clone(), self.container.to_owned());
        runtime.spawn(async move {
            let Ok(state) = docker.inspect_exec(&exec).await else { return };
            let pid = state.pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 1);
            if let (Some(true), Some(pid)) = (state.running, pid) {
                kill_in(&container, Pid::from_raw(pid));
            }
        });
    }
}

/// Ends a process and its group if it is one of the container's. An engine may count the processes of another machine.
fn kill_in(container: &str, pid: Pid) {
    let cgroup = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    if container.is_empty() || !cgroup.contains(container) {
        return;
    }
    let leads = getpgid(Some(pid)) == Ok(pid);
    let _ = if leads { killpg(pid, Signal::SIGKILL) } else { kill(pid, Signal::SIGKILL) };
}

#[cfg(test)]
mod tests;

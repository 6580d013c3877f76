//! One look at a task's health.

use crate::fetch::words;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use proto_types::health::Probe;
use std::{
    net::{IpAddr, SocketAddr},
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
    Container { docker: bollard::Docker, id: String },
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
            opened.map(drop).map_err(|error| error.to_string())
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
        builder.tls_danger_accept_invalid_certs(true).no_proxy().build().map_err(|error| words(&error))
    });
    let client = made.as_ref().map_err(Clone::clone)?;
    let response = client.get(format!("{scheme}://{address}{path}")).send().await.map_err(|error| words(&error))?;
    let status = response.status();
    if (200..400).contains(&status.as_u16()) { Ok(()) } else { Err(status.to_string()) }
}

async fn grpc(address: SocketAddr, service: &str) -> Result<(), String> {
    let channel = kit::channel::tcp(&address.to_string()).await.map_err(|error| kit::exit::chain(&error))?;
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = HealthClient::new(channel).check(request).await.map_err(|status| status.message().to_owned())?;
    match answer.into_inner().status() {
        ServingStatus::Serving => Ok(()),
        other => Err(other.as_str_name().to_owned()),
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
    let user = user.map(crate::processes::user_by_name).transpose()?;
    if let Some(user) = user.filter(|user| user.uid != crate::processes::own_user()) {
        starting.uid(user.uid).gid(user.gid);
    }
    let mut child = starting.spawn().map_err(|error| format!("cannot execute {program:?}: {error}"))?;
    let group = child.id().and_then(|pid| i32::try_from(pid).ok()).map(|pid| Group(Pid::from_raw(pid)));
    let status = child.wait().await.map_err(|error| error.to_string())?;
    drop(group);
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

async fn in_container(
    docker: &bollard::Docker,
    id: &str,
    command: Vec<String>,
    environment: Vec<(String, String)>,
) -> Result<(), String> {
    use bollard::exec::{CreateExecOptions, StartExecResults};
    use futures::StreamExt;
    let environment = environment.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let options = CreateExecOptions {
        cmd: Some(command),
        env: Some(environment),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let said = |error: bollard::errors::Error| error.to_string();
    let exec = docker.create_exec(id, options).await.map_err(said)?;
    if let StartExecResults::Attached { mut output, .. } = docker.start_exec(&exec.id, None).await.map_err(said)? {
        while output.next().await.is_some() {}
    }
    match docker.inspect_exec(&exec.id).await.map_err(said)?.exit_code {
        Some(0) => Ok(()),
        Some(code) => Err(format!("exited with code {code}")),
        None => Err("it still runs".to_owned()),
    }
}

//! What is run: commands, what they fetch, and their limits.

use super::{
    Invalid,
    at::{At, list},
    text::{self, environment, filled, optional_filled, sandbox_path, stays_inside, without_nul},
};
use crate::v1;
use proto_types::task::{Command, Rlimit, Uri};

/// The limits that `setrlimit` knows.
const RLIMITS: [&str; 16] = [
    "AS",
    "CORE",
    "CPU",
    "DATA",
    "FSIZE",
    "LOCKS",
    "MEMLOCK",
    "MSGQUEUE",
    "NICE",
    "NOFILE",
    "NPROC",
    "RSS",
    "RTPRIO",
    "RTTIME",
    "SIGPENDING",
    "STACK",
];

/// Where a command will run, which decides what it may say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// As a process of the agent.
    Process,
    /// In a container.
    Container,
    /// Wherever a framework's own executor runs it.
    OwnExecutor,
}

pub(crate) fn command(wire: v1::Command, place: Place, at: &At<'_>) -> Result<Command, Invalid> {
    if wire.value.is_empty() && (wire.shell || place == Place::Process) {
        return Err(at.field("value").missing());
    }
    if wire.shell && !wire.arguments.is_empty() {
        return Err(at.field("arguments").invalid("not with shell; write them into value, or leave shell out"));
    }
    if place == Place::Container && !wire.rlimits.is_empty() {
        return Err(at.field("rlimits").invalid("not with a container"));
    }
    let directory = optional_filled(wire.working_directory, &at.field("working_directory"))?;
    Ok(Command {
        value: without_nul(wire.value, &at.field("value"))?,
        shell: wire.shell,
        arguments: list(wire.arguments, &at.field("arguments"), without_nul)?,
        environment: environment(wire.environment, &at.field("environment"))?,
        uris: list(wire.uris, &at.field("uris"), uri)?,
        user: text::user(wire.user, &at.field("user"))?,
        working_directory: working_directory(directory, place, &at.field("working_directory"))?,
        rlimits: rlimits(wire.rlimits, &at.field("rlimits"))?,
    })
}

fn working_directory(directory: Option<String>, place: Place, at: &At<'_>) -> Result<Option<String>, Invalid> {
    match (directory, place) {
        (Some(directory), Place::Container) => text::absolute_path(directory, at).map(Some),
        (Some(directory), Place::Process) => sandbox_path(directory, at).map(Some),
        (directory, _) => Ok(directory),
    }
}

fn uri(wire: v1::Uri, at: &At<'_>) -> Result<Uri, Invalid> {
    let value = filled(wire.value, &at.field("value"))?;
    let known = ["http://", "https://", "file:///", "/"].iter().any(|start| value.starts_with(start));
    if !known {
        let message = "must begin with http://, https:// or file:///, or be an absolute path on the agent";
        return Err(at.field("value").invalid(format_args!("{value:?} {message}")));
    }
    let output_file = optional_filled(wire.output_file, &at.field("output_file"))?
        .map(|path| sandbox_path(path, &at.field("output_file")))
        .transpose()?;
    if output_file.is_none() && !names_a_file(&value) {
        return Err(at.field("output_file").invalid(format_args!("{value:?} does not end in a file's name; give one")));
    }
    if let Some(sum) = &wire.sha256
        && (sum.len() != 64 || !sum.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        return Err(at.field("sha256").invalid("must be 64 hexadecimal digits"));
    }
    Ok(Uri {
        value,
        extract: wire.extract.unwrap_or(true),
        executable: wire.executable,
        cache: wire.cache,
        output_file,
        sha256: wire.sha256,
    })
}

fn names_a_file(uri: &str) -> bool {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let name = path.rsplit('/').next().unwrap_or_default();
    !name.is_empty() && name != "." && stays_inside(name)
}

fn rlimits(wire: Vec<v1::Rlimit>, at: &At<'_>) -> Result<Vec<Rlimit>, Invalid> {
    let mut limits: Vec<Rlimit> = Vec::with_capacity(wire.len());
    for (index, v1::Rlimit { name, soft, hard }) in wire.into_iter().enumerate() {
        let at = at.index(index);
        if !RLIMITS.contains(&name.as_str()) {
            return Err(at.field("name").invalid(format_args!("{name:?} is none of {}", RLIMITS.join(", "))));
        }
        if limits.iter().any(|limit| limit.name == name) {
            return Err(at.field("name").invalid(format_args!("{name} stands here twice")));
        }
        if hard.is_some_and(|hard| soft.is_none_or(|soft| soft > hard)) {
            return Err(at.field("soft").invalid("must not be above the hard limit"));
        }
        limits.push(Rlimit { name, soft, hard });
    }
    Ok(limits)
}

impl From<&Command> for v1::Command {
    fn from(command: &Command) -> Self {
        Self {
            value: command.value.clone(),
            shell: command.shell,
            arguments: command.arguments.clone(),
            environment: command.environment.clone(),
            uris: command.uris.iter().map(v1::Uri::from).collect(),
            user: command.user.clone(),
            working_directory: command.working_directory.clone(),
            rlimits: command.rlimits.iter().map(v1::Rlimit::from).collect(),
        }
    }
}

impl From<&Uri> for v1::Uri {
    fn from(uri: &Uri) -> Self {
        Self {
            value: uri.value.clone(),
            extract: Some(uri.extract),
            executable: uri.executable,
            cache: uri.cache,
            output_file: uri.output_file.clone(),
            sha256: uri.sha256.clone(),
        }
    }
}

impl From<&Rlimit> for v1::Rlimit {
    fn from(limit: &Rlimit) -> Self {
        Self { name: limit.name.clone(), soft: limit.soft, hard: limit.hard }
    }
}

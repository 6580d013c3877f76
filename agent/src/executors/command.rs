//! The command that starts an executor: in a session of its own, with its output in files of its sandbox.

use super::{
    machine::Launcher,
    sandbox::{Draft, append},
};
use agent_core::fact::ExecutorStart;
use agent_executor::{
    fetch::Owner,
    rlimits,
    users::{self, Account},
};
use nix::unistd::setsid;
use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// Where an executor is started, and as whom.
#[derive(Debug)]
pub(super) enum Place {
    /// The built-in executor, in its directory, as the agent.
    BuiltIn(PathBuf),
    /// A custom one, in a sandbox that is being made.
    Custom { draft: Draft, user: Option<Account> },
}

impl Place {
    /// Makes the directories that the executor needs.
    pub(super) fn prepare(launcher: &Launcher, start: &ExecutorStart) -> io::Result<Self> {
        let run = launcher.layout.run(&start.framework, &start.info.id);
        fs::create_dir_all(&run)?;
        if start.info.id.is_built_in() {
            return Ok(Self::BuiltIn(run));
        }
        let user = other_user(start.info.command.user.as_deref().or(start.user.as_deref()))?;
        let draft = Draft::make(&run, user.as_ref().map(Account::owner))?;
        Ok(Self::Custom { draft, user })
    }

    /// Where what is fetched goes.
    pub(super) fn directory(&self) -> &Path {
        match self {
            Self::BuiltIn(run) => run,
            Self::Custom { draft, .. } => draft.path(),
        }
    }

    /// To whom what is fetched belongs.
    pub(super) fn owner(&self) -> Option<Owner> {
        match self {
            Self::BuiltIn(_) => None,
            Self::Custom { user, .. } => user.as_ref().map(Account::owner),
        }
    }

    /// The command that starts the executor. From here on the sandbox is the executor's.
    pub(super) fn command(self, launcher: &Launcher, start: &ExecutorStart) -> io::Result<Command> {
        match self {
            Self::BuiltIn(run) => {
                let mut command = built_in(launcher, &run)?;
                command.stdout(append(&run.join("stdout"))?).stderr(append(&run.join("stderr"))?);
                finish(command, launcher, start, &run, None)
            }
            Self::Custom { draft, user } => {
                let sandbox = launcher.layout.executor_sandbox(&start.framework, &start.info.id);
                let mut command = custom(start);
                command.stdout(draft.output("stdout")?).stderr(draft.output("stderr")?);
                let directory = start.info.command.working_directory.as_deref().unwrap_or_default();
                command.current_dir(sandbox.join(draft.working_directory(directory)?));
                draft.hand_over(&sandbox)?;
                finish(command, launcher, start, &sandbox, user)
            }
        }
    }
}

/// Adds what all executors need.
fn finish(
    mut command: Command,
    launcher: &Launcher,
    start: &ExecutorStart,
    sandbox: &Path,
    user: Option<Account>,
) -> io::Result<Command> {
    let limits = start.info.command.rlimits.iter().map(rlimits::resolve);
    let limits = limits.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
    command
        .stdin(Stdio::null())
        .env("PROFFER_AGENT_SOCKET", &launcher.socket)
        .env("PROFFER_FRAMEWORK_ID", start.framework.as_str())
        .env("PROFFER_EXECUTOR_ID", start.info.id.as_str())
        .env("PROFFER_EXECUTOR_TOKEN", &start.token)
        .env("PROFFER_SANDBOX", sandbox)
        .kill_on_drop(false);
    // SAFETY: between fork and exec only system calls that are async-signal-safe are made, and no memory is allocated.
    #[expect(unsafe_code, reason = "the only way to a session and a user of its own")]
    unsafe {
        command.pre_exec(move || {
            setsid()?;
            limits.iter().try_for_each(|limit| limit.apply())?;
            user.as_ref().map_or(Ok(()), Account::assume)
        });
    }
    Ok(command)
}

/// The user of this name or number; none: the agent's own.
fn other_user(name: Option<&str>) -> io::Result<Option<Account>> {
    let user = name.map(users::find_other).transpose().map_err(io::Error::other)?.flatten();
    if user.is_some() && users::own() != 0 {
        let name = name.unwrap_or_default();
        return Err(io::Error::other(format!("cannot run as {name:?}: the agent itself does not run as root")));
    }
    Ok(user)
}

fn built_in(launcher: &Launcher, directory: &Path) -> io::Result<Command> {
    let mut command = match launcher.program.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
        None => {
            let mut command = Command::new(kit::program::own()?);
            command.arg("executor");
            command
        }
    };
    hide_settings(&mut command);
    command.current_dir(directory);
    command.envs(launcher.environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

fn custom(start: &ExecutorStart) -> Command {
    let described = &start.info.command;
    let mut command = if described.shell {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(&described.value);
        command
    } else {
        let mut command = Command::new(&described.value);
        command.args(&described.arguments);
        command
    };
    hide_settings(&mut command);
    command.envs(&described.environment);
    command
}

/// The agent's own settings are not for executors: an address may hold a password.
fn hide_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PROFFER_")) {
        command.env_remove(name);
    }
}

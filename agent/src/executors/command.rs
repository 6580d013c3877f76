//! The command that starts an executor: in a session of its own, with its output in files of its sandbox.

use super::{
    identity::Identity,
    machine::Launcher,
    sandbox::{Draft, append},
};
use agent_core::fact::ExecutorStart;
use agent_executor::fetch::Owner;
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
    Custom { draft: Draft, identity: Option<Identity> },
}

impl Place {
    /// Makes the directories that the executor needs.
    pub(super) fn prepare(launcher: &Launcher, start: &ExecutorStart) -> io::Result<Self> {
        let run = launcher.layout.run(&start.framework, &start.info.id);
        fs::create_dir_all(&run)?;
        if start.info.id.is_built_in() {
            return Ok(Self::BuiltIn(run));
        }
        let identity = Identity::find(start.info.command.user.as_deref().or(start.user.as_deref()))?;
        let draft = Draft::make(&run, identity.as_ref().map(Identity::owner))?;
        Ok(Self::Custom { draft, identity })
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
            Self::Custom { identity, .. } => identity.as_ref().map(Identity::owner),
        }
    }

    /// The command that starts the executor. From here on the sandbox is the executor's.
    pub(super) fn command(self, launcher: &Launcher, start: &ExecutorStart) -> io::Result<Command> {
        match self {
            Self::BuiltIn(run) => {
                let mut command = built_in(launcher, &run)?;
                command.stdout(append(&run.join("stdout"))?).stderr(append(&run.join("stderr"))?);
                Ok(finish(command, launcher, start, &run, None))
            }
            Self::Custom { draft, identity } => {
                let sandbox = launcher.layout.executor_sandbox(&start.framework, &start.info.id);
                let mut command = custom(start);
                command.stdout(draft.output("stdout")?).stderr(draft.output("stderr")?);
                let directory = start.info.command.working_directory.as_deref().unwrap_or_default();
                command.current_dir(sandbox.join(draft.working_directory(directory)?));
                draft.hand_over(&sandbox)?;
                Ok(finish(command, launcher, start, &sandbox, identity))
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
    identity: Option<Identity>,
) -> Command {
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
            identity.as_ref().map_or(Ok(()), Identity::assume)
        });
    }
    command
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
    command.envs(&described.environment);
    command
}

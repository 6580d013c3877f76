//! The command that starts an executor: in a session of its own, with its output in files of its sandbox.

use super::machine::Launcher;
use agent_core::fact::ExecutorStart;
use agent_executor::fetch::Owner;
use nix::unistd::{Gid, Uid, User, chown, geteuid, setgid, setgroups, setsid, setuid};
use std::{
    fs::{self, OpenOptions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// Whom a process becomes.
#[derive(Debug, Clone, Copy)]
struct Identity {
    user: Uid,
    group: Gid,
}

/// Where an executor is started, and as whom.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) sandbox: PathBuf,
    identity: Option<Identity>,
}

impl Place {
    /// Makes the directories that the executor needs.
    pub(super) fn prepare(launcher: &Launcher, start: &ExecutorStart) -> io::Result<Self> {
        let run = launcher.layout.run(&start.framework, &start.info.id);
        fs::create_dir_all(&run)?;
        if start.info.id.is_built_in() {
            return Ok(Self { sandbox: run, identity: None });
        }
        let identity = identity(start.info.command.user.as_deref().or(start.user.as_deref()))?;
        let sandbox = launcher.layout.executor_sandbox(&start.framework, &start.info.id);
        make_sandbox(&sandbox, identity)?;
        if identity.is_some() {
            // Another user reaches the socket; the token says whether it is an executor.
            fs::set_permissions(&launcher.socket, fs::Permissions::from_mode(0o666))?;
        }
        Ok(Self { sandbox, identity })
    }

    /// To whom what is fetched belongs.
    pub(super) fn owner(&self) -> Option<Owner> {
        self.identity.map(|identity| Owner { uid: identity.user.as_raw(), gid: identity.group.as_raw() })
    }

    /// The command that starts the executor.
    pub(super) fn command(&self, launcher: &Launcher, start: &ExecutorStart) -> io::Result<Command> {
        let mut command = if start.info.id.is_built_in() {
            built_in(launcher, &self.sandbox)?
        } else {
            custom(start, &self.sandbox)?
        };
        command
            .stdin(Stdio::null())
            .stdout(self.output("stdout")?)
            .stderr(self.output("stderr")?)
            .env("PROFFER_AGENT_SOCKET", &launcher.socket)
            .env("PROFFER_FRAMEWORK_ID", start.framework.as_str())
            .env("PROFFER_EXECUTOR_ID", start.info.id.as_str())
            .env("PROFFER_EXECUTOR_TOKEN", &start.token)
            .env("PROFFER_SANDBOX", &self.sandbox)
            .kill_on_drop(false);
        let identity = self.identity;
        // SAFETY: between fork and exec only system calls that are async-signal-safe are made, and no memory is
        // allocated.
        #[expect(unsafe_code, reason = "the only way to a session and a user of its own")]
        unsafe {
            command.pre_exec(move || become_other(identity));
        }
        Ok(command)
    }

    fn output(&self, name: &str) -> io::Result<fs::File> {
        let file = OpenOptions::new().append(true).create(true).open(self.sandbox.join(name))?;
        if let Some(Identity { user, group }) = self.identity {
            std::os::unix::fs::fchown(&file, Some(user.as_raw()), Some(group.as_raw()))?;
        }
        Ok(file)
    }
}

fn become_other(identity: Option<Identity>) -> io::Result<()> {
    setsid()?;
    if let Some(Identity { user, group }) = identity {
        setgroups(&[group])?;
        setgid(group)?;
        setuid(user)?;
    }
    Ok(())
}

fn built_in(launcher: &Launcher, directory: &Path) -> io::Result<Command> {
    let mut command = match launcher.program.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
        None => {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("executor");
            command
        }
    };
    command.current_dir(directory);
    command.envs(launcher.environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

fn custom(start: &ExecutorStart, sandbox: &Path) -> io::Result<Command> {
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
    command.current_dir(working_directory(sandbox, described.working_directory.as_deref())?);
    Ok(command)
}

fn working_directory(sandbox: &Path, relative: Option<&str>) -> io::Result<PathBuf> {
    let directory = sandbox.join(relative.unwrap_or_default());
    fs::create_dir_all(&directory)?;
    let (directory, sandbox) = (directory.canonicalize()?, sandbox.canonicalize()?);
    if directory.starts_with(&sandbox) {
        return Ok(directory);
    }
    Err(io::Error::other(format!("the working directory {} leads out of the sandbox", directory.display())))
}

fn make_sandbox(sandbox: &Path, identity: Option<Identity>) -> io::Result<()> {
    fs::create_dir_all(sandbox)?;
    let Some(Identity { user, group }) = identity else { return Ok(()) };
    chown(sandbox, Some(user), Some(group))?;
    let Some(framework) = sandbox.parent() else { return Ok(()) };
    fs::set_permissions(framework, fs::Permissions::from_mode(0o711))
}

/// Whom an executor of this user runs as; none: as the agent.
fn identity(name: Option<&str>) -> io::Result<Option<Identity>> {
    let Some(name) = name else { return Ok(None) };
    let found = User::from_name(name)?;
    let Some(user) = found else { return Err(io::Error::other(format!("there is no user {name:?} on this machine"))) };
    if user.uid == geteuid() {
        return Ok(None);
    }
    if !geteuid().is_root() {
        return Err(io::Error::other(format!("cannot run as {name:?}: the agent itself does not run as root")));
    }
    Ok(Some(Identity { user: user.uid, group: user.gid }))
}

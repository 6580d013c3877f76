//! Real processes that end with their owner.

use anyhow::{Context, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// A started process. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it prints goes to `<directory>/<name>.log`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(name: &str, directory: &Path, program: &Path, arguments: &[String]) -> Result<Self> {
        Self::start_with(name, directory, program, arguments, &[])
    }

    /// Starts a program with more in its environment than this process has.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start_with(
        name: &str,
        directory: &Path,
        program: &Path,
        arguments: &[String],
        environment: &[(String, String)],
    ) -> Result<Self> {
        let log = directory.join(format!("{name}.log"));
        let out = File::options().create(true).append(true).open(&log).context("open the log of a process")?;
        let errors = out.try_clone().context("open the log of a process twice")?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .current_dir(directory);
        // A test that is killed must not leave its processes behind.
        // SAFETY: prctl is async-signal-safe and touches nothing of the parent.
        #[expect(unsafe_code, reason = "there is no safe way to ask for a signal on the parent's death")]
        unsafe {
            command.pre_exec(|| {
                nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
                Ok(())
            });
        }
        let child = command.spawn().with_context(|| format!("start {}", program.display()))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// If it is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(self.pid(), signal).with_context(|| format!("send {signal} to {}", self.name))
    }

    /// Has it stand still, and waits until every thread of it does: they go on for a moment after the signal.
    ///
    /// # Errors
    /// If it is gone.
    pub async fn stop(&self) -> Result<()> {
        self.signal(Signal::SIGSTOP)?;
        let threads = format!("/proc/{}/task", self.pid());
        crate::wait::until(&format!("{} stands still", self.name), || async {
            let mut threads = std::fs::read_dir(&threads).ok()?.flatten();
            let stands = |thread: std::fs::DirEntry| {
                let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
                status.lines().any(|line| line.starts_with("State:") && line.contains("T (stopped)"))
            };
            threads.all(stands).then_some(())
        })
        .await
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If it does not end within [`crate::wait::PATIENCE`].
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let name = self.name.clone();
        let child = std::cell::RefCell::new(&mut self.child);
        crate::wait::until(&format!("{name} ended"), || async { child.borrow_mut().try_wait().ok().flatten() }).await
    }

    /// What it printed so far.
    #[must_use]
    pub fn printed(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let printed = self.printed();
            let tail: Vec<&str> = printed.lines().rev().take(40).collect();
            eprintln!("--- last lines of {}:", self.name);
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
        let _ = kill(self.pid(), Signal::SIGTERM);
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while std::time::Instant::now() < deadline {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::yield_now();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

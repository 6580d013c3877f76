//! Children that end.

use nix::{
    libc,
    sys::{
        signal::{SigSet, SigmaskHow, Signal, pthread_sigmask},
        signalfd::{SfdFlags, SignalFd},
        wait::WaitPidFlag,
    },
    unistd::Pid,
};
use proffer_proto::storage::v1::ProcessExited;

/// How a child ended, and what it used.
#[derive(Debug)]
pub(super) struct Ended {
    /// As the kernel tells it: nix knows no real-time signals, by which a process may end as well.
    status: libc::c_int,
    usage: libc::rusage,
}

impl Ended {
    /// Its exit code; none: a signal ended it.
    fn code(&self) -> Option<i32> {
        libc::WIFEXITED(self.status).then(|| libc::WEXITSTATUS(self.status))
    }

    /// The signal that ended it, if one did.
    fn signal(&self) -> Option<i32> {
        libc::WIFSIGNALED(self.status).then(|| libc::WTERMSIG(self.status))
    }

    /// Whether it was killed, as the kernel does it too when there is no memory.
    pub(super) fn was_killed(&self) -> bool {
        self.signal() == Some(libc::SIGKILL)
    }
}

/// Has the end of children come through a descriptor.
pub(super) fn watch() -> nix::Result<SignalFd> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGCHLD);
    pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&signals), None)?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

/// A child that has ended, with what it used.
pub(super) fn next_ended() -> Option<(Pid, Ended)> {
    let mut status = 0;
    // SAFETY: both pointers are to places of the right type that live through the call.
    #[expect(unsafe_code, reason = "waiting together with the use of resources has no safe form")]
    let (pid, usage) = unsafe {
        let mut usage = std::mem::zeroed::<libc::rusage>();
        (libc::wait4(-1, &raw mut status, WaitPidFlag::WNOHANG.bits(), &raw mut usage), usage)
    };
    (pid > 0).then(|| (Pid::from_raw(pid), Ended { status, usage }))
}

/// What is recorded of the end.
pub(super) fn exited(task_id: String, ended: &Ended, out_of_memory: String) -> ProcessExited {
    let millis = |time: libc::timeval| {
        u64::try_from(time.tv_sec).unwrap_or(0) * 1000 + u64::try_from(time.tv_usec).unwrap_or(0) / 1000
    };
    let usage = &ended.usage;
    ProcessExited {
        task_id,
        code: ended.code(),
        signal: ended.signal(),
        out_of_memory,
        user_ms: millis(usage.ru_utime),
        system_ms: millis(usage.ru_stime),
        resident_kib_max: u64::try_from(usage.ru_maxrss).unwrap_or(0),
    }
}

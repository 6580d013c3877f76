//! Children that end.

use nix::{
    libc,
    sys::{
        signal::{SigSet, SigmaskHow, Signal, pthread_sigmask},
        signalfd::{SfdFlags, SignalFd},
        wait::{WaitPidFlag, WaitStatus},
    },
    unistd::Pid,
};
use proffer_proto::storage::v1::ProcessExited;

/// How a child ended, and what it used.
pub(super) type Ended = (WaitStatus, libc::rusage);

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
    let pid = Pid::from_raw(pid);
    if pid.as_raw() <= 0 {
        return None;
    }
    WaitStatus::from_raw(pid, status).ok().map(|status| (pid, (status, usage)))
}

/// What is recorded of the end.
pub(super) fn exited(task_id: String, (status, usage): &Ended, out_of_memory: String) -> ProcessExited {
    let millis = |time: libc::timeval| {
        u64::try_from(time.tv_sec).unwrap_or(0) * 1000 + u64::try_from(time.tv_usec).unwrap_or(0) / 1000
    };
    let (code, signal) = match status {
        WaitStatus::Exited(_, code) => (Some(*code), None),
        WaitStatus::Signaled(_, signal, _) => (None, Some(*signal as i32)),
        _ => (None, None),
    };
    ProcessExited {
        task_id,
        code,
        signal,
        out_of_memory,
        user_ms: millis(usage.ru_utime),
        system_ms: millis(usage.ru_stime),
        resident_kib_max: u64::try_from(usage.ru_maxrss).unwrap_or(0),
    }
}

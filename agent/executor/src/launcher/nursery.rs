//! A process that lives in a cgroup and bears others there.
//!
//! Entering a cgroup takes a lock of the whole kernel and a millisecond of waiting; being born in one takes nothing. So
//! each cgroup keeps one process that entered it once. What it bears are the launcher's children, not its own
//! (`CLONE_PARENT`), so that the launcher waits for them.

use super::{
    Frames,
    spawn::{self, Parent},
};
use nix::{
    libc,
    sys::{
        prctl,
        signal::{Signal, kill},
        wait::waitpid,
    },
    unistd::{ForkResult, Pid, fork},
};
use proffer_proto::storage::v1::{LauncherRecord, ProcessFailed, ProcessSpec, ProcessStarted, launcher_record::Record};
use std::{
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

/// A nursery, as its launcher sees it.
#[derive(Debug)]
pub(super) struct Nursery {
    pid: Pid,
    stream: UnixStream,
    frames: Frames,
    alive: bool,
    /// Whether its end was waited for.
    reaped: bool,
}

impl Nursery {
    /// Makes one that enters a cgroup through these doors: files to which it writes `0`.
    pub(super) fn raise(doors: &[File]) -> io::Result<Self> {
        let (stream, inner) = UnixStream::pair()?;
        // SAFETY: the launcher has one thread, so its copy may do whatever it may do itself.
        #[expect(unsafe_code, reason = "a copy of this process is what is wanted")]
        match unsafe { fork() }? {
            ForkResult::Parent { child: pid } => {
                Ok(Self { pid, stream, frames: Frames::default(), alive: true, reaped: false })
            }
            ForkResult::Child => {
                drop(stream);
                let code = i32::from(live(inner, doors).is_err());
                // SAFETY: ends this process at once; nothing of the launcher's is to be dropped twice.
                unsafe { libc::_exit(code) }
            }
        }
    }

    /// Whether it is the process of this number. Once its end was waited for, the number may be another's.
    pub(super) fn is(&self, pid: Pid) -> bool {
        self.pid == pid && !self.reaped
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    /// It was seen to be gone.
    pub(super) fn on_gone(&mut self) {
        self.alive = false;
    }

    /// Its end was waited for.
    pub(super) fn on_reaped(&mut self) {
        (self.alive, self.reaped) = (false, true);
    }

    pub(super) fn stream(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    /// Asks for a process.
    pub(super) fn ask(&mut self, spec: &ProcessSpec) -> io::Result<()> {
        let mut bytes = Vec::new();
        Frames::write(spec, &mut bytes);
        self.stream.write_all(&bytes).inspect_err(|_| self.alive = false)
    }

    /// What came of it, once the stream is readable.
    pub(super) fn answer(&mut self) -> Result<ProcessStarted, String> {
        let record = receive::<LauncherRecord>(&mut self.stream, &mut self.frames);
        match record.map(|record| record.record) {
            Ok(Some(Record::Started(started))) => Ok(started),
            Ok(Some(Record::Failed(failed))) => Err(failed.message),
            Ok(_) | Err(_) => {
                self.alive = false;
                Err("the process that should start it in its cgroup ended".to_owned())
            }
        }
    }

    pub(super) fn end(self) {
        if self.reaped {
            return;
        }
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = waitpid(self.pid, None);
    }
}

fn receive<M: prost::Message + Default>(stream: &mut UnixStream, frames: &mut Frames) -> io::Result<M> {
    let mut bytes = [0_u8; 16384];
    loop {
        if let Some(message) = frames.next().map_err(|_| io::ErrorKind::InvalidData)? {
            return Ok(message);
        }
        match stream.read(&mut bytes)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => frames.push(&bytes[..count]),
        }
    }
}

/// The life of a nursery: enters, then bears one process for each request, and ends with its launcher.
fn live(stream: UnixStream, doors: &[File]) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    for door in doors {
        (&*door).write_all(b"0")?;
    }
    let mut stream = only(stream)?;
    let mut frames = Frames::default();
    loop {
        let spec: ProcessSpec = receive(&mut stream, &mut frames)?;
        let record = match spawn::start(&spec, Parent::Launcher) {
            Ok(started) => Record::Started(started),
            Err(message) => Record::Failed(ProcessFailed { task_id: spec.task_id, message }),
        };
        let mut bytes = Vec::new();
        Frames::write(&LauncherRecord { record: Some(record) }, &mut bytes);
        stream.write_all(&bytes)?;
    }
}

/// Closes everything but standard files and this stream: what the launcher holds open must end with the launcher.
fn only(stream: UnixStream) -> io::Result<UnixStream> {
    const KEPT: i32 = 3;
    use std::os::fd::{FromRawFd, IntoRawFd};
    let fd = stream.into_raw_fd();
    // SAFETY: plain system calls on descriptors; afterwards descriptor 3 is the stream's and nobody else's.
    #[expect(
        unsafe_code,
        reason = "descriptors of the launcher's objects are closed behind their backs, in a copy that never uses them"
    )]
    unsafe {
        if fd != KEPT && libc::dup3(fd, KEPT, libc::O_CLOEXEC) < 0 {
            return Err(io::Error::last_os_error());
        }
        libc::syscall(libc::SYS_close_range, KEPT + 1, libc::c_uint::MAX, 0);
        let kept = UnixStream::from_raw_fd(KEPT);
        debug_assert_eq!(kept.as_raw_fd(), KEPT);
        Ok(kept)
    }
}

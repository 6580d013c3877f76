//! From a description to a process.

use nix::{
    errno::Errno,
    libc,
    unistd::{ForkResult, Pid, fork},
};
use proffer_proto::storage::v1::ProcessSpec;
use std::{
    ffi::{CString, NulError},
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, OpenOptionsExt, chown},
    },
    path::Path,
};

/// Where a start got stuck, told through a pipe as one byte before the error number.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum Stage {
    Limits = 2,
    User = 3,
    Directory = 4,
    Execute = 5,
}

/// A process that has been forked and has not yet said whether its program runs.
#[derive(Debug)]
pub(super) struct Starting {
    pub(super) pid: Pid,
    /// Ends without a byte when the program runs.
    pub(super) answer: File,
    program: String,
    directory: String,
}

/// Whose child a new process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parent {
    /// Whoever starts it.
    Starter,
    /// The launcher, although a nursery starts it.
    Launcher,
}

/// Everything that the child needs, made before the fork: between fork and exec nothing may be allocated.
struct Prepared {
    candidates: Vec<CString>,
    arguments: Vec<*const libc::c_char>,
    environment: Vec<*const libc::c_char>,
    directory: CString,
    output: File,
    errors: File,
    input: File,
    user: Option<(libc::uid_t, libc::gid_t, Vec<libc::gid_t>)>,
    rlimits: Vec<(u32, libc::rlimit)>,
    // What the pointers above point into.
    _texts: Vec<CString>,
}

/// Forks a process for the description.
pub(super) fn start(spec: &ProcessSpec, parent: Parent) -> Result<Starting, String> {
    let prepared = prepare(spec)?;
    let (reader, writer) = pipe().map_err(|error| format!("cannot make a pipe: {error}"))?;
    // SAFETY: this process has one thread, and the child calls only async-signal-safe functions before it executes.
    #[expect(unsafe_code, reason = "starting a process with a session, a cgroup and limits of its own needs fork")]
    match unsafe { fork_for(parent) } {
        Err(error) => Err(format!("cannot fork: {error}")),
        Ok(ForkResult::Parent { child }) => {
            drop(writer);
            let (program, directory) = (spec.program.clone(), spec.directory.clone());
            Ok(Starting { pid: child, answer: File::from(reader), program, directory })
        }
        Ok(ForkResult::Child) => {
            let (stage, error) = become_program(&prepared);
            let answer = [stage as u8, error as u8];
            // SAFETY: plain system calls on a descriptor and bytes that are there; the process ends.
            unsafe {
                libc::write(writer.as_raw_fd(), answer.as_ptr().cast(), answer.len());
                libc::_exit(127);
            }
        }
    }
}

/// As fork; the child may be the launcher's.
///
/// # Safety
/// As fork: the process has one thread, or the child calls only async-signal-safe functions.
#[expect(unsafe_code, reason = "no safe form makes a child of somebody else")]
unsafe fn fork_for(parent: Parent) -> nix::Result<ForkResult> {
    if parent == Parent::Starter {
        // SAFETY: the caller's promise.
        return unsafe { fork() };
    }
    let flags = libc::CLONE_PARENT | libc::SIGCHLD;
    // SAFETY: without a stack and with no flag that shares anything, this is fork.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match Errno::result(pid)? {
        0 => Ok(ForkResult::Child),
        child => Ok(ForkResult::Parent { child: Pid::from_raw(i32::try_from(child).unwrap_or(0)) }),
    }
}

impl Starting {
    /// Whether the program runs, once the answer is readable; in words if not.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        let mut answer = [0_u8; 2];
        match self.answer.read(&mut answer) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.explain(answer[0], Errno::from_raw(i32::from(answer[1])))),
            Err(error) => Err(format!("cannot learn whether the program runs: {error}")),
        }
    }

    fn explain(&self, stage: u8, error: Errno) -> String {
        let what = error.desc();
        match stage {
            2 => format!("cannot set its limits: {what}"),
            3 => format!("cannot become its user: {what}; the agent must run as root for that"),
            4 => format!("cannot work in {:?}: {what}", self.directory),
            _ => format!("cannot execute {:?}: {what}", self.program),
        }
    }
}

fn prepare(spec: &ProcessSpec) -> Result<Prepared, String> {
    make_sandbox(spec)?;
    let sandbox = Path::new(&spec.sandbox);
    let open = |name: &str| {
        let file = OpenOptions::new().create(true).append(true).mode(0o644).open(sandbox.join(name));
        file.map_err(|error| format!("cannot write {}: {error}", sandbox.join(name).display()))
    };
    let (output, errors) = (open("stdout")?, open("stderr")?);
    let input = File::open("/dev/null").map_err(|error| format!("cannot read /dev/null: {error}"))?;
    let text = |text: &str| CString::new(text).map_err(|_: NulError| format!("{text:?} has a zero byte"));
    let arguments = spec.arguments.iter().map(|argument| text(argument)).collect::<Result<Vec<_>, _>>()?;
    let variables = spec.environment.iter().map(|(name, value)| text(&format!("{name}={value}")));
    let variables = variables.collect::<Result<Vec<_>, _>>()?;
    let pointers = |texts: &[CString]| {
        texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect::<Vec<*const libc::c_char>>()
    };
    let limit = |value: u64| if value == u64::MAX { libc::RLIM_INFINITY } else { value };
    Ok(Prepared {
        candidates: candidates(spec)?,
        arguments: pointers(&arguments),
        environment: pointers(&variables),
        directory: text(&spec.directory)?,
        output,
        errors,
        input,
        user: spec.user.as_ref().map(|user| (user.uid, user.gid, user.groups.clone())),
        rlimits: spec
            .rlimits
            .iter()
            .map(|of| (of.resource, libc::rlimit { rlim_cur: limit(of.soft), rlim_max: limit(of.hard) }))
            .collect(),
        _texts: arguments.into_iter().chain(variables).collect(),
    })
}

/// Makes the sandbox, if it is not there, as its user's.
fn make_sandbox(spec: &ProcessSpec) -> Result<(), String> {
    let sandbox = Path::new(&spec.sandbox);
    let failed = |error: io::Error| format!("cannot make the sandbox {}: {error}", spec.sandbox);
    fs::DirBuilder::new().recursive(true).mode(0o755).create(sandbox).map_err(failed)?;
    match &spec.user {
        Some(user) => chown(sandbox, Some(user.uid), Some(user.gid)).map_err(failed),
        None => Ok(()),
    }
}

/// The paths at which the program may be: itself, or its name in each directory of PATH.
fn candidates(spec: &ProcessSpec) -> Result<Vec<CString>, String> {
    let path = spec.environment.get("PATH").map_or("/usr/local/bin:/usr/bin:/bin", String::as_str);
    let texts: Vec<String> = if spec.program.contains('/') {
        vec![spec.program.clone()]
    } else {
        path.split(':').filter(|part| !part.is_empty()).map(|part| format!("{part}/{}", spec.program)).collect()
    };
    let texts = texts.into_iter().map(CString::new).collect::<Result<Vec<_>, _>>();
    texts.map_err(|_| format!("{:?} has a zero byte", spec.program))
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?)
}

/// Turns the child into the program; returns only if that fails. Nothing here allocates or locks.
#[expect(unsafe_code, reason = "between fork and exec only plain system calls are allowed")]
fn become_program(prepared: &Prepared) -> (Stage, i32) {
    let failed = |stage: Stage| (stage, Errno::last_raw());
    // SAFETY: every pointer is into `prepared`, which lives until exec; every descriptor is open.
    unsafe {
        libc::setsid();
        for (resource, limit) in &prepared.rlimits {
            if libc::setrlimit(*resource as libc::__rlimit_resource_t, limit) < 0 {
                return failed(Stage::Limits);
            }
        }
        libc::dup2(prepared.input.as_raw_fd(), 0);
        libc::dup2(prepared.output.as_raw_fd(), 1);
        libc::dup2(prepared.errors.as_raw_fd(), 2);
        let mut none = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        if let Some((uid, gid, groups)) = &prepared.user {
            let switched = libc::setgroups(groups.len(), groups.as_ptr()) == 0
                && libc::setgid(*gid) == 0
                && libc::setuid(*uid) == 0;
            if !switched {
                return failed(Stage::User);
            }
        }
        if libc::chdir(prepared.directory.as_ptr()) < 0 {
            return failed(Stage::Directory);
        }
        let mut error = libc::ENOENT;
        for candidate in &prepared.candidates {
            libc::execve(candidate.as_ptr(), prepared.arguments.as_ptr(), prepared.environment.as_ptr());
            match Errno::last_raw() {
                libc::ENOENT | libc::ENOTDIR => {}
                other => error = other,
            }
        }
        (Stage::Execute, error)
    }
}

/// What time it is in ticks since boot, as [`start_ticks`] of a process that is started now, give or take one.
pub(super) fn boot_ticks() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME);
    now.map_or(0, |now| {
        u64::try_from(now.tv_sec()).unwrap_or(0) * 100 + u64::try_from(now.tv_nsec()).unwrap_or(0) / 10_000_000
    })
}

/// Whether the process of this number is the one that started then.
pub(crate) fn is_same(pid: i32, ticks: u64) -> bool {
    start_ticks(pid).is_some_and(|actual| actual.abs_diff(ticks) <= 2)
}

/// When a process started, in ticks since boot; none if there is no such process.
fn start_ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain anything, so fields are counted from its closing parenthesis: the 20th after it.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

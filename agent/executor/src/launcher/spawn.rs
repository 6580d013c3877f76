//! From a description to a process.

use crate::{
    fetch::Owner,
    sandbox::{self, Access},
};
use nix::{errno::Errno, libc, unistd::Pid};
use proffer_proto::storage::v1::{ProcessSpec, ProcessStarted};
use std::{
    ffi::{CString, NulError},
    fs::{self, File, OpenOptions},
    os::{
        fd::AsRawFd,
        unix::fs::{OpenOptionsExt, fchown},
    },
    path::Path,
};

/// Where a start got stuck.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Limits,
    User,
    Directory,
    Execute,
}

/// Whose child a new process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parent {
    /// Whoever starts it.
    Starter,
    /// The launcher, although a nursery starts it.
    Launcher,
}

/// Everything that the child needs, made before it is there: until its program runs nothing may be allocated.
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

/// What parent and child share while the parent waits for the child's program to run.
struct Birth<'a> {
    prepared: &'a Prepared,
    failure: Option<(Stage, i32)>,
}

/// Between a look at the clock and the start that follows it at most, in hundredths of a second.
const TICKS_APART: u64 = 2;

/// The stack of a child until its program runs: a few frames of system calls need far less.
const STACK_BYTES: usize = 64 * 1024;

/// Starts a process for the description; it runs its program when this returns.
pub(super) fn start(spec: &ProcessSpec, parent: Parent) -> Result<ProcessStarted, String> {
    let prepared = prepare(spec)?;
    let mut birth = Birth { prepared: &prepared, failure: None };
    let mut stack = Vec::<u8>::with_capacity(STACK_BYTES);
    let parentage = if parent == Parent::Launcher { libc::CLONE_PARENT } else { 0 };
    // Memory is shared instead of copied, and the parent waits meanwhile: a fork would copy page tables for nothing.
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD | parentage;
    let shared = (&raw mut birth).cast::<libc::c_void>();
    let before = boot_ticks();
    // SAFETY: the stack and what is shared outlive the child's use of them, which ends with exec or exit, and this
    // process is suspended until then; the child makes only plain system calls.
    #[expect(unsafe_code, reason = "no safe form starts a process with a session, limits and a parent of choice")]
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(STACK_BYTES);
        let aligned = top.sub(top.align_offset(16) % 16);
        libc::clone(live, aligned.cast(), flags, shared)
    };
    let pid = Errno::result(pid).map_err(|error| format!("cannot start a process: {}", error.desc()))?;
    match birth.failure {
        None => Ok(ProcessStarted { task_id: spec.task_id.clone(), pid, start_ticks: started_at(pid, before) }),
        Some((stage, error)) => {
            if parent == Parent::Starter {
                let _ = nix::sys::wait::waitpid(Pid::from_raw(pid), None);
            }
            Err(explain(spec, stage, Errno::from_raw(error)))
        }
    }
}

/// The child's first and last function.
extern "C" fn live(shared: *mut libc::c_void) -> libc::c_int {
    // SAFETY: it is the parent's `Birth`, and the parent is suspended.
    #[expect(unsafe_code, reason = "what the kernel passes on is a bare pointer")]
    unsafe {
        let birth = &mut *shared.cast::<Birth<'_>>();
        birth.failure = Some(become_program(birth.prepared));
        libc::_exit(127)
    }
}

fn explain(spec: &ProcessSpec, stage: Stage, error: Errno) -> String {
    let what = error.desc();
    match stage {
        Stage::Limits => format!("cannot set its limits: {what}"),
        Stage::User => format!("cannot become its user: {what}; the agent must run as root for that"),
        Stage::Directory => format!("cannot work in {:?}: {what}", spec.directory),
        Stage::Execute => format!("cannot execute {:?}: {what}", spec.program),
    }
}

fn prepare(spec: &ProcessSpec) -> Result<Prepared, String> {
    make_sandbox(spec)?;
    let sandbox = Path::new(&spec.sandbox);
    let open = |name: &str| {
        // What was fetched into the sandbox may be a link.
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o644).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let file = options.open(sandbox.join(name)).and_then(|file| {
            // Its user may open its output anew, such as by /dev/stderr.
            if let Some(user) = &spec.user {
                fchown(&file, Some(user.uid), Some(user.gid))?;
            }
            Ok(file)
        });
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
    let owner = spec.user.as_ref().map(|user| Owner { uid: user.uid, gid: user.gid });
    let made = sandbox::make(Path::new(&spec.sandbox), owner.map_or(Access::Own, Access::Of));
    made.map_err(|error| format!("cannot make the sandbox {}: {error}", spec.sandbox))
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

/// Turns the child into the program; returns only if that fails. Nothing here allocates or locks.
#[expect(unsafe_code, reason = "before exec only plain system calls are allowed")]
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
            // The kernel's own calls: those of the C library speak to the threads of the process whose memory this is.
            let switched = libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) == 0
                && libc::syscall(libc::SYS_setgid, *gid) == 0
                && libc::syscall(libc::SYS_setuid, *uid) == 0;
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

/// What time it is in ticks since boot.
pub(super) fn boot_ticks() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME);
    now.map_or(0, |now| {
        u64::try_from(now.tv_sec()).unwrap_or(0) * 100 + u64::try_from(now.tv_nsec()).unwrap_or(0) / 10_000_000
    })
}

/// When a process started that came to be between `before` and now, give or take [`TICKS_APART`]. The kernel is asked only
/// if that is too long for the clock to tell.
fn started_at(pid: i32, before: u64) -> u64 {
    let asked = (boot_ticks() > before + TICKS_APART).then(|| stat(pid)).flatten();
    asked.map_or(before, |stat| stat.start_ticks)
}

/// Whether the process of this number is the one that started then, and has not ended.
pub(super) fn is_running(pid: i32, ticks: u64) -> bool {
    stat(pid).is_some_and(|stat| !stat.ended && stat.start_ticks.abs_diff(ticks) <= TICKS_APART)
}

/// What the kernel says of a process.
struct Stat {
    ended: bool,
    start_ticks: u64,
}

fn stat(pid: i32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain anything, so fields are counted from its closing parenthesis: state first, start 20th.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let ended = matches!(fields.next()?, "Z" | "X");
    Some(Stat { ended, start_ticks: fields.nth(18)?.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::{
        signal::{Signal, kill},
        wait::waitpid,
    };

    #[test]
    fn a_process_is_found_again_however_long_its_start_was_prepared() {
        let sandbox = tempfile::tempdir().unwrap();
        let sandbox = sandbox.path().display().to_string();
        // So many arguments take longer to lay out than two looks at the clock may be apart.
        let arguments = ["sh", "-c", "exec sleep 1000"].into_iter().chain(std::iter::repeat_n("x", 150_000));
        let spec = ProcessSpec {
            program: "/bin/sh".to_owned(),
            arguments: arguments.map(str::to_owned).collect(),
            directory: sandbox.clone(),
            sandbox,
            ..ProcessSpec::default()
        };
        let started = start(&spec, Parent::Starter).unwrap();
        let found = is_running(started.pid, started.start_ticks);
        kill(Pid::from_raw(started.pid), Signal::SIGKILL).unwrap();
        waitpid(Pid::from_raw(started.pid), None).unwrap();
        assert!(found);
    }

    #[test]
    fn the_kernel_is_asked_when_the_clock_is_too_coarse() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(is_running(own, started_at(own, 0)), "it started long after that look at the clock");
    }
}

//! From a task to what its launcher needs to know.

use crate::environment::{Place, environment, with_machine};
use nix::unistd::{Uid, User, getgrouplist};
use proffer_proto::storage::v1::{ProcessRlimit, ProcessSpec, ProcessUser};
use proto_types::{ResourceName, executing::TaskLaunch, task::Rlimit};
use std::{ffi::CString, path::Path};

/// What the launcher needs to know, or why the task cannot be started.
pub(crate) fn spec(place: &Place, launch: &TaskLaunch) -> Result<ProcessSpec, String> {
    let (task, sandbox) = (&launch.task, launch.sandbox.as_path());
    let command = &task.command;
    if command.value.is_empty() {
        return Err("the task has no command".to_owned());
    }
    let (program, arguments) = if command.shell {
        let line = ["sh", "-c", &command.value].map(str::to_owned);
        ("/bin/sh".to_owned(), line.into())
    } else {
        let arguments = [&command.value].into_iter().chain(&command.arguments).cloned().collect();
        (command.value.clone(), arguments)
    };
    let user = command.user.as_deref().or(launch.user.as_deref());
    Ok(ProcessSpec {
        task_id: task.id.to_string(),
        program,
        arguments,
        environment: with_machine(environment(place, launch, sandbox), sandbox),
        directory: directory(sandbox, command.working_directory.as_deref()),
        sandbox: sandbox.display().to_string(),
        user: user.map(user_by_name).transpose()?.filter(|user| user.uid != own_user()),
        rlimits: command.rlimits.iter().map(rlimit).collect::<Result<_, _>>()?,
        cpus_milli: task.resources.scalar(&ResourceName::Cpus).milli(),
        memory_bytes: task.resources.scalar(&ResourceName::Mem).milli() * (1024 * 1024 / 8) / 125,
    })
}

fn directory(sandbox: &Path, relative: Option<&str>) -> String {
    relative.map_or_else(|| sandbox.to_owned(), |relative| sandbox.join(relative)).display().to_string()
}

/// The user that this process runs as.
pub(crate) fn own_user() -> u32 {
    Uid::effective().as_raw()
}

/// The user of this name or number, with all groups.
pub(crate) fn user_by_name(name: &str) -> Result<ProcessUser, String> {
    let by_number = || name.parse().ok().and_then(|uid| User::from_uid(Uid::from_raw(uid)).ok().flatten());
    let user = User::from_name(name).ok().flatten().or_else(by_number);
    let user = user.ok_or_else(|| format!("there is no user {name:?} on this agent"))?;
    let groups = CString::new(user.name.as_str()).ok().and_then(|name| getgrouplist(&name, user.gid).ok());
    let groups = groups.unwrap_or_default().into_iter().map(nix::unistd::Gid::as_raw).collect();
    Ok(ProcessUser { uid: user.uid.as_raw(), gid: user.gid.as_raw(), groups })
}

fn rlimit(limit: &Rlimit) -> Result<ProcessRlimit, String> {
    use nix::libc;
    let resource = match limit.name.strip_prefix("RLIMIT_").unwrap_or(&limit.name) {
        "AS" => libc::RLIMIT_AS,
        "CORE" => libc::RLIMIT_CORE,
        "CPU" => libc::RLIMIT_CPU,
        "DATA" => libc::RLIMIT_DATA,
        "FSIZE" => libc::RLIMIT_FSIZE,
        "LOCKS" => libc::RLIMIT_LOCKS,
        "MEMLOCK" => libc::RLIMIT_MEMLOCK,
        "MSGQUEUE" => libc::RLIMIT_MSGQUEUE,
        "NICE" => libc::RLIMIT_NICE,
        "NOFILE" => libc::RLIMIT_NOFILE,
        "NPROC" => libc::RLIMIT_NPROC,
        "RSS" => libc::RLIMIT_RSS,
        "RTPRIO" => libc::RLIMIT_RTPRIO,
        "RTTIME" => libc::RLIMIT_RTTIME,
        "SIGPENDING" => libc::RLIMIT_SIGPENDING,
        "STACK" => libc::RLIMIT_STACK,
        other => return Err(format!("there is no limit {other:?}")),
    };
    let unlimited = |value: Option<u64>| value.unwrap_or(u64::MAX);
    Ok(ProcessRlimit { resource, soft: unlimited(limit.soft), hard: unlimited(limit.hard) })
}

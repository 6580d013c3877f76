//! From a task to what its launcher needs to know.

use crate::{
    environment::{Place, environment, with_machine},
    rlimits::{self, Limit},
    users::{self, Account},
};
use proffer_proto::storage::v1::{ProcessRlimit, ProcessSpec, ProcessUser};
use proto_types::{ResourceName, executing::TaskLaunch, task::Rlimit};
use std::path::Path;

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
        user: user.map(users::find_other).transpose()?.flatten().as_ref().map(to_process_user),
        rlimits: command.rlimits.iter().map(to_process_rlimit).collect::<Result<_, _>>()?,
        cpus_milli: task.resources.scalar(&ResourceName::Cpus).milli(),
        memory_bytes: task.resources.scalar(&ResourceName::Mem).milli() * (1024 * 1024 / 8) / 125,
    })
}

fn directory(sandbox: &Path, relative: Option<&str>) -> String {
    relative.map_or_else(|| sandbox.to_owned(), |relative| sandbox.join(relative)).display().to_string()
}

fn to_process_user(account: &Account) -> ProcessUser {
    let groups = account.groups.iter().map(|group| group.as_raw()).collect();
    ProcessUser { uid: account.user.as_raw(), gid: account.group.as_raw(), groups }
}

fn to_process_rlimit(limit: &Rlimit) -> Result<ProcessRlimit, String> {
    let Limit { resource, soft, hard } = rlimits::resolve(limit)?;
    Ok(ProcessRlimit { resource: resource as u32, soft, hard })
}

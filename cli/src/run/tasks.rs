//! The tasks of `proffer run`.

use super::Options;
use crate::usage;
use anyhow::Result;
use proffer_framework::{InvalidTask, TaskInfo, task};

/// Longest part of an id made from a command.
const TITLE_CHARS_MAX: usize = 32;

/// The tasks, one for each instance.
pub(super) fn describe(options: &Options) -> Result<Vec<TaskInfo>> {
    let name = options.name.clone().unwrap_or_else(|| {
        let random = uuid::Uuid::new_v4().simple().to_string();
        format!("{}-{}", title(options), &random[..8])
    });
    (0..options.instances)
        .map(|instance| {
            let id = if options.instances == 1 { name.clone() } else { format!("{name}.{instance}") };
            describe_one(options, id, &name, instance)
        })
        .collect()
}

fn describe_one(options: &Options, id: String, name: &str, instance: u32) -> Result<TaskInfo> {
    let mut built = task(id).name(name).cpus(options.cpus).mem(options.mem).disk(options.disk).gpus(options.gpus);
    built = if options.shell { built.shell(options.command.join(" ")) } else { built.command(&options.command) };
    built = built.env("PROFFER_INSTANCE", instance.to_string());
    for variable in &options.environment {
        built = built.env(&variable.name, &variable.value);
    }
    if let Some(image) = &options.docker {
        built = built.docker(image).network(options.network.0.clone());
        for volume in &options.volumes {
            built = built.volume(&volume.source, &volume.path, volume.read_only);
        }
    }
    if let Some(user) = &options.user {
        built = built.user(user);
    }
    if let Some(grace) = options.kill_grace {
        built = built.kill_grace(grace);
    }
    if let Some(time) = options.timeout {
        built = built.max_completion_time(time);
    }
    built.build().map_err(|error| wrong(&error))
}

/// Names the flag that is wrong.
pub(crate) fn wrong(error: &InvalidTask) -> anyhow::Error {
    let text = kit::exit::chain(error);
    usage(match error {
        InvalidTask::Amount { .. } => format!("--{text}"),
        InvalidTask::Id { .. } => format!("--name: {text}"),
        InvalidTask::Ports(_) => text,
    })
}

/// What the command is called: its program's file name.
pub(super) fn title(options: &Options) -> String {
    let first = options.command.first().or(options.docker.as_ref()).map(String::as_str).unwrap_or_default();
    let first = first.split_whitespace().next().unwrap_or_default();
    let last = first.rsplit('/').next().unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let title: String = last.chars().take(TITLE_CHARS_MAX).map(plain).collect();
    let title = title.trim_matches(['.', '-']).to_owned();
    if title.is_empty() { "task".to_owned() } else { title }
}

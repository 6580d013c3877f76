//! The environment of tasks.

use proto_types::{AgentId, FrameworkId, ResourceName, executing::TaskLaunch};
use std::{collections::BTreeMap, path::Path};

/// Where tasks are, as far as their environment tells them.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) framework: FrameworkId,
    pub(crate) agent: Option<AgentId>,
    pub(crate) hostname: String,
}

/// The environment of a task whose sandbox it knows by this path: what Proffer says, then what its framework says.
pub(crate) fn environment(place: &Place, launch: &TaskLaunch, sandbox: &Path) -> BTreeMap<String, String> {
    let task = &launch.task;
    let mut environment = BTreeMap::new();
    let mut set = |name: &str, value: String| drop(environment.insert(name.to_owned(), value));
    set("PROFFER_TASK_ID", task.id.to_string());
    set("PROFFER_TASK_NAME", task.name.clone());
    set("PROFFER_FRAMEWORK_ID", place.framework.to_string());
    set("PROFFER_HOSTNAME", place.hostname.clone());
    set("PROFFER_SANDBOX", sandbox.display().to_string());
    if let Some(agent) = &place.agent {
        set("PROFFER_AGENT_ID", agent.to_string());
    }
    for (name, variable) in [
        (ResourceName::Cpus, "PROFFER_CPUS"),
        (ResourceName::Mem, "PROFFER_MEM"),
        (ResourceName::Disk, "PROFFER_DISK"),
        (ResourceName::Gpus, "PROFFER_GPUS"),
    ] {
        let amount = task.resources.scalar(&name);
        if amount > proto_types::Scalar::ZERO {
            set(variable, amount.to_string());
        }
    }
    let ports: Vec<String> = task.resources.ports().numbers().map(|port| port.to_string()).collect();
    if !ports.is_empty() {
        set("PORTS", ports.join(","));
        set("PORT", ports[0].clone());
        ports.iter().enumerate().for_each(|(index, port)| set(&format!("PORT{index}"), port.clone()));
    }
    environment.extend(task.command.environment.clone());
    environment
}

/// What a process of the agent's machine has besides: a way to find programs and a home.
pub(crate) fn with_machine(mut environment: BTreeMap<String, String>, sandbox: &Path) -> BTreeMap<String, String> {
    const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for name in ["PATH", "LANG", "TZ"] {
        let own = std::env::var(name).ok().or_else(|| (name == "PATH").then(|| PATH.to_owned()));
        if let Some(value) = own {
            environment.entry(name.to_owned()).or_insert(value);
        }
    }
    environment.entry("HOME".to_owned()).or_insert_with(|| sandbox.display().to_string());
    environment
}

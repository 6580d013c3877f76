//! Describing tasks.

use proto_types::{
    Labels, ResourceName, Resources, Scalar, TaskId, TaskInfo,
    container::{Container, Docker, Mount, Network, PortMapping, Protocol},
    health::{HealthCheck, Probe},
    ids::InvalidId,
    resources::{Kind, Ranges, Resource, Value},
    task::{Command, Discovery, Uri},
};
use std::{collections::BTreeMap, time::Duration};

/// Why a description makes no task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTask {
    /// The id is none.
    #[error("task id {id:?}")]
    Id {
        /// The text.
        id: String,
        /// What is wrong with it.
        #[source]
        source: InvalidId,
    },
    /// An amount is negative, not a number, or too large.
    #[error("{name}: {value} is not an amount")]
    Amount {
        /// Of what.
        name: &'static str,
        /// The amount.
        value: String,
    },
    /// A port range ends before it begins.
    #[error("ports: {0}")]
    Ports(#[from] proto_types::resources::InvalidRange),
}

/// Describes a task, step by step.
#[derive(Debug, Clone)]
pub struct TaskBuilder {
    id: String,
    name: Option<String>,
    resources: Resources,
    command: Command,
    docker: Option<Docker>,
    health_check: Option<HealthCheck>,
    kill_grace: Option<Duration>,
    max_completion_time: Option<Duration>,
    labels: Labels,
    data: Vec<u8>,
    discovery: Option<Discovery>,
    trouble: Option<InvalidTask>,
}

/// Begins to describe a task. Its id must never have been used by the framework before.
pub fn task(id: impl Into<String>) -> TaskBuilder {
    TaskBuilder {
        id: id.into(),
        name: None,
        resources: Resources::default(),
        command: Command::default(),
        docker: None,
        health_check: None,
        kill_grace: None,
        max_completion_time: None,
        labels: Labels::new(),
        data: Vec::new(),
        discovery: None,
        trouble: None,
    }
}

impl TaskBuilder {
    /// Its name, for people. Default: its id.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Runs a program with arguments.
    #[must_use]
    pub fn command<T: Into<String>>(mut self, command: impl IntoIterator<Item = T>) -> Self {
        let mut parts = command.into_iter().map(Into::into);
        self.command.value = parts.next().unwrap_or_default();
        self.command.arguments = parts.collect();
        self.command.shell = false;
        self
    }

    /// Runs a line by the shell.
    #[must_use]
    pub fn shell(mut self, line: impl Into<String>) -> Self {
        self.command.value = line.into();
        self.command.arguments.clear();
        self.command.shell = true;
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.command.environment.insert(name.into(), value.into());
        self
    }

    /// As whom it runs. Default: the framework's user.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.command.user = Some(user.into());
        self
    }

    /// Where it runs: relative to the sandbox, or absolute in a container.
    #[must_use]
    pub fn working_directory(mut self, directory: impl Into<String>) -> Self {
        self.command.working_directory = Some(directory.into());
        self
    }

    /// Fetches this into the sandbox first.
    #[must_use]
    pub fn uri(mut self, uri: Uri) -> Self {
        self.command.uris.push(uri);
        self
    }

    /// How many processors it gets; three decimals count.
    #[must_use]
    pub fn cpus(self, cpus: impl Into<f64>) -> Self {
        self.amount("cpus", ResourceName::Cpus, cpus.into())
    }

    /// How much memory it gets, in MiB.
    #[must_use]
    pub fn mem(self, mebibytes: impl Into<f64>) -> Self {
        self.amount("mem", ResourceName::Mem, mebibytes.into())
    }

    /// How much disk it gets, in MiB.
    #[must_use]
    pub fn disk(self, mebibytes: impl Into<f64>) -> Self {
        self.amount("disk", ResourceName::Disk, mebibytes.into())
    }

    /// How many graphics processors it gets.
    #[must_use]
    pub fn gpus(self, gpus: impl Into<f64>) -> Self {
        self.amount("gpus", ResourceName::Gpus, gpus.into())
    }

    /// Ports that it gets, from the first to the last of each pair.
    #[must_use]
    pub fn ports(mut self, ranges: impl IntoIterator<Item = (u16, u16)>) -> Self {
        match Ranges::new(ranges.into_iter().map(|(first, last)| (u64::from(first), u64::from(last)))) {
            Ok(ranges) => {
                let kind = Kind::plain(ResourceName::Ports);
                self.resources.add_resource(Resource { kind, value: Value::Ranges(ranges) });
            }
            Err(wrong) => self.trouble = self.trouble.or(Some(wrong.into())),
        }
        self
    }

    /// More that it gets.
    #[must_use]
    pub fn resources(mut self, resources: &Resources) -> Self {
        self.resources.add(resources);
        self
    }

    /// Runs it in a Docker container of this image, on the agent's own network.
    #[must_use]
    pub fn docker(mut self, image: impl Into<String>) -> Self {
        self.docker_mut().image = image.into();
        self
    }

    /// The network of its container.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.docker_mut().network = network;
        self
    }

    /// Makes a TCP port of its container reachable on the agent. The agent's port must be among its ports.
    #[must_use]
    pub fn publish(mut self, host_port: u16, container_port: u16) -> Self {
        self.docker_mut().port_mappings.push(PortMapping { host_port, container_port, protocol: Protocol::Tcp });
        self
    }

    /// Mounts a directory of the agent in its container.
    #[must_use]
    pub fn volume(mut self, source: impl Into<String>, path: impl Into<String>, read_only: bool) -> Self {
        let mount = Mount { source: source.into(), container_path: path.into(), read_only };
        self.docker_mut().volumes.push(mount);
        self
    }

    /// All of its container.
    #[must_use]
    pub fn container(mut self, docker: Docker) -> Self {
        self.docker = Some(docker);
        self
    }

    /// How its health is found out, with all that can be said about it.
    #[must_use]
    pub fn health_check(mut self, check: HealthCheck) -> Self {
        self.health_check = Some(check);
        self
    }

    /// It is healthy while a line of the shell succeeds, asked this often.
    #[must_use]
    pub fn healthy_while(self, line: impl Into<String>, interval: Duration) -> Self {
        let probe = Probe::Command { command: vec![line.into()], shell: true, environment: BTreeMap::new() };
        self.probe(probe, interval)
    }

    /// It is healthy while a GET of this path on 127.0.0.1 answers 200 to 399, asked this often.
    #[must_use]
    pub fn healthy_over_http(self, port: u16, path: impl Into<String>, interval: Duration) -> Self {
        self.probe(Probe::Http { scheme: "http".to_owned(), port, path: path.into() }, interval)
    }

    /// From the polite to the hard kill. Default: the agent's.
    #[must_use]
    pub fn kill_grace(mut self, grace: Duration) -> Self {
        self.kill_grace = Some(grace);
        self
    }

    /// After so long it is killed and counts as failed.
    #[must_use]
    pub fn max_completion_time(mut self, time: Duration) -> Self {
        self.max_completion_time = Some(time);
        self
    }

    /// A label.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Bytes for an executor of the framework's own.
    #[must_use]
    pub fn data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = data.into();
        self
    }

    /// How others find it.
    #[must_use]
    pub fn discovery(mut self, discovery: Discovery) -> Self {
        self.discovery = Some(discovery);
        self
    }

    /// The task.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn build(self) -> Result<TaskInfo, InvalidTask> {
        if let Some(trouble) = self.trouble {
            return Err(trouble);
        }
        let id = TaskId::new(&self.id).map_err(|source| InvalidTask::Id { id: self.id.clone(), source })?;
        Ok(TaskInfo {
            name: self.name.unwrap_or_else(|| self.id.clone()),
            id,
            resources: self.resources,
            command: self.command,
            container: self.docker.map(Container::Docker),
            health_check: self.health_check,
            kill_grace: self.kill_grace,
            max_completion_time: self.max_completion_time,
            labels: self.labels,
            data: self.data,
            discovery: self.discovery,
        })
    }

    fn amount(mut self, name: &'static str, kind: ResourceName, amount: f64) -> Self {
        let milli = (amount * 1000.0).round();
        if !(0.0..=Scalar::MAX.milli() as f64).contains(&milli) {
            self.trouble = self.trouble.or(Some(InvalidTask::Amount { name, value: amount.to_string() }));
            return self;
        }
        self.resources.add_resource(Resource::scalar(kind, Scalar::from_milli(milli as u64)));
        self
    }

    fn probe(self, probe: Probe, interval: Duration) -> Self {
        self.health_check(HealthCheck {
            probe,
            delay: Duration::ZERO,
            interval,
            timeout: Duration::from_secs(20),
            grace_period: Duration::from_secs(10),
            consecutive_failures: 3,
        })
    }

    fn docker_mut(&mut self) -> &mut Docker {
        self.docker.get_or_insert_with(|| Docker {
            image: String::new(),
            force_pull: false,
            network: Network::Host,
            port_mappings: Vec::new(),
            privileged: false,
            entrypoint: None,
            volumes: Vec::new(),
            labels: Labels::new(),
            hostname: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_reads_like_its_description() {
        let built = task("web").command(["httpd", "-f"]).cpus(0.1 + 0.2).mem(64.0).ports([(80, 80)]).build().unwrap();
        assert_eq!(built.resources.to_string(), "cpus:0.3;mem:64;ports:[80-80]");
        assert_eq!((built.command.value.as_str(), built.command.arguments.len()), ("httpd", 1));
        assert_eq!(built.name, "web");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(task("a").cpus(-1.0).build().unwrap_err().to_string(), "cpus: -1 is not an amount");
        assert!(task("a").mem(f64::NAN).build().is_err());
        assert!(task("a/b").build().is_err());
        assert!(task("a").ports([(9, 8)]).build().is_err());
    }
}

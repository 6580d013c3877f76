//! A scheduler of the sample's executor, which counts primes.

use anyhow::Result;
use e2e::{
    binary::sample,
    cluster::{Cluster, Plan},
    relatives,
    scheduler::{Scheduler, scalar},
};
use nix::unistd::Pid;
use proffer_proto::v1::{
    Command, ExecutorInfo, Launch, Operation, TaskInfo, TaskState, TaskStatus, operation::Operation::Launch as Run,
};

/// More numbers than anybody counts primes below.
pub(crate) const FOR_EVER: &str = "0 1000000000000";

/// A scheduler that has the sample's executor run its tasks.
pub(crate) struct Primes {
    pub(crate) scheduler: Scheduler,
    pub(crate) cluster: Cluster,
    executor: ExecutorInfo,
}

impl Primes {
    /// Starts what the plan says, and subscribes.
    pub(crate) async fn start(plan: Plan) -> Result<Self> {
        let program = sample("custom-executor")?.display().to_string();
        let command = Command { value: program, arguments: vec!["executor".to_owned()], ..Command::default() };
        let executor = ExecutorInfo {
            id: "primes".to_owned(),
            command: Some(command),
            resources: vec![scalar("cpus", 100), scalar("mem", 32_000)],
            ..ExecutorInfo::default()
        };
        let cluster = plan.start().await?;
        let scheduler = Scheduler::subscribe(&cluster.address, "e2e").await?;
        Ok(Self { scheduler, cluster, executor })
    }

    /// Launches tasks, each with its range, on the next offer.
    pub(crate) async fn launch(&mut self, tasks: &[(&str, &str)]) -> Result<()> {
        let task = |(id, range): &(&str, &str)| TaskInfo {
            id: (*id).to_owned(),
            resources: vec![scalar("cpus", 100), scalar("mem", 8_000)],
            data: range.as_bytes().to_vec(),
            ..TaskInfo::default()
        };
        let launch = Launch { executor: Some(self.executor.clone()), tasks: tasks.iter().map(task).collect() };
        let offer = self.scheduler.offer().await?;
        let verdicts = self.scheduler.accept(&offer, vec![Operation { operation: Some(Run(launch)) }]).await?;
        assert!(verdicts.iter().all(|verdict| verdict.rejection.is_none()), "{verdicts:?}");
        Ok(())
    }

    /// Waits until each of these tasks is in the state, which must be the next that it gets to.
    pub(crate) async fn all_reach(&mut self, tasks: &[&str], state: TaskState) -> Result<Vec<TaskStatus>> {
        let mut reached: Vec<TaskStatus> = Vec::new();
        while reached.len() < tasks.len() {
            let status = self.scheduler.update().await?;
            if [TaskState::TaskStaging, TaskState::TaskStarting].contains(&status.state()) {
                continue;
            }
            assert!(tasks.contains(&status.task_id.as_str()), "{status:?}");
            assert_eq!(status.state(), state, "{status:?}");
            assert_eq!(status.executor_id, "primes");
            // An update may come again.
            reached.retain(|known| known.task_id != status.task_id);
            reached.push(status);
        }
        Ok(reached)
    }

    /// The executor's process.
    pub(crate) fn pid(&self) -> Option<Pid> {
        relatives::in_role(self.cluster.directory.path(), "executor")
    }
}

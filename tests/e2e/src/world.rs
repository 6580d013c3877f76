//! A cluster with a scheduler, whose tasks write evidence.

use anyhow::{Context, Result, ensure};
use e2e::{
    cluster::{Cluster, Plan},
    history::{self, Log, witnessed},
    scheduler::{Scheduler, launch, shell},
    wait::until,
};
use nix::fcntl::{Flock, FlockArg};
use proffer_proto::v1::{FrameworkInfo, RejectionKind, SubscribeRequest, TaskInfo, TaskState};
use std::{collections::BTreeSet, fs::File};

/// Pings so short that a missing agent is marked after a second and a half.
pub(crate) const SHORT_PINGS: [&str; 4] = ["--ping-interval", "300ms", "--ping-misses", "5"];

pub(crate) struct World {
    pub(crate) scheduler: Scheduler,
    pub(crate) cluster: Cluster,
    pub(crate) log: Log,
    /// Held by the test; tasks that wait for it end when it is let go of.
    gate: Option<Flock<File>>,
}

impl World {
    pub(crate) async fn start(plan: Plan) -> Result<Self> {
        let cluster = plan.start().await?;
        let gate = File::create(cluster.directory.path().join("gate"))?;
        let gate = Flock::lock(gate, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
        let log = Log::default();
        let framework = FrameworkInfo { name: "faults".to_owned(), ..FrameworkInfo::default() };
        let request = SubscribeRequest { framework: Some(framework), ..Default::default() };
        let scheduler = Scheduler::subscribe_logging(&cluster.address, request, log.clone()).await?;
        history::observe(&cluster, &log).await?;
        Ok(Self { scheduler, cluster, log, gate: Some(gate) })
    }

    /// A task that runs this line.
    pub(crate) fn task(&self, id: &str, line: &str) -> TaskInfo {
        shell(id, &witnessed(&history::file(&self.cluster), line))
    }

    /// A task that runs until the gate opens.
    pub(crate) fn waiting(&self, id: &str) -> TaskInfo {
        self.task(id, &format!("flock -s {} true", self.cluster.directory.path().join("gate").display()))
    }

    pub(crate) fn open_gate(&mut self) {
        self.gate = None;
    }

    /// Launches these on one offer that stands; those that a fault took away meanwhile are passed over.
    pub(crate) async fn launch(&mut self, tasks: Vec<TaskInfo>) -> Result<()> {
        loop {
            let offer = self.scheduler.offer().await?;
            let verdicts = self.scheduler.accept(&offer, vec![launch(tasks.clone())]).await?;
            let rejections: Vec<_> = verdicts.into_iter().filter_map(|verdict| verdict.rejection).collect();
            if rejections.is_empty() {
                return Ok(());
            }
            let gone = rejections.iter().all(|rejection| rejection.kind() == RejectionKind::OfferGone);
            assert!(gone, "{rejections:?}");
        }
    }

    /// Launches so many tasks that wait for the gate, and waits until they run.
    pub(crate) async fn launch_waiting(&mut self, prefix: &str, count: usize) -> Result<BTreeSet<String>> {
        let ids: BTreeSet<String> = (0..count).map(|number| format!("{prefix}{number}")).collect();
        self.launch(ids.iter().map(|id| self.waiting(id)).collect()).await?;
        self.all_reach(&ids, TaskState::TaskRunning).await?;
        Ok(ids)
    }

    /// Waits until each of these has been seen in the state, once.
    pub(crate) async fn all_reach(&mut self, ids: &BTreeSet<String>, state: TaskState) -> Result<()> {
        self.all_seen(ids, |seen| seen == state).await
    }

    /// Waits until each of these has been seen to be over, in whatever way.
    pub(crate) async fn all_over(&mut self, ids: &BTreeSet<String>) -> Result<()> {
        self.all_seen(ids, history::is_terminal).await
    }

    async fn all_seen(&mut self, ids: &BTreeSet<String>, is_meant: impl Fn(TaskState) -> bool) -> Result<()> {
        let mut missing = ids.clone();
        for seen in self.log.history().seen.into_iter().filter(|seen| is_meant(seen.state)) {
            missing.remove(&seen.key.task);
        }
        while !missing.is_empty() {
            let status = self.scheduler.update().await.with_context(|| format!("still to come: {missing:?}"))?;
            if is_meant(status.state()) {
                missing.remove(&status.task_id);
            }
            let lost = missing.contains(&status.task_id) && history::is_terminal(status.state());
            ensure!(!lost, "over before it came to that: {status:?}");
        }
        Ok(())
    }

    /// What a scheduler of this framework asks for.
    pub(crate) fn request(&self, incarnation: u64) -> SubscribeRequest {
        let subscribed = &self.scheduler.subscribed;
        let (id, name) = (subscribed.framework_id.clone(), "faults".to_owned());
        let framework = Some(FrameworkInfo { id, name, ..FrameworkInfo::default() });
        SubscribeRequest { framework, incarnation, cluster_id: subscribed.cluster_id.clone(), ..Default::default() }
    }

    /// Subscribes again, as soon as the master takes it.
    pub(crate) async fn resubscribe(&mut self) -> Result<()> {
        let (request, address) = (self.request(0), self.cluster.address.clone());
        self.scheduler = until("the master takes the framework", || async {
            Scheduler::subscribe_logging(&address, request.clone(), self.log.clone()).await.ok()
        })
        .await?;
        Ok(())
    }

    /// New tasks run, the ones that wait come to their end, and the history is sound.
    pub(crate) async fn ends(mut self, waiting: &BTreeSet<String>) -> Result<()> {
        self.launch(vec![self.task("last", "true")]).await?;
        self.all_reach(&BTreeSet::from(["last".to_owned()]), TaskState::TaskFinished).await?;
        self.open_gate();
        self.all_reach(waiting, TaskState::TaskFinished).await?;
        history::assert_sound(&self.cluster, &self.log).await
    }

    /// Waits until agents have been asked which epoch they obey, and all are connected.
    pub(crate) async fn observe(&self) -> Result<()> {
        self.cluster.connected(self.cluster.agents.len()).await?;
        history::observe(&self.cluster, &self.log).await
    }
}

/// A plan of so many agents, with short pings.
pub(crate) fn plan(agents: usize, resources: &str) -> Plan {
    let mut plan = Plan::agents(agents, resources);
    plan.master.extend(SHORT_PINGS.map(str::to_owned));
    plan
}

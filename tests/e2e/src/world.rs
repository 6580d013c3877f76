//! A cluster with a scheduler, whose tasks write evidence.

use crate::{
    history::{self, Log, witnessed},
    running::Running,
    scheduler::{Scheduler, launch, shell},
    wait::until,
};
use anyhow::{Context, Result, ensure};
use nix::fcntl::{Flock, FlockArg};
use proffer_proto::v1::{FrameworkInfo, ReconcileQuery, RejectionKind, SubscribeRequest, TaskInfo, TaskState};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
};

/// A cluster with a scheduler, whose tasks write evidence.
#[derive(Debug)]
pub struct World<C> {
    /// The scheduler; after a failover, the newest.
    pub scheduler: Scheduler,
    /// The cluster.
    pub cluster: C,
    /// What all schedulers of it write down.
    pub log: Log,
    /// Held by the test; tasks that wait for it end when it is let go of.
    gate: Option<Flock<File>>,
    /// On which agents tasks were launched.
    placed: BTreeMap<String, String>,
}

impl<C: Running> World<C> {
    /// A scheduler in this cluster.
    ///
    /// # Errors
    /// If the master does not take it.
    pub async fn within(cluster: C) -> Result<Self> {
        let gate = File::create(cluster.home().join("gate"))?;
        let gate = Flock::lock(gate, FlockArg::LockExclusive).map_err(|(_, error)| error)?;
        let log = Log::default();
        let framework = FrameworkInfo { name: "faults".to_owned(), ..FrameworkInfo::default() };
        let request = SubscribeRequest { framework: Some(framework), ..Default::default() };
        let scheduler = Scheduler::subscribe_logging(&cluster.leader_address().await?, request, log.clone()).await?;
        history::observe(&cluster, &log).await?;
        Ok(Self { scheduler, cluster, log, gate: Some(gate), placed: BTreeMap::new() })
    }

    /// A task that runs this line.
    #[must_use]
    pub fn task(&self, id: &str, line: &str) -> TaskInfo {
        shell(id, &witnessed(&history::file(&self.cluster), line))
    }

    /// A task that runs until the gate opens.
    #[must_use]
    pub fn waiting(&self, id: &str) -> TaskInfo {
        self.task(id, &format!("flock -s {} true", self.cluster.home().join("gate").display()))
    }

    /// Lets the tasks that wait for the gate end.
    pub fn open_gate(&mut self) {
        self.gate = None;
    }

    /// Launches these on one offer that stands; those that a fault took away meanwhile are passed over.
    ///
    /// # Errors
    /// If the master refuses them for another reason.
    pub async fn launch(&mut self, tasks: Vec<TaskInfo>) -> Result<()> {
        loop {
            let offer = self.scheduler.offer().await?;
            let verdicts = self.scheduler.accept(&offer, vec![launch(tasks.clone())]).await?;
            let rejections: Vec<_> = verdicts.into_iter().filter_map(|verdict| verdict.rejection).collect();
            if rejections.is_empty() {
                let placed = tasks.into_iter().map(|task| (task.id, offer.agent_id.clone()));
                self.placed.extend(placed);
                return Ok(());
            }
            let gone = rejections.iter().all(|rejection| rejection.kind() == RejectionKind::OfferGone);
            assert!(gone, "{rejections:?}");
        }
    }

    /// Asks what became of those of which no end was seen: a launch may have been lost with its master.
    ///
    /// # Errors
    /// If the master does not answer.
    pub async fn ask(&mut self, ids: &BTreeSet<String>) -> Result<()> {
        let seen = self.log.history().seen;
        let is_over = |id: &&String| seen.iter().any(|seen| seen.key.task == **id && history::is_terminal(seen.state));
        let open = ids.iter().filter(|id| !is_over(id));
        let query = |id: &String| {
            let agent_id = self.placed.get(id).cloned().unwrap_or_default();
            ReconcileQuery { task_id: id.clone(), agent_id }
        };
        self.scheduler.reconcile(open.map(query).collect()).await
    }

    /// Launches so many tasks that wait for the gate, and waits until they run.
    ///
    /// # Errors
    /// If they do not come to that.
    pub async fn launch_waiting(&mut self, prefix: &str, count: usize) -> Result<BTreeSet<String>> {
        let ids: BTreeSet<String> = (0..count).map(|number| format!("{prefix}{number}")).collect();
        self.launch(ids.iter().map(|id| self.waiting(id)).collect()).await?;
        self.all_reach(&ids, TaskState::TaskRunning).await?;
        Ok(ids)
    }

    /// Waits until each of these has been seen in the state, once.
    ///
    /// # Errors
    /// If one ends otherwise, or they do not come to that in time.
    pub async fn all_reach(&mut self, ids: &BTreeSet<String>, state: TaskState) -> Result<()> {
        self.all_seen(ids, |seen| seen == state).await
    }

    /// Waits until each of these has been seen to be over, in whatever way.
    ///
    /// # Errors
    /// If they are not in time.
    pub async fn all_over(&mut self, ids: &BTreeSet<String>) -> Result<()> {
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
    #[must_use]
    pub fn request(&self, incarnation: u64) -> SubscribeRequest {
        let subscribed = &self.scheduler.subscribed;
        let (id, name) = (subscribed.framework_id.clone(), "faults".to_owned());
        let framework = Some(FrameworkInfo { id, name, ..FrameworkInfo::default() });
        SubscribeRequest { framework, incarnation, cluster_id: subscribed.cluster_id.clone(), ..Default::default() }
    }

    /// Subscribes again, as soon as the master takes it.
    ///
    /// # Errors
    /// If none does in time.
    pub async fn resubscribe(&mut self) -> Result<()> {
        let request = self.request(0);
        self.scheduler = until("the master takes the framework", || async {
            let address = self.cluster.leader_address().await.ok()?;
            Scheduler::subscribe_logging(&address, request.clone(), self.log.clone()).await.ok()
        })
        .await?;
        Ok(())
    }

    /// New tasks run, the ones that wait come to their end, and the history is sound.
    ///
    /// # Errors
    /// If they do not, or a rule did not hold.
    pub async fn ends(mut self, waiting: &BTreeSet<String>) -> Result<()> {
        self.launch(vec![self.task("last", "true")]).await?;
        self.all_reach(&BTreeSet::from(["last".to_owned()]), TaskState::TaskFinished).await?;
        self.open_gate();
        self.all_reach(waiting, TaskState::TaskFinished).await?;
        history::assert_sound(&self.cluster, &self.log).await
    }

    /// Waits until agents have been asked which epoch they obey, and all are connected.
    ///
    /// # Errors
    /// If they are not in time.
    pub async fn observe(&self) -> Result<()> {
        self.cluster.connected().await?;
        history::observe(&self.cluster, &self.log).await
    }
}

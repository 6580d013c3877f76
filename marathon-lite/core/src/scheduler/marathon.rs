//! The state, and what goes on when something happens.

use super::{Body, Config, Effect, Input, View, ids::Ids, outbox::Outbox};
use crate::{
    app::{PathId, Timestamp},
    deployment::DeploymentId,
    events::Event,
    instances::{Instance, Instances, RunProgress},
    launch::LaunchQueue,
};
use proto_types::{Now, time::Monotonic};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Apps with more instances than this are looked at when time passes, not at every report: a report on one of ten
/// thousand instances then costs as little as any other.
const LARGE_APP: u32 = 100;

/// Everything that marathon-lite knows and does, as one value: what happens goes in with the time, what is to be done
/// comes out.
///
/// **Architecture invariant:** persist before act. A launch, a kill, an acknowledgement and an answer carry the commit
/// that they rest on; so a leader that begins with any prefix of the commits finds everything that acts on the world.
#[derive(Debug)]
pub struct Marathon {
    pub(super) config: Config,
    pub(super) ids: Ids,
    pub(super) view: View,
    pub(super) instances: Instances,
    pub(super) queue: LaunchQueue,
    /// How far apps are that run to their end.
    pub(super) runs: BTreeMap<PathId, RunProgress>,
    pub(super) outbox: Outbox,
    /// The time of the input that is being handled.
    pub(super) now: Now,
    /// The deployment by which each app or pod is being changed.
    pub(super) locks: BTreeMap<PathId, DeploymentId>,
    /// Apps and pods that are to be looked at.
    pub(super) dirty: BTreeSet<PathId>,
    /// Those of them that wait for the next tick.
    dirty_large: BTreeSet<PathId>,
    /// Deployments that are to be looked at.
    pub(super) dirty_deployments: BTreeSet<DeploymentId>,
    /// Whether the subscription stands.
    pub(super) subscribed: bool,
    /// When deployments were last watched.
    pub(super) watched: Monotonic,
    /// When the master was last asked about everything.
    pub(super) reconciled: Monotonic,
}

impl Marathon {
    pub(super) fn new(
        config: Config,
        view: View,
        instances: Instances,
        runs: BTreeMap<PathId, RunProgress>,
        seed: u128,
        now: Now,
    ) -> Self {
        let queue = LaunchQueue::new(config.launch.clone());
        let mut marathon = Self {
            config,
            ids: Ids::new(seed),
            view,
            instances,
            queue,
            runs,
            outbox: Outbox::default(),
            now,
            locks: BTreeMap::new(),
            dirty: BTreeSet::new(),
            dirty_large: BTreeSet::new(),
            dirty_deployments: BTreeSet::new(),
            subscribed: false,
            watched: now.monotonic,
            reconciled: now.monotonic,
        };
        marathon.take_up();
        marathon
    }

    /// What readers see. A snapshot; taking it costs nothing.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// Something happened; what is to be done is added to `effects`. Those of one call belong together: the commit comes
    /// first, and the others name it.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        self.now = now;
        let is_tick = matches!(input, Input::Tick);
        match input {
            Input::Command { request, command } => self.command(request, command),
            Input::Subscribed { framework, resumed } => self.on_subscribed(framework, resumed),
            Input::Disconnected => self.on_disconnected(),
            Input::Offers(offers) => self.on_offers(offers),
            // Offers are used or refused at once, so none is held; one that is gone is refused by the master.
            Input::Rescinded(_) => {}
            Input::Update(status) => self.on_update(status),
            Input::Rejected { task, rejection } => self.on_rejected(&task, &rejection),
            Input::AgentLost(agent) => self.on_agent_lost(&agent),
            Input::Health { instance, check, result } => self.on_health(&instance, check, &result),
            Input::Readiness { instance, response } => self.on_readiness(&instance, response),
            Input::Tick => self.on_tick(),
        }
        self.work(is_tick);
        self.tell_interest();
        self.view.instances = self.instances.by_app().clone();
        self.view.queue = self.queue.items().clone();
        self.outbox.flush(effects);
    }

    /// Looks at what changed, until nothing does any more.
    fn work(&mut self, all: bool) {
        loop {
            while let Some(app) = self.dirty.pop_first() {
                if !all && self.instances.counts(&app).total > LARGE_APP {
                    self.dirty_large.insert(app);
                } else {
                    self.tend(&app);
                }
            }
            let Some(deployment) = self.dirty_deployments.pop_first() else { break };
            self.advance(&deployment);
        }
    }

    fn on_tick(&mut self) {
        self.dirty.append(&mut self.dirty_large);
        let now = self.wall();
        let kills = self.instances.kills_due(now);
        self.kill(kills);
        for transition in self.instances.give_up(now) {
            self.follow(transition);
        }
        self.watch_deployments();
        if self.subscribed && self.now.monotonic >= self.reconciled + self.config.reconcile_every {
            self.reconcile();
        }
    }

    /// A new leader takes up everything where it is.
    fn take_up(&mut self) {
        let mut deployments = Vec::new();
        for (id, deployment) in &self.view.deployments {
            self.dirty_deployments.insert(id.clone());
            deployments.extend(deployment.actions().map(|action| (action.id.clone(), id.clone())));
        }
        self.locks.extend(deployments);
        self.dirty.extend(self.view.root.apps().map(|app| app.id.clone()));
        self.dirty.extend(self.view.root.pods().map(|pod| pod.id.clone()));
        // Those too whose app is gone.
        self.dirty.extend(self.instances.by_app().keys().cloned());
        self.dirty.extend(self.locks.keys().cloned());
        let running = |one: &&Arc<Instance>| one.runs() && !one.goal_stopped;
        let running: Vec<Arc<Instance>> =
            self.instances.by_app().values().flat_map(|all| all.values()).filter(running).cloned().collect();
        for instance in running {
            self.start_probes(&instance);
        }
        self.view.instances = self.instances.by_app().clone();
    }

    /// The time for records.
    pub(super) const fn wall(&self) -> Timestamp {
        Timestamp::from_millis(self.now.wall.0)
    }

    pub(super) fn publish(&mut self, event: Event) {
        self.outbox.push(Body::Publish(event));
    }
}

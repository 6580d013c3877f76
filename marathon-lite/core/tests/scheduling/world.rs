//! Marathon with all around it.

use crate::cluster::{Cluster, Told};
use marathon_lite_core::{
    app::PathId,
    deployment::DeploymentId,
    events::Event,
    health::ProbeResult,
    instances::Instance,
    scheduler::{
        Answer, Body, Command, CommitNumber, Config, Edit, Effect, Input, Marathon, ObjectWrite, Refused, RequestId,
    },
};
use proto_types::{
    FrameworkId, Now, TaskId,
    time::{Monotonic, Wall},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// Says what is wrong in a world.
type Watch = fn(&World) -> Result<(), String>;

pub(crate) fn path(text: &str) -> PathId {
    PathId::parse(text).expect("a path")
}

/// Marathon, the cluster that it runs on, and what it stored.
pub(crate) struct World {
    pub(crate) marathon: Marathon,
    pub(crate) cluster: Cluster,
    pub(crate) store: BTreeMap<String, Vec<u8>>,
    pub(crate) now: Now,
    pub(crate) events: Vec<Event>,
    pub(crate) probes: BTreeMap<(TaskId, Option<usize>), ()>,
    config: Config,
    committed: u64,
    effects: VecDeque<Effect>,
    answers: BTreeMap<RequestId, Result<Answer, Refused>>,
    requests: u64,
    /// After so many effects the leader dies; none: never.
    pub(crate) crash_after: Option<u64>,
    pub(crate) crashes: u64,
    /// Whether something is wrong right now; asked after each effect.
    pub(crate) watch: Option<Watch>,
}

impl World {
    /// A world with these agents.
    pub(crate) fn new(agents: &[(&str, &str)]) -> Self {
        Self::with(Config::default(), agents)
    }

    pub(crate) fn with(config: Config, agents: &[(&str, &str)]) -> Self {
        let now = Now { monotonic: Monotonic(Duration::from_secs(1)), wall: Wall(1_000_000) };
        let nothing: [(&str, &[u8]); 0] = [];
        let marathon = Marathon::recover(config.clone(), nothing, 1, now).expect("an empty store");
        let mut world = Self {
            marathon,
            cluster: Cluster::default(),
            store: BTreeMap::new(),
            now,
            events: Vec::new(),
            probes: BTreeMap::new(),
            config,
            committed: 0,
            effects: VecDeque::new(),
            answers: BTreeMap::new(),
            requests: 0,
            crash_after: None,
            crashes: 0,
            watch: None,
        };
        for (name, resources) in agents {
            world.cluster.add_agent(name, resources);
        }
        world.subscribe();
        world.settle();
        world
    }

    fn subscribe(&mut self) {
        self.cluster.subscribe();
        self.input(Input::Subscribed { framework: FrameworkId::new("f1").expect("an id"), resumed: false });
    }

    /// The leader dies with everything that it had not done yet; another one begins with what is stored.
    pub(crate) fn crash(&mut self) {
        self.crashes += 1;
        self.effects.clear();
        self.probes.clear();
        self.committed = 0;
        let seed = u128::from(self.crashes) + 1;
        self.marathon = Marathon::recover(self.config.clone(), &self.store, seed, self.now).expect("what was stored");
        self.subscribe();
    }

    pub(crate) fn input(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.marathon.handle(self.now, input, &mut effects);
        self.effects.extend(effects);
    }

    /// Does everything that is to be done now.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100_000 {
            while let Some(effect) = self.next_effect() {
                if let Some(left) = &mut self.crash_after {
                    if *left == 0 {
                        self.crash_after = None;
                        self.crash();
                        break;
                    }
                    *left -= 1;
                }
                self.act(effect);
                if let Some(watch) = self.watch
                    && let Err(why) = watch(self)
                {
                    panic!("{why}");
                }
            }
            let told = self.cluster.told();
            if told.is_empty() && self.effects.is_empty() {
                return;
            }
            for one in told {
                self.input(match one {
                    Told::Offers(offers) => Input::Offers(offers),
                    Told::Update(status) => Input::Update(status),
                    Told::Rejected(task, rejection) => Input::Rejected { task, rejection },
                });
            }
        }
        panic!("it does not come to rest");
    }

    /// What is done next: all that waits for nothing, and only then another commit. So the store is as slow as it can be,
    /// and whatever should have waited for it and did not acts on the world before.
    fn next_effect(&mut self) -> Option<Effect> {
        let is_ready = |effect: &Effect| {
            let is_stored = effect.after.is_none_or(|CommitNumber(after)| after <= self.committed);
            is_stored && !matches!(effect.body, Body::Commit(..))
        };
        let ready = self.effects.iter().position(is_ready);
        self.effects.remove(ready.unwrap_or(0))
    }

    fn act(&mut self, effect: Effect) {
        if let Some(CommitNumber(after)) = effect.after {
            assert!(after <= self.committed, "{:?} comes before its commit", effect.body);
        }
        let (wall, monotonic) = (self.now.wall, self.now.monotonic);
        match effect.body {
            Body::Commit(CommitNumber(number), writes) => {
                assert_eq!(number, self.committed + 1, "commits are numbered");
                self.committed = number;
                for ObjectWrite { key, value } in writes {
                    match value {
                        Some(value) => self.store.insert(key, value),
                        None => self.store.remove(&key),
                    };
                }
            }
            Body::Accept(acceptance) => {
                let tasks = acceptance.launches.iter().flat_map(|launch| &launch.tasks);
                for task in tasks {
                    // The task of a pod's container has the container's name behind the instance's id.
                    let instance = task.id.as_str().rsplit_once('.').map_or("", |(instance, _)| instance);
                    let stored = |id: &str| self.store.contains_key(&format!("instances/{id}"));
                    assert!(stored(task.id.as_str()) || stored(instance), "{} is not stored", task.id);
                }
                self.cluster.accept(&acceptance, wall);
            }
            Body::Decline(offers, refuse) => self.cluster.decline(&offers, refuse, monotonic),
            Body::Kill(task, _) => self.cluster.kill(&task, wall),
            Body::Acknowledge(status) => self.cluster.acknowledge(&status),
            Body::Suppress => self.cluster.suppressed = true,
            Body::Revive => self.cluster.revive(),
            Body::Reconcile(queries) => self.cluster.reconcile(&queries, wall),
            Body::StartHealthProbe(task, check, _) => drop(self.probes.insert((task, Some(check)), ())),
            Body::StartReadinessProbe(task, _) => drop(self.probes.insert((task, None), ())),
            Body::StopProbes(task) => self.probes.retain(|(probed, _), ()| *probed != task),
            Body::Reply(request, answer) => drop(self.answers.insert(request, answer)),
            Body::Publish(event) => self.events.push(event),
        }
    }

    /// Asks for something; the answer comes with the next rest.
    pub(crate) fn ask(&mut self, command: Command) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.input(Input::Command { request, command });
        request
    }

    /// Asks for something and waits for the answer.
    pub(crate) fn command(&mut self, command: Command) -> Result<Answer, Refused> {
        let request = self.ask(command);
        self.settle();
        self.answers.remove(&request).expect("an answer")
    }

    pub(crate) fn edit(&mut self, edit: Edit) -> Result<Answer, Refused> {
        self.command(Command::Edit { edit, force: false, dry_run: false })
    }

    /// An edit that goes through.
    pub(crate) fn deploy(&mut self, edit: Edit) -> DeploymentId {
        match self.edit(edit) {
            Ok(Answer::Deployed { deployment, .. }) => deployment,
            other => panic!("not deployed: {other:?}"),
        }
    }

    pub(crate) fn create(&mut self, app: Value) -> DeploymentId {
        self.deploy(Edit::CreateApp(app))
    }

    pub(crate) fn update(&mut self, id: &str, body: Value) -> DeploymentId {
        self.deploy(Edit::UpdateApp { id: path(id), body, partial: true, create: false })
    }

    /// So many seconds pass, in steps of half a second, with offers in between.
    pub(crate) fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds * 2 {
            let Monotonic(at) = self.now.monotonic;
            self.now.monotonic = Monotonic(at + Duration::from_millis(500));
            self.now.wall = Wall(self.now.wall.0 + 500);
            self.cluster.offer(self.now.monotonic);
            self.input(Input::Tick);
            self.settle();
        }
    }

    /// Health checks of everything that is asked say this.
    pub(crate) fn answer_health(&mut self, result: impl Fn(&Instance) -> ProbeResult) {
        let probes: Vec<(TaskId, Option<usize>)> = self.probes.keys().cloned().collect();
        for (task, check) in probes {
            let Some(check) = check else { continue };
            let Some(instance) = self.instances().into_iter().find(|instance| instance.id == task) else { continue };
            self.input(Input::Health { instance: task, check, result: result(&instance) });
            self.settle();
        }
    }

    /// All instances.
    pub(crate) fn instances(&self) -> Vec<Arc<Instance>> {
        self.marathon
            .view()
            .instances
            .values()
            .flat_map(|of_app| of_app.values().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// The commands of what runs, sorted.
    pub(crate) fn running(&self) -> Vec<String> {
        let running = self.cluster.alive().filter(|(_, task)| task.state == proto_types::TaskState::Running);
        let mut commands: Vec<String> = running.map(|(_, task)| task.command.trim().to_owned()).collect();
        commands.sort();
        commands
    }

    /// How many deployments are under way.
    pub(crate) fn deployments(&self) -> usize {
        self.marathon.view().deployments.len()
    }

    /// How often an event was told.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|event| event.kind == kind).count()
    }
}

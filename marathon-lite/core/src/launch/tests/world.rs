//! A small cluster for tests: agents that offer what is left, and apps in JSON.

use crate::{
    app::{self, PathId, Timestamp},
    instances::{Condition, Instance},
    launch::{LaunchQueue, NewInstance, OfferUse, QueueItem, RunSpec, Settings, Situation},
    pods,
    support::Support,
};
use imbl::OrdMap;
use proto_types::{
    AgentId, AgentInfo, FrameworkId, Offer, OfferId, Role, TaskId, TaskState, resources::parse_attributes,
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

pub(super) struct World {
    pub(super) queue: LaunchQueue,
    pub(super) instances: OrdMap<PathId, OrdMap<TaskId, Arc<Instance>>>,
    pub(super) now: Timestamp,
    pub(super) secrets: BTreeMap<String, String>,
    offers: u32,
    tasks: u32,
}

pub(in crate::launch) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

pub(super) fn path(text: &str) -> PathId {
    PathId::parse(text).unwrap()
}

fn support() -> Support {
    Support { role: "web".into(), ..Support::default() }
}

pub(in crate::launch) fn app_spec(body: Value) -> RunSpec {
    RunSpec::App(Arc::new(app::define(&body, &support()).unwrap()))
}

pub(super) fn pod_spec(body: Value) -> RunSpec {
    RunSpec::Pod(Arc::new(pods::define(&body, None, &support()).unwrap()))
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Settings { role: "web".into(), ..Settings::default() })
    }

    pub(super) fn with(settings: Settings) -> Self {
        Self {
            queue: LaunchQueue::new(settings),
            instances: OrdMap::new(),
            now: at(1000),
            secrets: BTreeMap::new(),
            offers: 0,
            tasks: 0,
        }
    }

    pub(super) fn want(&mut self, body: Value, count: u32) -> RunSpec {
        let spec = app_spec(body);
        self.queue.want(&spec, count, self.now);
        spec
    }

    /// An offer of an agent `host;attributes` with all its resources.
    pub(super) fn offer(&mut self, agent: &str, resources: &str) -> Offer {
        let (hostname, attributes) = agent.split_once(';').unwrap_or((agent, ""));
        let attributes = if attributes.is_empty() { Default::default() } else { parse_attributes(attributes).unwrap() };
        let info = AgentInfo {
            hostname: hostname.into(),
            attributes,
            resources: resources.parse().unwrap(),
            ..AgentInfo::default()
        };
        self.offers += 1;
        Offer {
            id: OfferId::new(format!("o{}", self.offers)).unwrap(),
            framework: FrameworkId::new("f").unwrap(),
            role: Role::new("web").unwrap(),
            agent: AgentId::new(format!("agent-{hostname}")).unwrap(),
            resources: info.resources.clone(),
            agent_info: Arc::new(info),
            unavailability: None,
        }
    }

    /// Uses offers; what is launched runs afterwards.
    pub(super) fn use_offers(&mut self, offers: Vec<Offer>) -> Vec<OfferUse> {
        let secrets = &self.secrets;
        let secrets = |source: &str| secrets.get(source).cloned();
        let situation = Situation { now: self.now, instances: &self.instances, secrets: &secrets };
        let tasks = &mut self.tasks;
        let mut next_id = |id: &PathId| {
            *tasks += 1;
            TaskId::new(format!("{}.{tasks}", id.safe_path())).unwrap()
        };
        let uses = self.queue.use_offers(offers, &situation, &mut next_id);
        for launched in uses.iter().flat_map(|one| &one.launched) {
            let instance = Instance { condition: Condition::Task(TaskState::Running), ..launched.instance.clone() };
            self.add(instance);
        }
        uses
    }

    pub(super) fn add(&mut self, instance: Instance) {
        let mut of_app = self.instances.get(&instance.app).cloned().unwrap_or_default();
        let app = instance.app.clone();
        of_app.insert(instance.id.clone(), Arc::new(instance));
        self.instances.insert(app, of_app);
    }

    /// Where the instances of an offer's use are launched: `a b b`, by host.
    pub(super) fn offered(&mut self, offers: &[(&str, &str)]) -> String {
        let offers = offers.iter().map(|(agent, resources)| self.offer(agent, resources)).collect();
        let uses = self.use_offers(offers);
        let mut hosts: Vec<&str> = launched(&uses).map(|one| one.instance.host.as_str()).collect();
        hosts.sort_unstable();
        hosts.join(" ")
    }

    pub(super) fn item(&self, id: &str) -> &QueueItem {
        self.queue.items().get(&path(id)).unwrap()
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now = Timestamp::from_millis(self.now.millis() + seconds * 1000);
    }
}

pub(super) fn launched(uses: &[OfferUse]) -> impl Iterator<Item = &NewInstance> {
    uses.iter().flat_map(|one| &one.launched)
}

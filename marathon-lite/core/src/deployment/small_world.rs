//! Trees and deployments for tests, written in few words.

use super::{Deployment, DeploymentId, plan};
use crate::{
    app::{AppDefinition, PathId, Timestamp, VersionInfo},
    group::{Group, Root},
    instances::{Condition, Instance},
    pods::PodDefinition,
    support::Support,
};
use proptest::prelude::*;
use proto_types::{AgentId, TaskId, TaskState};
use std::{collections::BTreeSet, sync::Arc};

pub(super) fn path(text: &str) -> PathId {
    PathId::parse(text).unwrap()
}

pub(super) fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A root of apps (`/a*3@2: /b`: three instances, version 2, depends on `/b`), pods (`pod /p*3@2`) and groups (`/g/: /h`).
/// The version of the configuration may differ: `@5/2` is a version 5 that changed nothing of version 2 but its scale.
pub(super) fn tree(lines: &[&str]) -> Root {
    let mut root = Root::new(at(0));
    for line in lines {
        put(&mut root, line);
    }
    root
}

pub(super) fn put(root: &mut Root, line: &str) {
    let (what, dependencies) = line.split_once(':').unwrap_or((line, ""));
    let dependencies: BTreeSet<PathId> = dependencies.split_whitespace().map(path).collect();
    if what.ends_with('/') {
        root.put_group(Group { id: path(what), dependencies, version: at(0) });
    } else if let Some(what) = what.strip_prefix("pod ") {
        root.put_pod(pod(what), at(0));
    } else {
        let app = AppDefinition { dependencies, ..AppDefinition::clone(&app(what)) };
        root.put_app(Arc::new(app), at(0));
    }
}

/// The parts of `/a*3@5/2`: path, instances, version, version of the configuration.
fn parts(what: &str) -> (PathId, u32, Timestamp, VersionInfo) {
    let (what, versions) = what.split_once('@').unwrap_or((what, "1"));
    let (version, config) = versions.split_once('/').unwrap_or((versions, versions));
    let (id, instances) = what.split_once('*').unwrap_or((what, "1"));
    let [version, config] = [version, config].map(|text| at(text.parse().unwrap()));
    let info = VersionInfo { last_scaling_at: version, last_config_change_at: config };
    (path(id), instances.parse().unwrap(), version, info)
}

pub(super) fn app(what: &str) -> Arc<AppDefinition> {
    let (id, instances, version, version_info) = parts(what);
    let cmd = Some(format!("run {}", version_info.last_config_change_at));
    Arc::new(AppDefinition { cmd, instances, version, version_info, ..AppDefinition::new(id) })
}

fn pod(what: &str) -> Arc<PodDefinition> {
    let (id, instances, version, version_info) = parts(what);
    let name = format!("run-{}", version_info.last_config_change_at.millis());
    let body = serde_json::json!({
        "id": id.as_str(),
        "containers": [{
            "name": name, "resources": {"cpus": 1, "mem": 1}, "exec": {"command": {"shell": "sleep 1"}}
        }],
        "networks": [{"mode": "host"}],
    });
    let pod = crate::pods::define(&body, None, &Support::default()).unwrap();
    Arc::new(PodDefinition { instances, version, version_info, ..pod })
}

pub(super) fn deployment(id: &str, original: &Root, target: &Root) -> Deployment {
    plan(original, target, &BTreeSet::new(), DeploymentId(id.into()), at(1000))
}

/// The steps in words: `StopApplication /a | ScaleApplication /b, RestartPod /c`.
pub(super) fn words(deployment: &Deployment) -> String {
    let step = |actions: &[super::Action]| {
        actions.iter().map(|action| format!("{} {}", action.name(), action.id)).collect::<Vec<_>>().join(", ")
    };
    deployment.steps.iter().map(|one| step(&one.actions)).collect::<Vec<_>>().join(" | ")
}

/// All apps, pods and groups with their instances, versions and dependencies.
pub(super) fn contents(root: &Root) -> String {
    let ids = |ids: &BTreeSet<PathId>| ids.iter().map(|id| format!(" {id}")).collect::<String>();
    let apps = root
        .apps()
        .map(|app| format!("{}*{}@{}:{}", app.id, app.instances, app.version.millis(), ids(&app.dependencies)));
    let pods = root.pods().map(|pod| format!("pod {}*{}@{}", pod.id, pod.instances, pod.version.millis()));
    let groups = root.groups().filter(|group| !group.id.is_root());
    let groups = groups.map(|group| format!("{}/:{}", group.id, ids(&group.dependencies)));
    apps.chain(pods).chain(groups).collect::<Vec<_>>().join(", ")
}

/// Up to eight apps in two groups, each with instances and a version; each depends on some of those before it.
pub(super) fn trees() -> impl Strategy<Value = Root> {
    let app = (0..4u32, 1..4u64, any::<u8>());
    proptest::collection::btree_map(0..8usize, app, 0..8).prop_map(|apps| {
        let mut lines: Vec<String> = Vec::new();
        for (index, (instances, version, mask)) in &apps {
            let name = |index: usize| format!("/{}/a{index}", if index.is_multiple_of(2) { "even" } else { "odd" });
            let earlier = apps.keys().filter(|other| *other < index && mask >> **other & 1 == 1);
            let dependencies = earlier.map(|other| name(*other)).collect::<Vec<_>>().join(" ");
            lines.push(format!("{}*{instances}@{version}: {dependencies}", name(*index)));
        }
        tree(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

/// Instances of an app, one a letter: of the version `version` with the configuration `config`; `R` runs, `s` is staged, `u`
/// is unreachable, `k` runs and is being killed, `x` is unreachable and is being killed.
pub(super) fn instances(app: &str, letters: &str, version: u64, config: u64) -> Vec<Arc<Instance>> {
    let instance = |(index, letter): (usize, char)| {
        let id = TaskId::new(format!("{}.{letter}{index}-{version}", path(app).safe_path())).unwrap();
        let agent = AgentId::new("agent").unwrap();
        let mut instance = Instance::new(id, path(app), agent, "host".into(), at(version));
        instance.version = at(version);
        instance.config_version = at(config);
        instance.goal_stopped = matches!(letter, 'k' | 'x');
        instance.condition = Condition::Task(match letter {
            's' => TaskState::Staging,
            'u' | 'x' => TaskState::Unreachable,
            _ => TaskState::Running,
        });
        Arc::new(instance)
    };
    letters.chars().enumerate().map(instance).collect()
}

//! A group with what is in it, as JSON.

use super::Root;
use crate::{
    app::{AppDefinition, PathId},
    pods::PodDefinition,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What of a group is written (`embed=group.groups` and so on).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Embed {
    /// Its groups.
    pub groups: bool,
    /// Its apps.
    pub apps: bool,
    /// Its pods.
    pub pods: bool,
}

/// What the caller knows of apps and pods beyond what is wanted: counts, tasks, deployments, states.
pub trait Extras {
    /// The app, with what is to be added; none: it is not shown.
    fn app(&mut self, app: &AppDefinition) -> Option<Value>;
    /// The pod, in the form in which groups show it; none: it is not shown.
    fn pod(&mut self, pod: &PodDefinition) -> Option<Value>;
}

/// What is directly in each group.
#[derive(Default)]
struct Children {
    apps: Vec<Value>,
    pods: Vec<Value>,
    groups: Vec<PathId>,
}

impl Embed {
    /// Everything, which is what is written if a client asks for nothing in particular.
    pub const ALL: Self = Self { groups: true, apps: true, pods: true };
}

impl Root {
    /// The group as JSON, if there is one. The tree is gone through once, however deep it is.
    pub fn render_group(&self, id: &PathId, embed: Embed, extras: &mut dyn Extras) -> Option<Value> {
        self.group(id)?;
        let mut children: BTreeMap<PathId, Children> = BTreeMap::new();
        // Without their groups only what is directly in this one is shown.
        let shown = |parent: &PathId| embed.groups || parent == id;
        if embed.apps {
            for app in self.apps_below(id) {
                let Some(parent) = app.id.parent().filter(shown) else { continue };
                children.entry(parent).or_default().apps.extend(extras.app(app));
            }
        }
        if embed.pods {
            for pod in self.pods_below(id) {
                let Some(parent) = pod.id.parent().filter(shown) else { continue };
                children.entry(parent).or_default().pods.extend(extras.pod(pod));
            }
        }
        if embed.groups {
            for group in self.groups_below(id) {
                let Some(parent) = group.id.parent() else { continue };
                children.entry(parent).or_default().groups.push(group.id.clone());
            }
        }
        Some(self.assemble(id, &mut children))
    }

    /// Depth is bounded by the length of ids.
    fn assemble(&self, id: &PathId, children: &mut BTreeMap<PathId, Children>) -> Value {
        let own = children.remove(id).unwrap_or_default();
        let groups: Vec<Value> = own.groups.iter().map(|group| self.assemble(group, children)).collect();
        let group = self.group(id);
        let dependencies: Vec<&str> = group.iter().flat_map(|group| &group.dependencies).map(PathId::as_str).collect();
        let mut out = Map::new();
        out.insert("id".into(), id.as_str().into());
        out.insert("apps".into(), own.apps.into());
        out.insert("pods".into(), own.pods.into());
        out.insert("groups".into(), groups.into());
        out.insert("dependencies".into(), json!(dependencies));
        if let Some(group) = group {
            out.insert("version".into(), group.version.to_string().into());
        }
        Value::Object(out)
    }
}

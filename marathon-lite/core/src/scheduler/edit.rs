//! From what a client wants to the tree that it wants.

use super::{Edit, Refused, View};
use crate::{
    app::{self, AppDefinition, Change, PathId, Timestamp},
    group::{self, GroupChange, Root},
    pods,
    support::Support,
};
use serde_json::Value;
use std::sync::Arc;

/// What an edit comes to.
pub(super) struct Edited {
    /// The tree that is wanted, with ports and versions, checked.
    pub(super) root: Root,
    /// The app as it was sent, where one was made.
    pub(super) created: Option<Arc<AppDefinition>>,
    /// The group that was meant, for the event.
    pub(super) group: Option<PathId>,
}

/// What edits are made from.
pub(super) struct Editor<'a> {
    pub(super) view: &'a View,
    pub(super) support: &'a Support,
    /// The version that the tree gets.
    pub(super) version: Timestamp,
}

impl Editor<'_> {
    /// The tree that the edit wants.
    pub(super) fn edit(&self, edit: &Edit) -> Result<Edited, Refused> {
        match edit {
            Edit::CreateApp(body) => self.create_app(body),
            Edit::UpdateApp { id, body, partial, create } => self.update_app(id, body, *partial, *create),
            Edit::UpdateApps { body, partial, create } => self.update_apps(body, *partial, *create),
            Edit::DeleteApp(id) => {
                self.app(id)?;
                let mut root = self.view.root.clone();
                root.remove_app(id, self.version);
                self.settled(root)
            }
            Edit::RestartApp(id) => {
                let app = group::restarted(self.app(id)?, self.version);
                self.with_app(app)
            }
            Edit::CreateGroup { id, body } => self.create_group(id, body),
            Edit::UpdateGroup { id, body } => self.update_group(id, body),
            Edit::DeleteGroup(id) => {
                self.view.root.group(id).ok_or_else(|| no_group(id))?;
                let mut root = self.view.root.clone();
                root.remove_group(id, self.version);
                Ok(Edited { group: Some(id.clone()), ..self.settled(root)? })
            }
            Edit::CreatePod(body) => {
                let pod = pods::define(body, None, self.support).map_err(Refused::Request)?;
                if self.view.root.pod(&pod.id).is_some() {
                    return Err(Refused::Conflict(format!("A pod with id [{}] already exists.", pod.id)));
                }
                self.with_pod(pod)
            }
            Edit::UpdatePod { id, body } => {
                self.view.root.pod(id).ok_or_else(|| no_pod(id))?;
                self.with_pod(pods::define(body, Some(id), self.support).map_err(Refused::Request)?)
            }
            Edit::DeletePod(id) => {
                self.view.root.pod(id).ok_or_else(|| no_pod(id))?;
                let mut root = self.view.root.clone();
                root.remove_pod(id, self.version);
                self.settled(root)
            }
        }
    }

    /// The tree with apps having so many instances.
    pub(super) fn scaled(&self, counts: impl IntoIterator<Item = (PathId, u32)>) -> Result<Root, Refused> {
        let mut root = self.view.root.clone();
        for (id, instances) in counts {
            if let Some(app) = self.view.root.app(&id) {
                let app = AppDefinition { instances, ..AppDefinition::clone(app) };
                root.put_app(Arc::new(app), self.version);
            } else if let Some(pod) = self.view.root.pod(&id) {
                let pod = pods::PodDefinition { instances, ..pods::PodDefinition::clone(pod) };
                root.put_pod(Arc::new(pod), self.version);
            }
        }
        self.settled(root).map(|edited| edited.root)
    }

    /// The tree, with ports and versions, if it is well formed.
    pub(super) fn settled(&self, root: Root) -> Result<Edited, Refused> {
        let root = group::settle(&self.view.root, root, self.version, self.support).map_err(Refused::Request)?;
        Ok(Edited { root, created: None, group: None })
    }

    fn app(&self, id: &PathId) -> Result<&Arc<AppDefinition>, Refused> {
        self.view.root.app(id).ok_or_else(|| no_app(id))
    }

    fn with_app(&self, app: AppDefinition) -> Result<Edited, Refused> {
        let mut root = self.view.root.clone();
        root.put_app(Arc::new(app), self.version);
        self.settled(root)
    }

    fn with_pod(&self, pod: pods::PodDefinition) -> Result<Edited, Refused> {
        let mut root = self.view.root.clone();
        root.put_pod(Arc::new(pod), self.version);
        self.settled(root)
    }

    fn create_app(&self, body: &Value) -> Result<Edited, Refused> {
        let app = app::define(body, self.support).map_err(Refused::Request)?;
        if self.view.root.app(&app.id).is_some() {
            return Err(Refused::Conflict(format!("An app with id [{}] already exists.", app.id)));
        }
        let edited = self.with_app(app.clone())?;
        Ok(Edited { created: Some(self.as_sent(app, &edited.root)), ..edited })
    }

    /// The app as its sender knows it, with the versions that it got: Marathon answers before ports are given out.
    fn as_sent(&self, app: AppDefinition, root: &Root) -> Arc<AppDefinition> {
        let settled = root.app(&app.id);
        let version = settled.map_or(self.version, |settled| settled.version);
        let version_info = settled.map_or(app.version_info, |settled| settled.version_info);
        Arc::new(AppDefinition { version, version_info, ..app })
    }

    fn update_app(&self, id: &PathId, body: &Value, partial: bool, create: bool) -> Result<Edited, Refused> {
        let existing = self.view.root.app(id);
        if existing.is_none() && !create {
            return Err(no_app(id));
        }
        let change = app::change(body, id, existing.map(Arc::as_ref), partial, self.support);
        let app = self.resolved(id, change.map_err(Refused::Request)?)?;
        let edited = self.with_app(app.clone())?;
        let created = existing.is_none().then(|| self.as_sent(app, &edited.root));
        Ok(Edited { created, ..edited })
    }

    fn update_apps(&self, body: &Value, partial: bool, create: bool) -> Result<Edited, Refused> {
        let existing = |id: &PathId| self.view.root.app(id).map(Arc::as_ref);
        let changes = app::changes(body, existing, partial, self.support).map_err(Refused::Request)?;
        let mut root = self.view.root.clone();
        for (id, change) in changes {
            if !create {
                self.app(&id)?;
            }
            root.put_app(Arc::new(self.resolved(&id, change)?), self.version);
        }
        self.settled(root)
    }

    /// The app that a change wants, from the kept versions if it wants one of them.
    fn resolved(&self, id: &PathId, change: Change) -> Result<AppDefinition, Refused> {
        match change {
            Change::To(app) => Ok(*app),
            Change::Back(version) => {
                let app = self.view.app_versions.get(id).and_then(|versions| versions.get(&version));
                let missing = || Refused::NotFound(format!("App '{id}' does not exist in version {version}"));
                app.map(|app| AppDefinition::clone(app)).ok_or_else(missing)
            }
        }
    }

    fn create_group(&self, base: &PathId, body: &Value) -> Result<Edited, Refused> {
        let known = (!base.is_root() && body.get("id").is_none()).then_some(base);
        let change = group::change(body, base, known, &self.view.root, self.version, self.support);
        match change.map_err(Refused::Request)? {
            GroupChange::To { id, root } => {
                if self.view.root.app(&id).is_some() {
                    return Err(Refused::Conflict(format!("An app with the path {id} already exists.")));
                }
                if self.view.root.group(&id).is_some() && !id.is_root() {
                    let why = format!("Group {id} is already created. Use PUT to change this group.");
                    return Err(Refused::Conflict(why));
                }
                Ok(Edited { root, created: None, group: Some(id) })
            }
            GroupChange::Back { id, version } => self.group_back(&id, version),
        }
    }

    fn update_group(&self, id: &PathId, body: &Value) -> Result<Edited, Refused> {
        let change = group::change(body, id, Some(id), &self.view.root, self.version, self.support);
        match change.map_err(Refused::Request)? {
            GroupChange::To { id, root } => Ok(Edited { root, created: None, group: Some(id) }),
            GroupChange::Back { id, version } => self.group_back(&id, version),
        }
    }

    /// The tree with one group, and all that is in it, as it was.
    fn group_back(&self, id: &PathId, version: Timestamp) -> Result<Edited, Refused> {
        self.view.root.group(id).ok_or_else(|| no_group(id))?;
        let missing = || Refused::NotFound(format!("Group '{id}' does not exist in version {version}"));
        let was = self.view.root_versions.get(&version).ok_or_else(missing)?;
        let group = was.group(id).ok_or_else(missing)?;
        let mut root = self.view.root.clone();
        root.remove_group(id, self.version);
        for app in was.apps_below(id) {
            root.put_app(Arc::clone(app), self.version);
        }
        for pod in was.pods_below(id) {
            root.put_pod(Arc::clone(pod), self.version);
        }
        for one in was.groups_below(id).chain([group]) {
            root.put_group(group::Group { version: self.version, ..group::Group::clone(one) });
        }
        Ok(Edited { group: Some(id.clone()), ..self.settled(root)? })
    }
}

fn no_app(id: &PathId) -> Refused {
    Refused::NotFound(format!("App '{id}' does not exist"))
}

fn no_group(id: &PathId) -> Refused {
    Refused::NotFound(format!("Group '{id}' does not exist"))
}

fn no_pod(id: &PathId) -> Refused {
    Refused::NotFound(format!("Pod '{id}' does not exist"))
}

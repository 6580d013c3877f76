//! The names of stored objects.

use crate::{
    app::{PathId, Timestamp},
    deployment::DeploymentId,
};
use proto_types::TaskId;

/// Names a stored object. Its text is the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scheduler) enum Key {
    Framework,
    App(PathId),
    Pod(PathId),
    Group(PathId),
    AppVersion(PathId, Timestamp),
    PodVersion(PathId, Timestamp),
    RootVersion(Timestamp),
    Deployment(DeploymentId),
    DeploymentStep(DeploymentId),
    Instance(TaskId),
    Failure(PathId),
    Runs(PathId),
}

impl Key {
    pub(in crate::scheduler) fn text(&self) -> String {
        match self {
            Self::Framework => "framework".into(),
            Self::App(id) => format!("apps{id}"),
            Self::Pod(id) => format!("pods{id}"),
            Self::Group(id) => format!("groups{id}"),
            Self::AppVersion(id, version) => format!("app-versions{id}@{}", version.millis()),
            Self::PodVersion(id, version) => format!("pod-versions{id}@{}", version.millis()),
            Self::RootVersion(version) => format!("root-versions/{}", version.millis()),
            Self::Deployment(id) => format!("deployments/{id}"),
            Self::DeploymentStep(id) => format!("deployment-steps/{id}"),
            Self::Instance(id) => format!("instances/{id}"),
            Self::Failure(id) => format!("failures{id}"),
            Self::Runs(id) => format!("runs{id}"),
        }
    }

    /// The object that a key names; none: no object of this program.
    pub(in crate::scheduler) fn parse(text: &str) -> Option<Self> {
        if text == "framework" {
            return Some(Self::Framework);
        }
        let slash = text.find('/')?;
        let (kind, rest) = text.split_at(slash);
        let path = || PathId::parse(rest).ok();
        let name = &rest[1..];
        let versioned = || {
            let (id, version) = rest.rsplit_once('@')?;
            Some((PathId::parse(id).ok()?, Timestamp::from_millis(version.parse().ok()?)))
        };
        match kind {
            "apps" => path().map(Self::App),
            "pods" => path().map(Self::Pod),
            "groups" => path().map(Self::Group),
            "app-versions" => versioned().map(|(id, version)| Self::AppVersion(id, version)),
            "pod-versions" => versioned().map(|(id, version)| Self::PodVersion(id, version)),
            "root-versions" => name.parse().ok().map(|millis| Self::RootVersion(Timestamp::from_millis(millis))),
            "deployments" => Some(Self::Deployment(DeploymentId(name.to_owned()))),
            "deployment-steps" => Some(Self::DeploymentStep(DeploymentId(name.to_owned()))),
            "instances" => TaskId::new(name).ok().map(Self::Instance),
            "failures" => path().map(Self::Failure),
            "runs" => path().map(Self::Runs),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_again() {
        let path = || PathId::parse("/shop/web.v1").unwrap();
        let at = Timestamp::from_millis(1_443_469_657_681);
        let id = || DeploymentId("d-1".into());
        for key in [
            Key::Framework,
            Key::App(path()),
            Key::Pod(path()),
            Key::Group(PathId::root()),
            Key::AppVersion(path(), at),
            Key::PodVersion(path(), at),
            Key::RootVersion(at),
            Key::Deployment(id()),
            Key::DeploymentStep(id()),
            Key::Instance(TaskId::new("shop_web.v1.x").unwrap()),
            Key::Failure(path()),
            Key::Runs(path()),
        ] {
            assert_eq!(Key::parse(&key.text()), Some(key));
        }
        assert_eq!(Key::App(path()).text(), "apps/shop/web.v1");
        assert_eq!(Key::parse("future/thing"), None);
    }
}

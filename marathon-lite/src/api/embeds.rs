//! `embed=`: what is told of apps and groups beyond what is wanted of them.

use super::query::Query;
use marathon_lite_core::group;

/// What is told of each app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of its own")]
pub(crate) struct AppEmbed {
    /// Its instances.
    pub(crate) tasks: bool,
    /// How many of them do how.
    pub(crate) counts: bool,
    /// The deployments that change it.
    pub(crate) deployments: bool,
    /// What its readiness checks say.
    pub(crate) readiness: bool,
    /// How an instance last failed.
    pub(crate) last_task_failure: bool,
    /// How many instances of which version there are, and how old they are.
    pub(crate) task_stats: bool,
}

impl AppEmbed {
    /// What lists of apps always tell.
    pub(crate) const LIST: Self = Self {
        tasks: false,
        counts: true,
        deployments: true,
        readiness: false,
        last_task_failure: false,
        task_stats: false,
    };

    /// What is always told of a single app.
    pub(crate) const SINGLE: Self = Self {
        tasks: true,
        counts: true,
        deployments: true,
        readiness: false,
        last_task_failure: true,
        task_stats: false,
    };

    /// These and those that are asked for. Unknown names mean nothing.
    pub(crate) fn asked(mut self, query: &Query) -> Self {
        for name in query.all("embed") {
            self.add(name);
        }
        self
    }

    fn add(&mut self, name: &str) {
        let prefixes = ["group.apps.", "apps.", "app."];
        let name = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
        match name {
            "tasks" => (self.tasks, self.deployments) = (true, true),
            "counts" => self.counts = true,
            "deployments" => self.deployments = true,
            "readiness" => self.readiness = true,
            "lastTaskFailure" => self.last_task_failure = true,
            "taskStats" => self.task_stats = true,
            "failures" => (self.tasks, self.deployments, self.last_task_failure) = (true, true, true),
            other => tracing::debug!(name = other, "an unknown embed is left out"),
        }
    }
}

/// What is told of a group: its parts, and of its apps.
pub(crate) fn group(query: &Query) -> (group::Embed, AppEmbed) {
    let mut parts = group::Embed { groups: false, apps: false, pods: false };
    let mut apps = AppEmbed::default();
    let mut any = false;
    for name in query.all("embed") {
        any = true;
        match name {
            "group.groups" => parts.groups = true,
            "group.apps" => parts.apps = true,
            "group.pods" => parts.pods = true,
            other => {
                if let Some(rest) = other.strip_prefix("group.apps.") {
                    parts.apps = true;
                    apps.add(rest);
                }
            }
        }
    }
    (if any { parts } else { group::Embed::ALL }, apps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_many_forms() {
        for name in ["tasks", "app.tasks", "apps.tasks", "group.apps.tasks"] {
            let embed = AppEmbed::default().asked(&Query::parse(&format!("embed={name}")));
            assert_eq!(embed, AppEmbed { tasks: true, deployments: true, ..AppEmbed::default() }, "{name}");
        }
        let failures = AppEmbed::LIST.asked(&Query::parse("embed=apps.failures&embed=nonsense"));
        assert_eq!(failures, AppEmbed { tasks: true, last_task_failure: true, ..AppEmbed::LIST });
    }

    #[test]
    fn groups_tell_everything_unless_something_is_asked_for() {
        assert_eq!(group(&Query::default()), (group::Embed::ALL, AppEmbed::default()));
        let (parts, apps) = group(&Query::parse("embed=group.groups&embed=group.apps.counts"));
        assert_eq!(parts, group::Embed { groups: true, apps: true, pods: false });
        assert_eq!(apps, AppEmbed { counts: true, ..AppEmbed::default() });
    }
}

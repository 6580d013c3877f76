//! What every change of the tree goes through before it is deployed.

use super::{Root, service_ports, versions};
use crate::{
    app::Timestamp,
    json::{Refusal, Report},
    support::Support,
    validate,
};

/// Gives changed apps their service ports and versions, and checks the tree.
///
/// # Errors
/// What is against the rules.
pub fn settle(before: &Root, mut after: Root, version: Timestamp, support: &Support) -> Result<Root, Refusal> {
    service_ports::assign(before, &mut after, version, support)?;
    versions::bump(before, &mut after, version);
    let report = Report::default();
    validate::root(before, &after, &report);
    for change in after.changed_apps(before) {
        if let (Some(old), Some(new)) = (&change.before, &change.after) {
            validate::app_change(old, new, "", &report);
        }
    }
    report.finish()?;
    Ok(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{AppDefinition, PathId, PortDefinition},
        group::restarted,
    };
    use std::sync::Arc;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn app(id: &str, ports: &[u16]) -> AppDefinition {
        let definition = |port: &u16| PortDefinition { port: *port, ..PortDefinition::default() };
        let port_definitions = ports.iter().map(definition).collect();
        AppDefinition { port_definitions, ..AppDefinition::new(PathId::parse(id).unwrap()) }
    }

    /// The tree after an app was put into it.
    fn put(before: &Root, app: AppDefinition, version: u64) -> Root {
        let mut after = before.clone();
        after.put_app(Arc::new(app), at(version));
        settle(before, after, at(version), &Support { local_port_max: 10_003, ..Support::default() }).unwrap()
    }

    fn get<'a>(root: &'a Root, id: &str) -> &'a AppDefinition {
        root.app(&PathId::parse(id).unwrap()).unwrap()
    }

    #[test]
    fn service_ports_are_the_lowest_free_and_kept() {
        let root = put(&Root::new(at(0)), app("/a", &[0, 10_001]), 1);
        assert_eq!(get(&root, "/a").service_ports(), [10_000, 10_001]);
        let root = put(&root, app("/b", &[0]), 2);
        assert_eq!(get(&root, "/b").service_ports(), [10_002]);
        let root = put(&root, app("/a", &[0, 0, 80]), 3);
        assert_eq!(get(&root, "/a").service_ports(), [10_000, 10_001, 80]);
        let root = put(&root, app("/a", &[10_001, 0]), 4);
        assert_eq!(get(&root, "/a").service_ports(), [10_001, 10_000]);
    }

    #[test]
    fn when_no_port_is_left_the_app_is_refused() {
        let root = put(&Root::new(at(0)), app("/a", &[0, 0, 0]), 1);
        let mut after = root.clone();
        after.put_app(Arc::new(app("/b", &[0, 0])), at(2));
        let support = Support { local_port_max: 10_003, ..Support::default() };
        let refusal = settle(&root, after, at(2), &support).unwrap_err();
        assert!(refusal.to_string().starts_with("/portDefinitions: no service port from 10000 to 10003"), "{refusal}");
    }

    #[test]
    fn scaling_keeps_the_configuration_version() {
        let root = put(&Root::new(at(0)), app("/a", &[7]), 1);
        let info = |root: &Root| {
            let app = get(root, "/a");
            let info = app.version_info;
            (app.version.millis(), info.last_scaling_at.millis(), info.last_config_change_at.millis())
        };
        assert_eq!(info(&root), (1, 1, 1));
        let same = put(&root, AppDefinition { version: at(0), ..app("/a", &[7]) }, 2);
        assert_eq!(info(&same), (1, 1, 1));
        let scaled = put(&root, AppDefinition { instances: 5, ..app("/a", &[7]) }, 3);
        assert_eq!(info(&scaled), (3, 3, 1));
        let changed = put(&scaled, AppDefinition { cmd: Some("x".into()), ..app("/a", &[7]) }, 4);
        assert_eq!(info(&changed), (4, 4, 4));
        let again = put(&changed, restarted(get(&changed, "/a"), at(5)), 5);
        assert_eq!(info(&again), (5, 5, 5));
    }
}

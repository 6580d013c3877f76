//! Which version an app has after a change.
//!
//! An app's version says when it last changed at all, `lastScalingAt` when its number of instances did, and
//! `lastConfigChangeAt` when anything else did: it tells instances of the old configuration from those of the new one,
//! so scaling keeps it.

use super::Root;
use crate::app::{AppDefinition, Timestamp, VersionInfo};
use std::sync::Arc;

/// The app, to be started anew although nothing of it changed.
#[must_use]
pub fn restarted(app: &AppDefinition, version: Timestamp) -> AppDefinition {
    let version_info = VersionInfo { last_scaling_at: version, last_config_change_at: version };
    AppDefinition { version, version_info, ..app.clone() }
}

/// Gives every changed app and pod its version. What changed in nothing but versions stays what it was.
pub(super) fn bump(before: &Root, after: &mut Root, version: Timestamp) {
    for change in after.changed_apps(before) {
        let Some(app) = change.after else { continue };
        let app = match &change.before {
            Some(old) if is_marked(&app, version) && app.version != old.version => app,
            Some(old) if equal_but_versions(&app, old) => Arc::clone(old),
            Some(old) => {
                let scaled = AppDefinition { instances: old.instances, ..AppDefinition::clone(&app) };
                let last_config_change_at =
                    if equal_but_versions(&scaled, old) { old.version_info.last_config_change_at } else { version };
                with_version(&app, version, VersionInfo { last_scaling_at: version, last_config_change_at })
            }
            None => {
                with_version(&app, version, VersionInfo { last_scaling_at: version, last_config_change_at: version })
            }
        };
        after.put_app(app, version);
    }
    for change in after.changed_pods(before) {
        let Some(pod) = change.after else { continue };
        let pod = pod.versioned(change.before.as_ref(), version);
        after.put_pod(pod, version);
    }
}

/// Whether an app was given this version by [`restarted`].
fn is_marked(app: &AppDefinition, version: Timestamp) -> bool {
    app.version == version && app.version_info.last_config_change_at == version
}

fn equal_but_versions(app: &AppDefinition, old: &AppDefinition) -> bool {
    let same = AppDefinition { version: old.version, version_info: old.version_info, ..app.clone() };
    same == *old
}

fn with_version(app: &AppDefinition, version: Timestamp, version_info: VersionInfo) -> Arc<AppDefinition> {
    Arc::new(AppDefinition { version, version_info, ..app.clone() })
}

//! Which ports this load balancer serves.

use super::Options;
use crate::labels::{AppLabels, PortLabels};

/// Whether a port belongs here: its group, or else its app's, is one of ours, and it is not switched off.
pub(super) fn is_selected(app: &AppLabels, port: &PortLabels, options: &Options) -> bool {
    let groups = port.groups.as_ref().unwrap_or(&app.groups);
    let ours = options.groups.contains("*") || groups.iter().any(|group| options.groups.contains(group));
    ours && port.enabled.unwrap_or(!options.strict)
}

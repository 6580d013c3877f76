//! Frameworks as they describe themselves.

use super::{
    DESCRIPTION_BYTES_MAX, Invalid,
    at::At,
    readable,
    text::{self, filled, millis, or_empty, to_millis},
};
use crate::v1;
use proto_types::{FrameworkInfo, Role, framework::FAILOVER_TIMEOUT_DEFAULT};

readable! { v1::FrameworkInfo => FrameworkInfo: framework_info; }

/// A description that comes from a scheduler, which must not outgrow an entry of a log.
pub(crate) fn own_framework_info(wire: v1::FrameworkInfo, at: &At<'_>) -> Result<FrameworkInfo, Invalid> {
    text::check_size(&wire, DESCRIPTION_BYTES_MAX, at)?;
    framework_info(wire, at)
}

pub(crate) fn framework_info(wire: v1::FrameworkInfo, at: &At<'_>) -> Result<FrameworkInfo, Invalid> {
    let roles = text::roles(wire.roles, &at.field("roles"))?;
    Ok(FrameworkInfo {
        id: text::optional_id(&wire.id, &at.field("id"))?,
        name: filled(wire.name, &at.field("name"))?,
        user: text::user(wire.user, &at.field("user"))?,
        roles: if roles.is_empty() { vec![Role::any()] } else { roles },
        failover_timeout: wire.failover_timeout_ms.map_or(FAILOVER_TIMEOUT_DEFAULT, millis),
        webui_url: wire.webui_url,
        hostname: wire.hostname,
        labels: text::labels(wire.labels, &at.field("labels"))?,
    })
}

impl From<&FrameworkInfo> for v1::FrameworkInfo {
    fn from(info: &FrameworkInfo) -> Self {
        Self {
            id: or_empty(info.id.as_ref()),
            name: info.name.clone(),
            user: info.user.clone(),
            roles: text::texts(&info.roles),
            failover_timeout_ms: Some(to_millis(info.failover_timeout)),
            webui_url: info.webui_url.clone(),
            hostname: info.hostname.clone(),
            labels: info.labels.clone(),
        }
    }
}

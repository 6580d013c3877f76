//! What the driver has to look up on its machine before a model can be built.

use super::Options;
use crate::{
    labels::{CertificatePath, parse},
    source::{App, AppId},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

/// All certificates and other files that labels name. Those that cannot be read or are none go into
/// [`Options::unusable_certificates`], so that one of them does not spoil the whole configuration.
#[must_use]
pub fn certificates_named(apps: &BTreeMap<AppId, Arc<App>>, options: &Options) -> BTreeSet<CertificatePath> {
    let naming = |key: &String| key.ends_with("_SSL_CERT") || key.ends_with("_BIND_OPTIONS");
    let mut named = BTreeSet::new();
    for app in apps.values().filter(|app| app.labels.keys().any(naming)) {
        for port in parse(&app.labels, app.ports.len(), &options.policy).labels.ports.into_values() {
            named.extend(port.certificates);
            named.extend(port.bind_files);
        }
    }
    named
}

/// All hosts of tasks that are names. Their addresses go into [`Options::hosts`]: HAProxy resolves no names for servers
/// that it gets while it runs.
#[must_use]
pub fn hosts_named(apps: &BTreeMap<AppId, Arc<App>>) -> BTreeSet<&str> {
    let hosts = apps.values().flat_map(|app| app.tasks.values()).map(|task| task.host.as_str());
    hosts.filter(|host| !host.is_empty() && host.parse::<IpAddr>().is_err()).collect()
}

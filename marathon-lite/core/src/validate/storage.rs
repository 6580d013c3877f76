//! Volumes and secrets.

use super::repeated;
use crate::{
    app::{AppDefinition, EnvironmentValue, SecretVolume, Volume},
    json::Report,
    support::Support,
};
use std::collections::BTreeMap;

pub(super) fn check(app: &AppDefinition, at: &str, support: &Support, report: &Report) {
    let image = app.container.as_ref().is_some_and(|container| container.docker.is_some());
    for (index, volume) in app.volumes().iter().enumerate() {
        let path = format!("{at}/container/volumes({index})");
        check_volume(app, volume, image, &path, support, report);
    }
    if repeated(app.volumes().iter().map(Volume::container_path)).is_some() {
        report.refuse(&format!("{at}/container/volumes"), "must not have the same containerPath twice");
    }
    let persistent = app.volumes().iter().any(|volume| matches!(volume, Volume::Persistent(_)));
    if app.residency.is_some() && !persistent {
        report.refuse(&format!("{at}/residency"), "needs a persistent volume in '/container/volumes'");
    }
    secret_references(&app.env, &app.secrets, &format!("{at}/env"), support, report);
}

fn check_volume(app: &AppDefinition, volume: &Volume, image: bool, path: &str, support: &Support, report: &Report) {
    match volume {
        Volume::Host(host) => {
            if !image {
                let why = "needs an image in '/container/docker': processes see the agent's own directories";
                report.refuse(&format!("{path}/hostPath"), why);
            } else if !host.container_path.starts_with('/') {
                report.refuse(&format!("{path}/containerPath"), "must be an absolute path");
            }
        }
        Volume::Persistent(volume) => {
            if !support.persistent_volumes {
                let why = "persistent volumes are not available: the master of this cluster does not offer them";
                report.refuse(&format!("{path}/persistent"), why);
            }
            if volume.container_path.contains('/') {
                report.refuse(&format!("{path}/containerPath"), "must not contain '/': it is a name in the sandbox");
            }
            if volume.max_size.is_some_and(|most| most < volume.size) {
                report.refuse(&format!("{path}/persistent/maxSize"), "must be at least the size");
            }
        }
        Volume::Secret(SecretVolume { secret, container_path }) => {
            if !app.secrets.contains_key(secret) {
                report.refuse(&format!("{path}/secret"), undefined(secret));
            }
            if !image {
                let why = "needs an image in '/container/docker'; give the secret to a process in '/env'";
                report.refuse(&format!("{path}/secret"), why);
            } else if !container_path.starts_with('/') {
                report.refuse(&format!("{path}/containerPath"), "must be an absolute path");
            }
            if !support.secrets {
                report.refuse(&format!("{path}/secret"), SECRETS_OFF);
            }
        }
    }
}

const SECRETS_OFF: &str = "secrets are not available: this server is not configured to look them up";

fn undefined(secret: &str) -> String {
    format!("references an undefined secret named '{secret}'; define it in '/secrets'")
}

/// Checks that every secret that the environment names is defined.
pub(crate) fn secret_references(
    environment: &BTreeMap<String, EnvironmentValue>,
    secrets: &BTreeMap<String, String>,
    path: &str,
    support: &Support,
    report: &Report,
) {
    for (name, value) in environment {
        let EnvironmentValue::Secret(secret) = value else { continue };
        let path = format!("{path}/{name}");
        if !support.secrets {
            report.refuse(&path, SECRETS_OFF);
        }
        if !secrets.contains_key(secret) {
            report.refuse(&path, undefined(secret));
        }
    }
}

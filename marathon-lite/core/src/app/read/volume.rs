//! An app's volumes.

use crate::{
    app::{HostVolume, PersistentKind, PersistentVolume, ReadMode, SecretVolume, Volume},
    json::{Fields, Item},
};

const MODES: [(&str, ReadMode); 2] = [("RO", ReadMode::ReadOnly), ("RW", ReadMode::ReadWrite)];
const KINDS: [(&str, PersistentKind); 3] =
    [("root", PersistentKind::Root), ("path", PersistentKind::Path), ("mount", PersistentKind::Mount)];

/// An element of `container.volumes`.
pub(super) fn read(item: &Item<'_>) -> Option<Volume> {
    let fields = item.object()?;
    let container_path = fields.required("containerPath").as_ref().and_then(Item::filled);
    if fields.get("secret").is_some() {
        let secret = fields.read("secret", Item::filled);
        return Some(Volume::Secret(SecretVolume { container_path: container_path?, secret: secret? }));
    }
    if let Some(external) = fields.get("external") {
        let mode = mode(&fields);
        external.object()?;
        mode?;
        external.refuse("external volumes are not supported; mount a directory of the agents with 'hostPath'");
        return None;
    }
    if let Some(persistent) = fields.get("persistent") {
        let mode = mode(&fields);
        let volume = persistent_volume(&persistent);
        return Some(Volume::Persistent(PersistentVolume { container_path: container_path?, mode: mode?, ..volume? }));
    }
    let host_path = fields.required("hostPath").as_ref().and_then(Item::filled);
    let mode = mode(&fields);
    Some(Volume::Host(HostVolume { container_path: container_path?, host_path: host_path?, mode: mode? }))
}

fn mode(fields: &Fields<'_>) -> Option<ReadMode> {
    fields.required("mode")?.choice(&MODES)
}

/// The disk alone; where it is mounted is said beside it.
fn persistent_volume(item: &Item<'_>) -> Option<PersistentVolume> {
    let fields = item.object()?;
    let kind = fields.read("type", |item| item.choice(&KINDS)).unwrap_or_default();
    let max_size = fields.read("maxSize", |item| item.whole(0..=u64::MAX));
    let profile_name = fields.read("profileName", Item::filled);
    let constraint = |item: &Item<'_>| item.each(|part| Some(part.text()?.to_owned()));
    let constraints = fields.read("constraints", |item| item.each(constraint)).unwrap_or_default();
    let size = fields.required("size")?;
    let megabytes = size.whole(0..=u64::MAX)?;
    if megabytes == 0 {
        size.refuse("must be greater than 0");
    }
    Some(PersistentVolume {
        container_path: String::new(),
        mode: ReadMode::ReadWrite,
        kind,
        size: megabytes,
        max_size,
        profile_name,
        constraints,
    })
}

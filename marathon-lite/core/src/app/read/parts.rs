//! Environment, labels, files and secrets.

use crate::{
    app::{AppUpdate, Artifact, EnvironmentValue},
    json::{Fields, Item},
};
use std::collections::BTreeMap;

/// Longest address of a file, in bytes.
const URI_BYTES_MAX: usize = 1024;
/// Endings of archives that the fetcher unpacks. Legacy `uris` are unpacked if they have one.
const ARCHIVES: [&str; 7] = [".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz", ".zip"];

pub(super) fn read(fields: &Fields<'_>, update: &mut AppUpdate) {
    update.env = fields.read("env", environment);
    update.labels = fields.read("labels", Item::labels);
    update.fetch = fields.read("fetch", |item| item.each(artifact));
    update.secrets = fields.read("secrets", secrets);
    let Some(uris) = fields.get("uris") else { return };
    let legacy = uris.each(|one| {
        let uri = address(one)?;
        let extract = ARCHIVES.iter().any(|ending| uri.ends_with(ending));
        Some(Artifact { uri, extract, executable: false, cache: false, dest_path: None })
    });
    match (&update.fetch, legacy) {
        // Marathon 1.4 wrote both, and what it wrote is sent here.
        (Some(fetch), Some(legacy))
            if !fetch.is_empty()
                && !legacy.is_empty()
                && !fetch.iter().map(|one| &one.uri).eq(legacy.iter().map(|one| &one.uri)) =>
        {
            uris.refuse("must not be set together with 'fetch'; move its addresses there");
        }
        (Some(fetch), _) if !fetch.is_empty() => {}
        (_, legacy) => update.fetch = legacy,
    }
}

/// Variables by name: a text, or `{"secret": name}`.
pub(crate) fn environment(item: &Item<'_>) -> Option<BTreeMap<String, EnvironmentValue>> {
    let fields = item.object()?;
    let mut environment = BTreeMap::new();
    for (name, item) in fields.entries() {
        if name.is_empty() || name.contains(['=', '\0']) {
            item.refuse("the name of a variable must not be empty and must not contain '=' or a zero byte");
        }
        let value = if item.value.is_object() {
            let secret = item.object().and_then(|fields| fields.required("secret"));
            secret.as_ref().and_then(Item::filled).map(EnvironmentValue::Secret)
        } else {
            item.text().map(|text| {
                if text.contains('\0') {
                    item.refuse("must not contain a zero byte");
                }
                EnvironmentValue::Plain(text.to_owned())
            })
        };
        environment.extend(value.map(|value| (name.to_owned(), value)));
    }
    Some(environment)
}

/// Secrets by name: `{"source": where}`.
pub(crate) fn secrets(item: &Item<'_>) -> Option<BTreeMap<String, String>> {
    let fields = item.object()?;
    let read = |(name, item): (&str, Item<'_>)| {
        let source = item.object()?.required("source")?.filled()?;
        Some((name.to_owned(), source))
    };
    Some(fields.entries().filter_map(read).collect())
}

/// An element of `fetch` or of a pod's `artifacts`.
pub(crate) fn artifact(item: &Item<'_>) -> Option<Artifact> {
    let fields = item.object()?;
    let dest_path = fields.read("destPath", |item| {
        let path = item.filled()?;
        if path.starts_with('/') || path.split('/').any(|part| part == "..") {
            item.refuse("must be a path below the sandbox: relative, without '..'");
        }
        Some(path)
    });
    let flag = |key, default| fields.read(key, Item::flag).unwrap_or(default);
    let (extract, executable, cache) = (flag("extract", true), flag("executable", false), flag("cache", false));
    Some(Artifact { uri: address(&fields.required("uri")?)?, extract, executable, cache, dest_path })
}

fn address(item: &Item<'_>) -> Option<String> {
    let uri = item.filled()?;
    if uri.len() > URI_BYTES_MAX {
        item.refuse(format!("has {} bytes, at most {URI_BYTES_MAX} are allowed", uri.len()));
    }
    if uri.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        item.refuse("URI has invalid syntax.");
    }
    Some(uri)
}

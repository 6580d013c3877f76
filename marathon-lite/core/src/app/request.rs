//! The bodies of requests about apps, from JSON to checked definitions.

use super::{AppDefinition, AppUpdate, PathId, Purpose, Timestamp, read::read};
use crate::{
    json::{Fields, Item, Refusal, Report},
    support::Support,
    validate,
};
use serde_json::Value;

/// What a client wants of an app that it names.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// To be as this.
    To(Box<AppDefinition>),
    /// To be as it was in this version.
    Back(Timestamp),
}

/// A new app.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn define(body: &Value, support: &Support) -> Result<AppDefinition, Refusal> {
    let report = Report::default();
    let update = read(&Item::body(body, &report), &PathId::root(), None, Purpose::Definition, support);
    match update.id().cloned() {
        Some(id) => finish(update, &id, None, "", support, &report),
        None => Err(refusal(&report)),
    }
}

/// A change of the app with this id, or the app itself if it is new. If not `partial`, what is not in the body gets its
/// default.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn change(
    body: &Value,
    id: &PathId,
    existing: Option<&AppDefinition>,
    partial: bool,
    support: &Support,
) -> Result<Change, Refusal> {
    let report = Report::default();
    let purpose = if partial { Purpose::Change } else { Purpose::Definition };
    let update = read(&Item::body(body, &report), &PathId::root(), Some(id), purpose, support);
    if update.id().is_some_and(|named| named != id) {
        report.refuse("/id", format!("must be {id}, as in the address, or left out"));
    }
    change_of(update, id, existing, partial, "", support, &report)
}

/// Changes of several apps, each of which names itself.
///
/// # Errors
/// Everything that is wrong with the body.
pub fn changes<'a>(
    body: &Value,
    existing: impl Fn(&PathId) -> Option<&'a AppDefinition>,
    partial: bool,
    support: &Support,
) -> Result<Vec<(PathId, Change)>, Refusal> {
    let report = Report::default();
    let body = Item::body(body, &report);
    let Some(elements) = body.list() else { return Err(refusal(&report)) };
    let purpose = if partial { Purpose::Change } else { Purpose::Definition };
    let mut changes = Vec::with_capacity(elements.len());
    for element in &elements {
        let update = read(element, &PathId::root(), None, purpose, support);
        let Some(id) = update.id().cloned() else { continue };
        if changes.iter().any(|(seen, _)| *seen == id) {
            report.refuse(&format!("{}/id", element.path), format!("{id} stands in this list twice"));
        }
        if let Ok(change) = change_of(update, &id, existing(&id), partial, &element.path, support, &report) {
            changes.push((id, change));
        }
    }
    report.finish().map(|()| changes)
}

/// An app as [`AppDefinition::render`] wrote it, with its versions. Nothing is checked again: it was once accepted.
///
/// # Errors
/// What cannot be read.
pub fn restore(body: &Value, support: &Support) -> Result<AppDefinition, Refusal> {
    let report = Report::default();
    let item = Item::body(body, &report);
    let update = read(&item, &PathId::root(), None, Purpose::Definition, support);
    let Some(id) = update.id().cloned() else { return Err(refusal(&report)) };
    let mut app = update.apply(&id, None, "", &report);
    if let Some(fields) = item.object() {
        let at = |fields: &Fields<'_>, key| fields.read(key, Item::timestamp).unwrap_or_default();
        app.version = at(&fields, "version");
        if let Some(info) = fields.read("versionInfo", Item::object) {
            app.version_info.last_scaling_at = at(&info, "lastScalingAt");
            app.version_info.last_config_change_at = at(&info, "lastConfigChangeAt");
        }
    }
    report.finish().map(|()| app)
}

fn change_of(
    update: AppUpdate,
    id: &PathId,
    existing: Option<&AppDefinition>,
    partial: bool,
    at: &str,
    support: &Support,
    report: &Report,
) -> Result<Change, Refusal> {
    if partial && let Some(version) = update.version() {
        return report.finish().map(|()| Change::Back(version));
    }
    let existing = existing.filter(|_| partial);
    finish(update, id, existing, at, support, report).map(|app| Change::To(Box::new(app)))
}

fn finish(
    update: AppUpdate,
    id: &PathId,
    existing: Option<&AppDefinition>,
    at: &str,
    support: &Support,
    report: &Report,
) -> Result<AppDefinition, Refusal> {
    let app = update.apply(id, existing, at, report);
    validate::app(&app, at, support, report);
    report.finish().map(|()| app)
}

/// What was reported. Something always was where this is asked.
fn refusal(report: &Report) -> Refusal {
    report.finish().err().unwrap_or_else(|| Refusal::invalid("/id", "not defined"))
}

#[cfg(test)]
mod tests;

//! Answers of Marathon's API, read piece by piece: what is wrong with one app takes out that app alone.

use super::{App, AppId, json::At, json::Malformed, read_app::app_at};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// An answer that says nothing about any app.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Garbage {
    /// It is not JSON, or stops in the middle.
    #[error("the answer is not JSON: {0}")]
    NotJson(String),
    /// It is JSON, but not an answer to the question.
    #[error("the answer is not a list of apps: {0}")]
    NotApps(#[from] Malformed),
}

/// A part of an answer that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The app it belongs to, if that much could be read.
    pub app: Option<AppId>,
    /// Whether only one task of the app is concerned.
    pub task: Option<String>,
    /// Where and why.
    pub malformed: Malformed,
}

/// What an answer says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The apps that could be read.
    pub apps: BTreeMap<AppId, AppReading>,
    /// What could not.
    pub refused: Vec<Refused>,
}

/// An app as an answer tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppReading {
    pub(super) app: Arc<App>,
    /// Whether the answer said which tasks there are. Without `embed` it does not.
    pub(super) with_tasks: bool,
}

/// Reads the answer to `GET /v2/apps?embed=apps.tasks`.
///
/// # Errors
/// Only if nothing can be read from it at all.
pub fn read_apps(text: &[u8]) -> Result<Reading, Garbage> {
    let value: Value = serde_json::from_slice(text).map_err(|error| Garbage::NotJson(error.to_string()))?;
    let root = At::root(&value);
    let apps = root.need("apps")?;
    let mut reading = Reading::default();
    for (index, value) in root.list("apps")? {
        read_one(&apps.element(index, value), &mut reading);
    }
    Ok(reading)
}

/// Reads the answer to `GET /v2/apps/{id}?embed=app.tasks`.
///
/// # Errors
/// Only if nothing can be read from it at all.
pub fn read_app(text: &[u8]) -> Result<Reading, Garbage> {
    let value: Value = serde_json::from_slice(text).map_err(|error| Garbage::NotJson(error.to_string()))?;
    let root = At::root(&value);
    let mut reading = Reading::default();
    read_one(&root.need("app")?, &mut reading);
    Ok(reading)
}

fn read_one(place: &At<'_>, reading: &mut Reading) {
    let id = match place.need("id").and_then(|id| AppId::new(id.as_text()?).map_err(|why| id.wrong(why))) {
        Ok(id) => id,
        Err(malformed) => return reading.refused.push(Refused { app: None, task: None, malformed }),
    };
    match app_at(place, id.clone(), &mut reading.refused) {
        Ok(app) => {
            reading.apps.insert(id, app);
        }
        Err(malformed) => reading.refused.push(Refused { app: Some(id), task: None, malformed }),
    }
}

//! An object of a body.

use super::{Item, Report};
use serde_json::{Map, Value};

/// Longest text of an object in an error, in bytes.
const EXCERPT_BYTES_MAX: usize = 1024;

/// The fields of an object. `null` counts as absent, and what nobody asks for is left alone, as in Marathon.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
    report: &'a Report,
}

impl<'a> Fields<'a> {
    pub(super) fn new(map: &'a Map<String, Value>, path: String, report: &'a Report) -> Self {
        Self { map, path, report }
    }

    /// Where the object is.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where a field of it is.
    #[must_use]
    pub fn path_of(&self, key: &str) -> String {
        format!("{}/{key}", self.path)
    }

    /// Where errors go.
    #[must_use]
    pub fn report(&self) -> &'a Report {
        self.report
    }

    /// A field, if it is there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Item<'a>> {
        let value = self.map.get(key).filter(|value| !value.is_null())?;
        Some(Item { value, path: self.path_of(key), report: self.report })
    }

    /// A field that must be there.
    #[must_use]
    pub fn required(&self, key: &str) -> Option<Item<'a>> {
        let item = self.get(key);
        if item.is_none() {
            let object = excerpt(self.map);
            self.report.misshapen(&self.path_of(key), format!("'{key}' is undefined on object: {object}"));
        }
        item
    }

    /// A field read by `read`, if it is there.
    #[must_use]
    pub fn read<T>(&self, key: &str, read: impl FnOnce(&Item<'a>) -> Option<T>) -> Option<T> {
        self.get(key).as_ref().and_then(read)
    }

    /// All fields that are not null.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Item<'a>)> + '_ {
        let entries = self.map.iter().filter(|(_, value)| !value.is_null());
        entries.map(|(key, value)| (key.as_str(), Item { value, path: self.path_of(key), report: self.report }))
    }

    /// Refuses a field, if it is there, after a look at its type.
    pub fn refuse_if_present<T>(&self, key: &str, read: impl FnOnce(&Item<'a>) -> Option<T>, why: &str) {
        if let Some(item) = self.get(key)
            && read(&item).is_some()
        {
            item.refuse(why);
        }
    }
}

/// The object as text, cut where it gets long: objects may be nested a hundred times, and each may lack something.
fn excerpt(map: &Map<String, Value>) -> String {
    let mut text = Excerpt(Vec::new());
    let whole = serde_json::to_writer(&mut text, map).is_ok();
    let mut text = String::from_utf8_lossy(&text.0).into_owned();
    if !whole {
        text.push_str("...");
    }
    text
}

/// Takes the beginning of a text and refuses the rest, which ends its making.
struct Excerpt(Vec<u8>);

impl std::io::Write for Excerpt {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let room = EXCERPT_BYTES_MAX - self.0.len();
        if room == 0 {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(room);
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Item;
    use serde_json::json;

    #[test]
    fn what_is_missing_is_told_with_no_more_than_an_excerpt() {
        let body = json!({"a": "x".repeat(10_000)});
        let report = Report::default();
        assert!(Item::body(&body, &report).object().unwrap().required("id").is_none());
        let refusal = report.finish().unwrap_err();
        let error = &refusal.details()[0].errors[0];
        assert!(error.starts_with("'id' is undefined on object: {\"a\":\"xxx") && error.ends_with("..."));
        assert!(error.len() < 1_100, "{}", error.len());
    }
}

//! Stored JSON, field by field. What is stored was written by this program, so a field that is missing or wrong is an
//! error and never a default: a leader that misreads what runs would kill it.

use crate::app::{PathId, Timestamp};
use serde_json::{Map, Value};

/// What is wrong with a stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scheduler) struct Wrong(pub(in crate::scheduler) String);

pub(super) type Read<T> = Result<T, Wrong>;

/// JSON as it is stored.
pub(in crate::scheduler) fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// The JSON of a stored object.
pub(super) fn parse(bytes: &[u8]) -> Read<Value> {
    serde_json::from_slice(bytes).map_err(|error| Wrong(error.to_string()))
}

/// The fields of a stored object.
#[derive(Clone, Copy)]
pub(super) struct Stored<'a>(&'a Map<String, Value>);

impl<'a> Stored<'a> {
    pub(super) fn of(value: &'a Value) -> Read<Self> {
        value.as_object().map(Self).ok_or_else(|| Wrong("must be an object".into()))
    }

    /// The value, if there is one.
    pub(super) fn get(self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// What `read` makes of the value, which must be there.
    pub(super) fn need<T>(self, key: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Read<T> {
        let value = self.get(key).ok_or_else(|| Wrong(format!("/{key}: not defined")))?;
        read(value).ok_or_else(|| Wrong(format!("/{key}: cannot be {value}")))
    }

    /// What `read` makes of the value, if it is there.
    pub(super) fn may<T>(self, key: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Read<Option<T>> {
        if self.get(key).is_some() { self.need(key, read).map(Some) } else { Ok(None) }
    }

    pub(super) fn text(self, key: &str) -> Read<String> {
        self.need(key, |value| value.as_str().map(str::to_owned))
    }

    pub(super) fn path(self, key: &str) -> Read<PathId> {
        self.need(key, |value| PathId::parse(value.as_str()?).ok())
    }

    pub(super) fn moment(self, key: &str) -> Read<Timestamp> {
        self.need(key, moment)
    }

    /// What `read` makes of each element of the list.
    pub(super) fn each<T>(self, key: &str, mut read: impl FnMut(&'a Value) -> Read<T>) -> Read<Vec<T>> {
        self.need(key, Value::as_array)?.iter().map(|value| read(value).map_err(|wrong| wrong.under(key))).collect()
    }
}

impl Wrong {
    /// The same, seen from outside of `key`.
    pub(super) fn under(self, key: &str) -> Self {
        Self(format!("/{key}{}", self.0))
    }
}

/// Moments are stored as milliseconds.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    value.as_u64().map(Timestamp::from_millis)
}

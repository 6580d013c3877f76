//! A place in a JSON text that knows its path, so that every complaint names what it is about.

use serde_json::Value;
use std::fmt;

/// Something in a JSON text that is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {why}")]
pub struct Malformed {
    /// Where, as in `apps[3].tasks[0].ports[1]`.
    pub path: String,
    /// What is wrong with it.
    pub why: String,
}

/// A value and the way to it. The path is only written out when something is wrong.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    value: &'a Value,
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> At<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, parent: None, step: Step::Root }
    }

    /// What is under a key; nothing if it is absent or `null`, which Marathon means to be the same.
    pub(super) fn get<'s>(&'s self, key: &'s str) -> Option<At<'s>> {
        let value = self.value.get(key).filter(|value| !value.is_null())?;
        Some(At { value, parent: Some(self), step: Step::Key(key) })
    }

    pub(super) fn need<'s>(&'s self, key: &'s str) -> Result<At<'s>, Malformed> {
        self.get(key).ok_or_else(|| self.wrong(format!("has no \"{key}\"")))
    }

    /// The elements of the list under a key; none if it is absent.
    pub(super) fn list<'s>(&'s self, key: &'s str) -> Result<Vec<(usize, &'s Value)>, Malformed> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(found) => match found.value {
                Value::Array(items) => Ok(items.iter().enumerate().collect()),
                _ => Err(found.wrong("is not a list".to_owned())),
            },
        }
    }

    pub(super) fn element<'s>(&'s self, index: usize, value: &'s Value) -> At<'s> {
        At { value, parent: Some(self), step: Step::Index(index) }
    }

    pub(super) fn has_key(&self, key: &str) -> bool {
        self.value.get(key).is_some_and(|value| !value.is_null())
    }

    pub(super) fn is_object(&self) -> bool {
        self.value.is_object()
    }

    pub(super) fn entries(&self) -> Result<impl Iterator<Item = (&'a String, &'a Value)> + use<'a>, Malformed> {
        match self.value {
            Value::Object(entries) => Ok(entries.iter()),
            _ => Err(self.wrong("is not an object".to_owned())),
        }
    }

    pub(super) fn child<'s>(&'s self, key: &'s str, value: &'s Value) -> At<'s> {
        At { value, parent: Some(self), step: Step::Key(key) }
    }

    pub(super) fn as_text(&self) -> Result<&'a str, Malformed> {
        self.value.as_str().ok_or_else(|| self.wrong("is not a text".to_owned()))
    }

    pub(super) fn as_bool(&self) -> Result<bool, Malformed> {
        self.value.as_bool().ok_or_else(|| self.wrong("is neither true nor false".to_owned()))
    }

    /// A whole number no greater than `most`. Some clients write `3.0`.
    pub(super) fn as_count(&self, most: u64) -> Result<u64, Malformed> {
        let number = self.value.as_u64().or_else(|| {
            let number = self.value.as_f64().filter(|number| number.fract() == 0.0 && *number >= 0.0)?;
            // Beyond this a float is no longer exact, and no count that is read here is so large.
            (number < 9.0e15).then_some(number as u64)
        });
        match number {
            Some(number) if number <= most => Ok(number),
            _ => Err(self.wrong(format!("is not a whole number from 0 to {most}"))),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Malformed> {
        self.get(key).map(|found| found.as_text().map(ToOwned::to_owned)).transpose()
    }

    pub(super) fn count(&self, key: &str, most: u64) -> Result<Option<u64>, Malformed> {
        self.get(key).map(|found| found.as_count(most)).transpose()
    }

    /// A port number, where 0 stands for "none yet".
    pub(super) fn port(&self, key: &str) -> Result<Option<u16>, Malformed> {
        let port = self.count(key, u64::from(u16::MAX))?;
        Ok(port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0))
    }

    pub(super) fn as_port(&self) -> Result<u16, Malformed> {
        let port = self.as_count(u64::from(u16::MAX))?;
        u16::try_from(port).map_err(|_| self.wrong("is not a port".to_owned()))
    }

    pub(super) fn wrong(&self, why: String) -> Malformed {
        let path = self.to_string();
        Malformed { path: if path.is_empty() { "its top".to_owned() } else { path }, why }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Key(key) if self.parent.is_some_and(|parent| matches!(parent.step, Step::Root)) => {
                write!(f, "{}", key.escape_debug())
            }
            Step::Key(key) => write!(f, ".{}", key.escape_debug()),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

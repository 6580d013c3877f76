//! One value of a body, with where it is.

use super::{Fields, Report};
use crate::app::{PathId, Timestamp};
use proto_types::{Labels, Scalar};
use serde_json::Value;
use std::{fmt::Display, ops::RangeInclusive, time::Duration};

/// A value that is not null. Reading it in the wrong way is reported, and gives nothing.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// The value.
    pub value: &'a Value,
    /// Where it is.
    pub path: String,
    /// Where errors go.
    pub report: &'a Report,
}

impl<'a> Item<'a> {
    /// A body as a whole.
    #[must_use]
    pub fn body(value: &'a Value, report: &'a Report) -> Self {
        Self { value, path: String::new(), report }
    }

    /// Reports that this has the wrong type.
    pub fn misshapen<T>(&self, error: &str) -> Option<T> {
        self.report.misshapen(&self.path, error);
        None
    }

    /// Reports that this breaks a rule.
    pub fn refuse(&self, error: impl Into<String>) {
        self.report.refuse(&self.path, error);
    }

    /// A text.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        self.value.as_str().or_else(|| self.misshapen("error.expected.jsstring"))
    }

    /// A text that is not empty.
    #[must_use]
    pub fn filled(&self) -> Option<String> {
        let text = self.text()?;
        if text.is_empty() {
            self.refuse("must not be empty");
        }
        Some(text.to_owned())
    }

    /// `true` or `false`.
    #[must_use]
    pub fn flag(&self) -> Option<bool> {
        self.value.as_bool().or_else(|| self.misshapen("error.expected.jsboolean"))
    }

    /// A number, kept within `range`.
    #[must_use]
    pub fn number(&self, range: RangeInclusive<f64>) -> Option<f64> {
        let number = self.value.as_f64().or_else(|| self.misshapen("error.expected.jsnumber"))?;
        self.within(number, &range)
    }

    /// A whole number, kept within `range`.
    #[must_use]
    pub fn whole(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let number = self.value.as_f64().or_else(|| self.misshapen("error.expected.jsnumber"))?;
        if number.fract() != 0.0 {
            return self.misshapen(if *range.end() > u64::from(u32::MAX) {
                "error.expected.long"
            } else {
                "error.expected.int"
            });
        }
        match self.value.as_u64() {
            Some(whole) => self.within(whole, &range),
            // Written as 3.0, negative, or beyond all bounds; floats that large are cut, and refused by the range.
            None if number < 0.0 => self.within(number, &(*range.start() as f64..=*range.end() as f64)).map(|_| 0),
            None => self.within(number as u64, &range),
        }
    }

    /// A port: 0 to 65535.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.whole(0..=65_535).and_then(|port| u16::try_from(port).ok())
    }

    /// A count that fits 32 bits.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        self.whole(0..=i32::MAX as u64).and_then(|count| u32::try_from(count).ok())
    }

    /// Whole seconds.
    #[must_use]
    pub fn seconds(&self) -> Option<Duration> {
        self.whole(0..=i32::MAX as u64).map(Duration::from_secs)
    }

    /// An amount of a resource: fixed point, at least `least` thousandths.
    #[must_use]
    pub fn amount(&self, least: u64) -> Option<Scalar> {
        let number = self.number(least as f64 / 1000.0..=Scalar::MAX.as_f64())?;
        Some(Scalar::from_milli((number * 1000.0).round() as u64))
    }

    /// One of some names, in any case, as Marathon has it.
    #[must_use]
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, value)| *value);
        found.or_else(|| self.misshapen("error.unknown.enum.literal"))
    }

    /// A moment.
    #[must_use]
    pub fn timestamp(&self) -> Option<Timestamp> {
        let text = self.text()?;
        text.parse().ok().or_else(|| self.misshapen("error.expected.date.isoformat"))
    }

    /// A path, seen from `base`.
    #[must_use]
    pub fn path_id(&self, base: &PathId) -> Option<PathId> {
        let text = self.text()?;
        PathId::resolve(text, base).map_err(|error| self.refuse(error.to_string())).ok()
    }

    /// An object.
    #[must_use]
    pub fn object(&self) -> Option<Fields<'a>> {
        match self.value {
            Value::Object(map) => Some(Fields::new(map, self.path.clone(), self.report)),
            _ => self.misshapen("error.expected.jsobject"),
        }
    }

    /// The elements of an array. Nulls in it are of no type.
    #[must_use]
    pub fn list(&self) -> Option<Vec<Self>> {
        let Value::Array(elements) = self.value else { return self.misshapen("error.expected.jsarray") };
        let item = |(index, value)| Self { value, path: format!("{}({index})", self.path), report: self.report };
        Some(elements.iter().enumerate().map(item).collect())
    }

    /// The elements of an array, each read by `read`; those that cannot be read are reported and left out.
    #[must_use]
    pub fn each<T>(&self, read: impl FnMut(&Self) -> Option<T>) -> Option<Vec<T>> {
        Some(self.list()?.iter().filter_map(read).collect())
    }

    /// Texts by name.
    #[must_use]
    pub fn labels(&self) -> Option<Labels> {
        let fields = self.object()?;
        let read = |(key, item): (&'a str, Self)| Some((key.to_owned(), item.text()?.to_owned()));
        Some(fields.entries().filter_map(read).collect())
    }

    fn within<T: PartialOrd + Copy + Display>(&self, value: T, range: &RangeInclusive<T>) -> Option<T> {
        if value < *range.start() {
            self.refuse(format!("must be at least {}, but is {value}", range.start()));
            return Some(*range.start());
        }
        if value > *range.end() {
            self.refuse(format!("must be at most {}, but is {value}", range.end()));
            return Some(*range.end());
        }
        Some(value)
    }
}

//! Pages of lists: a token pins the version that the first page showed.

use super::Snapshot;
use prost::Message;
use proto_types::Epoch;
use std::{
    collections::VecDeque,
    ops::Bound,
    sync::Arc,
    time::{Duration, Instant},
};

/// Items of a page if nobody says how many.
const SIZE_DEFAULT: usize = 100;

/// Items of a page at most.
const SIZE_MAX: usize = 1000;

/// Bytes of a page's items at most, so that a page stays below the 1 MiB of a message. One item always fits.
const BYTES_MAX: usize = 900 * 1024;

/// Versions kept for pages to come. Each costs what changed since; more would keep history nobody asks for.
const PINS_MAX: usize = 64;

/// How long a version is kept after it was last asked for.
const PIN_TIME: Duration = Duration::from_secs(120);

/// Which page is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PageRequest {
    size: usize,
    /// Of which state; none: of the present one.
    pub(super) stamp: Option<(Epoch, u64)>,
    after: Option<String>,
}

/// A page, and the token for the next.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: String,
}

/// Why there is no such page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListError {
    #[error("{0:?} is no page token of this master; leave it out to begin anew")]
    Token(String),
    #[error("the version of this page token is no longer kept; begin anew without a token")]
    Expired,
    #[error("{message}")]
    Filter { field: &'static str, message: String },
}

impl ListError {
    /// The field that is wrong, if it is not the page's token.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::Token(_) | Self::Expired => None,
            Self::Filter { field, .. } => Some(field),
        }
    }
}

impl PageRequest {
    pub(crate) fn new(size: usize, token: &str) -> Result<Self, ListError> {
        let size = if size == 0 { SIZE_DEFAULT } else { size.min(SIZE_MAX) };
        if token.is_empty() {
            return Ok(Self { size, stamp: None, after: None });
        }
        let (stamp, after) = read(token).ok_or_else(|| ListError::Token(token.to_owned()))?;
        Ok(Self { size, stamp: Some(stamp), after: Some(after.to_owned()) })
    }

    /// Where the page begins: behind the last item of the one before, or at `first`.
    pub(crate) fn begin<K>(&self, first: Bound<K>, parse: impl Fn(&str) -> Option<K>) -> Result<Bound<K>, ListError> {
        match &self.after {
            Some(after) => Ok(Bound::Excluded(parse(after).ok_or_else(|| ListError::Token(after.clone()))?)),
            None => Ok(first),
        }
    }

    /// Takes as many records as a page holds. Those after them are neither made nor looked at.
    pub(crate) fn fill<'a, K, R>(&self, stamp: (Epoch, u64), records: impl Iterator<Item = (&'a K, R)>) -> Page<R>
    where
        K: ToString + 'a,
        R: Message,
    {
        let (mut items, mut bytes, mut last) = (Vec::new(), 0, None);
        for (key, record) in records {
            bytes += record.encoded_len();
            let full = items.len() == self.size || bytes > BYTES_MAX;
            if let Some(last) = last.filter(|_| full) {
                return Page { items, next: write(stamp, last) };
            }
            items.push(record);
            last = Some(key);
        }
        Page { items, next: String::new() }
    }
}

fn write((epoch, version): (Epoch, u64), last: &impl ToString) -> String {
    format!("{}.{version}:{}", epoch.0, last.to_string())
}

fn read(token: &str) -> Option<((Epoch, u64), &str)> {
    let (stamp, after) = token.split_once(':')?;
    let (epoch, version) = stamp.split_once('.')?;
    Some(((Epoch(epoch.parse().ok()?), version.parse().ok()?), after))
}

/// Versions kept for pages to come.
#[derive(Debug, Default)]
pub(super) struct Pins(VecDeque<(Arc<Snapshot>, Instant)>);

impl Pins {
    pub(super) fn get(&mut self, version: u64) -> Result<Arc<Snapshot>, ListError> {
        self.expire(Instant::now());
        let found = self.0.iter_mut().find(|(snapshot, _)| snapshot.version == version);
        let (snapshot, used) = found.ok_or(ListError::Expired)?;
        *used = Instant::now();
        Ok(Arc::clone(snapshot))
    }

    pub(super) fn keep(&mut self, snapshot: Arc<Snapshot>) {
        self.expire(Instant::now());
        if self.0.iter().any(|(kept, _)| kept.version == snapshot.version) {
            return;
        }
        if self.0.len() == PINS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((snapshot, Instant::now()));
    }

    fn expire(&mut self, now: Instant) {
        self.0.retain(|(_, used)| now.duration_since(*used) < PIN_TIME);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: (Epoch, u64) = (Epoch(3), 7);

    /// A page of these texts, each its own key.
    fn page(texts: &[String], size: usize, token: &str) -> Result<Page<String>, ListError> {
        let request = PageRequest::new(size, token)?;
        let begin = request.begin(Bound::Unbounded, |text| text.parse::<usize>().ok())?;
        let first = match begin {
            Bound::Excluded(last) => last + 1,
            _ => 0,
        };
        let keys: Vec<usize> = (0..texts.len()).collect();
        Ok(request.fill(STAMP, keys.iter().skip(first).map(|key| (key, texts[*key].clone()))))
    }

    fn all(texts: &[String], size: usize) -> Vec<usize> {
        let (mut sizes, mut token) = (Vec::new(), String::new());
        loop {
            let page = page(texts, size, &token).unwrap();
            sizes.push(page.items.len());
            token = page.next;
            if token.is_empty() {
                return sizes;
            }
        }
    }

    #[test]
    fn pages_cover_everything_once() {
        let texts: Vec<String> = (0..5).map(|number| number.to_string()).collect();
        assert_eq!(all(&texts, 2), [2, 2, 1]);
        assert_eq!(all(&texts, 5), [5]);
        assert_eq!(all(&[], 5), [0]);
    }

    #[test]
    fn pages_are_bounded_by_bytes_too() {
        let texts = vec!["x".repeat(BYTES_MAX / 2 - 10), "y".repeat(BYTES_MAX / 2 - 10), "z".repeat(2 * BYTES_MAX)];
        assert_eq!(all(&texts, 5), [2, 1]);
    }

    #[test]
    fn a_strange_token_is_refused() {
        for token in ["x", "7:x", "3.7:x", ".:"] {
            assert!(matches!(page(&["a".to_owned()], 1, token), Err(ListError::Token(_))), "{token}");
        }
        assert_eq!(
            PageRequest::new(5000, "3.7:F/a:b").unwrap(),
            PageRequest { size: SIZE_MAX, stamp: Some(STAMP), after: Some("F/a:b".to_owned()) }
        );
    }

    #[test]
    fn a_pinned_version_stays_as_it_was() {
        let mut pins = Pins::default();
        assert_eq!(pins.get(1).unwrap_err(), ListError::Expired);
        for version in 0..100 {
            pins.keep(Arc::new(Snapshot { version, ..Snapshot::default() }));
        }
        assert_eq!(pins.get(99).unwrap().version, 99);
        assert_eq!(pins.get(1).unwrap_err(), ListError::Expired);
        pins.expire(Instant::now() + PIN_TIME);
        assert_eq!(pins.get(99).unwrap_err(), ListError::Expired);
    }
}

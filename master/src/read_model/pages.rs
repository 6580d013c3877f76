//! Pages of lists: a token pins the version that the first page showed.

use super::Snapshot;
use imbl::OrdMap;
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

/// Versions kept for pages to come. Each costs what changed since; more would keep history nobody asks for.
const PINS_MAX: usize = 64;

/// How long a version is kept after it was last asked for.
const PIN_TIME: Duration = Duration::from_secs(120);

/// Which page is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PageRequest {
    pub(crate) size: usize,
    pub(crate) version: Option<u64>,
    pub(crate) after: Option<String>,
}

/// A page, and the token for the next.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: String,
}

/// Why there is no such page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PageError {
    #[error("{0:?} is no page token of this master; leave it out to begin anew")]
    Token(String),
    #[error("the version of this page token is no longer kept; begin anew without a token")]
    Expired,
}

impl PageRequest {
    pub(crate) fn new(size: usize, token: &str) -> Result<Self, PageError> {
        let size = if size == 0 { SIZE_DEFAULT } else { size.min(SIZE_MAX) };
        if token.is_empty() {
            return Ok(Self { size, version: None, after: None });
        }
        let wrong = || PageError::Token(token.to_owned());
        let (version, after) = token.split_once(':').ok_or_else(wrong)?;
        let version = version.parse().map_err(|_| wrong())?;
        Ok(Self { size, version: Some(version), after: Some(after.to_owned()) })
    }

    /// Cuts the page out of a map, passing over what `wanted` does not want.
    pub(crate) fn cut<K, V>(
        &self,
        version: u64,
        map: &OrdMap<K, V>,
        parse: impl Fn(&str) -> Option<K>,
        show: impl Fn(&K) -> String,
        wanted: impl Fn(&K, &V) -> bool,
    ) -> Result<Page<(K, V)>, PageError>
    where
        K: Ord + Clone,
        V: Clone,
    {
        let start = match &self.after {
            Some(after) => Bound::Excluded(parse(after).ok_or_else(|| PageError::Token(after.clone()))?),
            None => Bound::Unbounded,
        };
        let mut items = Vec::new();
        let mut next = String::new();
        for (key, value) in map.range((start, Bound::Unbounded)).filter(|(key, value)| wanted(key, value)) {
            if items.len() == self.size {
                next = items.last().map(|(key, _)| format!("{version}:{}", show(key))).unwrap_or_default();
                break;
            }
            items.push((key.clone(), value.clone()));
        }
        Ok(Page { items, next })
    }
}

/// Versions kept for pages to come.
#[derive(Debug, Default)]
pub(super) struct Pins(VecDeque<(Arc<Snapshot>, Instant)>);

impl Pins {
    pub(super) fn get(&mut self, version: u64) -> Result<Arc<Snapshot>, PageError> {
        self.expire();
        let found = self.0.iter_mut().find(|(snapshot, _)| snapshot.version == version);
        let (snapshot, used) = found.ok_or(PageError::Expired)?;
        *used = Instant::now();
        Ok(Arc::clone(snapshot))
    }

    pub(super) fn keep(&mut self, snapshot: Arc<Snapshot>) {
        self.expire();
        if self.0.iter().any(|(kept, _)| kept.version == snapshot.version) {
            return;
        }
        if self.0.len() == PINS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((snapshot, Instant::now()));
    }

    fn expire(&mut self) {
        self.0.retain(|(_, used)| used.elapsed() < PIN_TIME);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(count: u32) -> OrdMap<u32, &'static str> {
        (0..count).map(|key| (key, "x")).collect()
    }

    fn cut(map: &OrdMap<u32, &'static str>, size: usize, token: &str) -> Result<Page<(u32, &'static str)>, PageError> {
        let request = PageRequest::new(size, token)?;
        request.cut(7, map, |text| text.parse().ok(), ToString::to_string, |key, _| key % 2 == 0)
    }

    #[test]
    fn pages_cover_everything_once() {
        let map = map(10);
        let (mut keys, mut token) = (Vec::new(), String::new());
        loop {
            let page = cut(&map, 2, &token).unwrap();
            keys.extend(page.items.iter().map(|(key, _)| *key));
            token = page.next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(keys, [0, 2, 4, 6, 8]);
    }

    #[test]
    fn a_strange_token_is_refused() {
        assert_eq!(cut(&map(1), 1, "x").unwrap_err(), PageError::Token("x".to_owned()));
        assert_eq!(cut(&map(1), 1, "7:x").unwrap_err(), PageError::Token("x".to_owned()));
    }

    #[test]
    fn a_pinned_version_stays_as_it_was() {
        let mut pins = Pins::default();
        assert_eq!(pins.get(1).unwrap_err(), PageError::Expired);
        for version in 0..100 {
            pins.keep(Arc::new(Snapshot { version, ..Snapshot::default() }));
        }
        assert_eq!(pins.get(99).unwrap().version, 99);
        assert_eq!(pins.get(1).unwrap_err(), PageError::Expired);
    }
}

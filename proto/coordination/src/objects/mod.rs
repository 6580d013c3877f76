//! The object store: values under keys, changed by one leader at a time in commits that happen as a whole or not at all.
//!
//! It is a view over a fenced log of its own: all values are in memory, and each commit is one durable append. What a
//! leader that was deposed still commits is refused, since its log is.

mod change;

pub use change::ObjectChange;

use crate::{Candidate, Error, Fate, Log, Store, Tenure};
use proto_types::{ClusterId, Epoch};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Bound,
    sync::Arc,
};

/// The longest key, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;

/// The largest value, in bytes: a reader holds all of them in memory.
pub const VALUE_BYTES_MAX: usize = 64 << 20;

/// The objects, as their leader has them.
pub struct Objects {
    cluster: ClusterId,
    epoch: Epoch,
    objects: BTreeMap<String, Object>,
    /// The number of the last commit.
    version: u64,
    log: Box<dyn Log<ObjectChange>>,
}

/// A value and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The number of the commit that put it. Never used again.
    pub version: u64,
    /// What it is.
    pub value: Arc<[u8]>,
}

/// What must hold of an object for a commit to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Any,
    /// It is not there.
    Absent,
    /// It has this version.
    Version(u64),
}

/// What a commit does to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// It gets a value.
    Put {
        /// Which.
        key: String,
        /// What must hold of it before.
        expected: Expected,
        /// The value.
        value: Arc<[u8]>,
    },
    /// It goes. One that is not there stays away.
    Delete {
        /// Which.
        key: String,
        /// What must hold of it before.
        expected: Expected,
    },
}

/// Why a commit did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// An object is not as expected. Nothing was changed.
    #[error("{key} is {}, not {expected}", Found(.found.as_ref()))]
    Conflict {
        /// Which.
        key: String,
        /// What was expected.
        expected: Expected,
        /// The version that it has; none: it is not there.
        found: Option<u64>,
    },
    /// The commit makes no sense. Nothing was changed.
    #[error("{key:?}: {why}")]
    Invalid {
        /// Which object.
        key: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The log failed, and with it the term.
    #[error(transparent)]
    Ended(#[from] Fate),
}

/// A version, for people.
struct Found<'a>(Option<&'a u64>);

impl Objects {
    /// Begins a term: waits for its turn and reads all objects.
    ///
    /// # Errors
    /// Why it cannot begin.
    pub async fn begin(store: &dyn Store<ObjectChange>, candidate: Candidate) -> Result<(Self, Tenure), Error> {
        let term = store.begin(candidate).await?;
        let mut objects = BTreeMap::new();
        let mut version = 0;
        for change in term.changes {
            version = version.max(change.version);
            apply(&mut objects, change);
        }
        let (cluster, epoch, log) = (term.cluster, term.epoch, term.log);
        Ok((Self { cluster, epoch, objects, version, log }, term.tenure))
    }

    /// Drawn at random when the store was begun.
    #[must_use]
    pub const fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    /// The epoch of this term, higher than all before.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The object of this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    /// The objects whose keys begin so, in the order of their keys.
    pub fn list<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Object)> {
        let from = self.objects.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(move |(key, _)| key.starts_with(prefix)).map(|(key, object)| (key.as_str(), object))
    }

    /// Does all of it, or nothing; the answer is the version of what was put. Durable when this answers.
    ///
    /// # Errors
    /// Why it was not done; where the log failed, the term has ended and the next one knows what became of it.
    pub async fn commit(&mut self, operations: Vec<Operation>) -> Result<u64, CommitError> {
        self.check(&operations)?;
        let version = self.version + 1;
        let changes: Vec<ObjectChange> = operations.into_iter().map(|operation| operation.change(version)).collect();
        if changes.is_empty() {
            return Ok(self.version);
        }
        self.log.append(changes.clone()).await?;
        self.version = version;
        changes.into_iter().for_each(|change| apply(&mut self.objects, change));
        if self.log.wants_compaction() {
            self.log.compact(self.snapshot()).await?;
        }
        Ok(version)
    }

    /// Ends the term. When this answers, another may begin.
    pub async fn close(self) {
        self.log.close().await;
    }

    fn check(&self, operations: &[Operation]) -> Result<(), CommitError> {
        let mut keys = BTreeSet::new();
        for operation in operations {
            let key = operation.key();
            let invalid = |why: String| Err(CommitError::Invalid { key: key.to_owned(), why });
            if key.is_empty() || key.len() > KEY_BYTES_MAX {
                return invalid(format!("a key has 1 to {KEY_BYTES_MAX} bytes, not {}", key.len()));
            }
            if let Operation::Put { value, .. } = operation
                && value.len() > VALUE_BYTES_MAX
            {
                return invalid(format!("a value has at most {VALUE_BYTES_MAX} bytes, not {}", value.len()));
            }
            if !keys.insert(key) {
                return invalid("a commit may change an object once".to_owned());
            }
            let found = self.objects.get(key).map(|object| object.version);
            let expected = operation.expected();
            if !expected.holds(found) {
                return Err(CommitError::Conflict { key: key.to_owned(), expected, found });
            }
        }
        Ok(())
    }

    /// The changes that rebuild all objects. The last commit may have put none of them, and its number must not come
    /// again: an object that is not there says it.
    fn snapshot(&self) -> Vec<ObjectChange> {
        let object = |(key, object): (&String, &Object)| ObjectChange {
            key: key.clone(),
            version: object.version,
            value: Some(Arc::clone(&object.value)),
        };
        let last = ObjectChange { key: "last".to_owned(), version: self.version, value: None };
        std::iter::once(last).chain(self.objects.iter().map(object)).collect()
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, version, objects, .. } = self;
        write!(f, "Objects({} objects, commit {version}, epoch {epoch})", objects.len())
    }
}

impl Operation {
    fn key(&self) -> &str {
        match self {
            Self::Put { key, .. } | Self::Delete { key, .. } => key,
        }
    }

    const fn expected(&self) -> Expected {
        match self {
            Self::Put { expected, .. } | Self::Delete { expected, .. } => *expected,
        }
    }

    fn change(self, version: u64) -> ObjectChange {
        match self {
            Self::Put { key, value, .. } => ObjectChange { key, version, value: Some(value) },
            Self::Delete { key, .. } => ObjectChange { key, version, value: None },
        }
    }
}

impl Expected {
    fn holds(self, found: Option<u64>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => found.is_none(),
            Self::Version(version) => found == Some(version),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("anything"),
            Self::Absent => f.write_str("absent"),
            Self::Version(version) => write!(f, "of version {version}"),
        }
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Expected::Absent, |version| Expected::Version(*version)).fmt(f)
    }
}

fn apply(objects: &mut BTreeMap<String, Object>, change: ObjectChange) {
    let ObjectChange { key, version, value } = change;
    match value {
        Some(value) => drop(objects.insert(key, Object { version, value })),
        None => drop(objects.remove(&key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Embedded, entry::CONTENT_BYTES_MAX};
    use tempfile::TempDir;

    fn put(key: &str, expected: Expected, value: &[u8]) -> Operation {
        Operation::Put { key: key.to_owned(), expected, value: value.into() }
    }

    fn delete(key: &str, expected: Expected) -> Operation {
        Operation::Delete { key: key.to_owned(), expected }
    }

    async fn begin(directory: &TempDir) -> Objects {
        let store = Embedded::objects(directory.path());
        let candidate = Candidate::default();
        Objects::begin(&store, candidate).await.unwrap().0
    }

    /// As the next leader finds them.
    async fn again(objects: Objects, directory: &TempDir) -> Objects {
        objects.close().await;
        begin(directory).await
    }

    fn shown(objects: &Objects) -> Vec<(String, u64, usize)> {
        objects.list("").map(|(key, object)| (key.to_owned(), object.version, object.value.len())).collect()
    }

    #[tokio::test]
    async fn what_was_committed_is_there_for_the_next_leader() {
        let directory = TempDir::new().unwrap();
        let mut objects = begin(&directory).await;
        let first = objects.commit(vec![put("app/a", Expected::Absent, b"1"), put("app/b", Expected::Any, b"2")]).await;
        assert_eq!(first.unwrap(), 1);
        let second = vec![put("app/a", Expected::Version(1), b"3"), delete("app/b", Expected::Version(1))];
        assert_eq!(objects.commit(second).await.unwrap(), 2);
        objects.commit(vec![put("apple", Expected::Absent, b"")]).await.unwrap();
        let mut objects = again(objects, &directory).await;
        assert_eq!(objects.epoch(), Epoch(2));
        assert_eq!(shown(&objects), [("app/a".to_owned(), 2, 1), ("apple".to_owned(), 3, 0)]);
        assert_eq!(objects.get("app/a").map(|object| &*object.value), Some(b"3".as_slice()));
        assert_eq!(objects.list("app/").count(), 1);
        objects.commit(vec![delete("apple", Expected::Any)]).await.unwrap();
        let mut objects = again(objects, &directory).await;
        assert_eq!(objects.commit(vec![put("x", Expected::Absent, b"")]).await.unwrap(), 5, "no version comes twice");
    }

    #[tokio::test]
    async fn a_commit_happens_as_a_whole_or_not_at_all() {
        let directory = TempDir::new().unwrap();
        let mut objects = begin(&directory).await;
        objects.commit(vec![put("a", Expected::Absent, b"1")]).await.unwrap();
        let before = shown(&objects);
        for (wrong, words) in [
            (put("a", Expected::Absent, b"2"), "a is of version 1, not absent"),
            (put("a", Expected::Version(7), b"2"), "a is of version 1, not of version 7"),
            (delete("c", Expected::Version(1)), "c is absent, not of version 1"),
            (put("", Expected::Any, b""), "1 to 1024 bytes, not 0"),
            (put("b", Expected::Any, b"again"), "may change an object once"),
        ] {
            let refused = objects.commit(vec![put("b", Expected::Any, b"2"), wrong]).await.unwrap_err();
            assert!(refused.to_string().contains(words), "{refused}");
            assert_eq!(shown(&objects), before);
        }
        assert_eq!(shown(&again(objects, &directory).await), before);
    }

    #[tokio::test]
    async fn large_values_and_many_commits_are_kept() {
        let directory = TempDir::new().unwrap();
        let mut objects = begin(&directory).await;
        let large = vec![7_u8; 3 * CONTENT_BYTES_MAX + 5];
        objects.commit(vec![put("large", Expected::Absent, &large)]).await.unwrap();
        // Enough for snapshots.
        for round in 0..40_u8 {
            objects.commit(vec![put("small", Expected::Any, &[round; 300_000])]).await.unwrap();
        }
        objects.commit(vec![delete("small", Expected::Any)]).await.unwrap();
        let mut objects = again(objects, &directory).await;
        assert_eq!(shown(&objects), [("large".to_owned(), 1, large.len())]);
        assert!(objects.get("large").is_some_and(|object| *object.value == *large));
        assert_eq!(objects.commit(vec![put("next", Expected::Absent, b"")]).await.unwrap(), 43);
    }
}

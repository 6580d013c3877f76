//! Changes of an object store, as its log keeps them.

use crate::Record;
use proffer_proto::{
    convert::Invalid,
    storage::v1::{self, ObjectChanges, ObjectDeleted, ObjectSnapshot, log_entry::Content, object_change::Change},
};
use prost::{DecodeError, Message};
use proto_types::Epoch;
use std::sync::Arc;

/// A change of an object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectChange {
    /// Which object.
    pub key: String,
    /// The number of the commit that made it: the object's version if it was put.
    pub version: u64,
    /// What it is now; none: it is gone.
    pub value: Option<Arc<[u8]>>,
}

impl Record for ObjectChange {
    type Stored = v1::ObjectChange;

    /// A large value is stored in pieces, before the change that ends it.
    fn store(&self, bytes_max: usize) -> Vec<Self::Stored> {
        let stored = |change| v1::ObjectChange { key: self.key.clone(), version: self.version, change: Some(change) };
        let Some(value) = &self.value else { return vec![stored(Change::Deleted(ObjectDeleted {}))] };
        let mut chunks = value.chunks(bytes_max.max(1)).map(<[u8]>::to_vec).peekable();
        let mut parts = Vec::new();
        while let Some(chunk) = chunks.next() {
            let is_last = chunks.peek().is_none();
            parts.push(stored(if is_last { Change::Put(chunk) } else { Change::Piece(chunk) }));
        }
        if parts.is_empty() {
            parts.push(stored(Change::Put(Vec::new())));
        }
        parts
    }

    /// Objects carry nothing of the cluster that they were of.
    fn adopted(_above: Epoch) -> Vec<Self::Stored> {
        Vec::new()
    }

    fn restore(stored: Vec<Self::Stored>) -> Result<Vec<Self>, Invalid> {
        let mut changes = Vec::with_capacity(stored.len());
        let mut pieces: Vec<u8> = Vec::new();
        let mut of: Option<(String, u64)> = None;
        for (index, v1::ObjectChange { key, version, change }) in stored.into_iter().enumerate() {
            let wrong = |field: &str, message: &str| Invalid {
                field: format!("changes[{index}].{field}"),
                message: message.to_owned(),
            };
            if key.is_empty() {
                return Err(wrong("key", "is empty"));
            }
            if of.as_ref().is_some_and(|of| *of != (key.clone(), version)) {
                return Err(wrong("key", "is not that of the pieces before it"));
            }
            let value = match change {
                None => return Err(wrong("change", "is missing")),
                Some(Change::Piece(piece)) => {
                    pieces.extend(piece);
                    of = Some((key, version));
                    continue;
                }
                Some(Change::Put(last)) if pieces.is_empty() => Some(last.into()),
                Some(Change::Put(last)) => {
                    pieces.extend(last);
                    Some(std::mem::take(&mut pieces).into())
                }
                Some(Change::Deleted(_)) if of.is_some() => {
                    return Err(wrong("change", "is a deletion in the middle of a value"));
                }
                Some(Change::Deleted(_)) => None,
            };
            of = None;
            changes.push(Self { key, version, value });
        }
        match of {
            Some((key, _)) => Err(Invalid { field: "changes".to_owned(), message: format!("{key} has no end") }),
            None => Ok(changes),
        }
    }

    fn content(changes: Vec<Self::Stored>, more: bool) -> Content {
        Content::Objects(ObjectChanges { changes, more })
    }

    fn contained(content: Content) -> Option<(Vec<Self::Stored>, bool)> {
        match content {
            Content::Objects(ObjectChanges { changes, more }) => Some((changes, more)),
            _ => None,
        }
    }

    fn snapshot(changes: Vec<Self::Stored>) -> Vec<u8> {
        ObjectSnapshot { changes }.encode_to_vec()
    }

    fn read_snapshot(bytes: &[u8]) -> Result<Vec<Self::Stored>, DecodeError> {
        ObjectSnapshot::decode(bytes).map(|snapshot| snapshot.changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, version: u64, value: &[u8]) -> ObjectChange {
        ObjectChange { key: key.to_owned(), version, value: Some(value.into()) }
    }

    #[test]
    fn values_of_every_size_come_back() {
        let gone = ObjectChange { key: "d".to_owned(), version: 4, value: None };
        let changes = [put("a", 1, b""), put("b", 2, b"seven"), put("c", 3, b"1234567890"), gone];
        for bytes_max in [1, 3, 5, 100] {
            let stored: Vec<_> = changes.iter().flat_map(|change| change.store(bytes_max)).collect();
            assert_eq!(ObjectChange::restore(stored), Ok(changes.to_vec()), "pieces of {bytes_max}");
        }
    }

    #[test]
    fn pieces_that_do_not_fit_together_are_named() {
        let parts = put("a", 1, b"1234").store(2);
        let other = put("b", 1, b"").store(2).remove(0);
        let refused = |stored: Vec<v1::ObjectChange>| ObjectChange::restore(stored).unwrap_err();
        assert_eq!(refused(vec![parts[0].clone(), other]).field, "changes[1].key");
        assert!(refused(vec![parts[0].clone()]).message.contains("no end"));
        let gone = ObjectChange { key: "a".to_owned(), version: 1, value: None }.store(2).remove(0);
        assert_eq!(refused(vec![parts[0].clone(), gone]).field, "changes[1].change");
        let nothing = v1::ObjectChange { key: "a".to_owned(), ..v1::ObjectChange::default() };
        assert_eq!(refused(vec![nothing]).field, "changes[0].change");
        assert_eq!(refused(vec![v1::ObjectChange::default()]).field, "changes[0].key");
    }
}

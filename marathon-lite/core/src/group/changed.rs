//! What differs between two roots.

use crate::app::PathId;
use imbl::{OrdMap, ordmap::DiffItem};
use std::sync::Arc;

/// Something that one root has otherwise than another.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed<T> {
    /// Which.
    pub id: PathId,
    /// As it was; none: it is new.
    pub before: Option<Arc<T>>,
    /// As it is; none: it is gone.
    pub after: Option<Arc<T>>,
}

/// The entries that differ, by path. Parts that both maps share are not looked at.
pub(super) fn changes<T: PartialEq>(
    before: &OrdMap<PathId, Arc<T>>,
    after: &OrdMap<PathId, Arc<T>>,
) -> Vec<Changed<T>> {
    let change = |item| match item {
        DiffItem::Add(id, after) => Changed { id: PathId::clone(id), before: None, after: Some(Arc::clone(after)) },
        DiffItem::Update { old: (id, before), new: (_, after) } => {
            Changed { id: id.clone(), before: Some(Arc::clone(before)), after: Some(Arc::clone(after)) }
        }
        DiffItem::Remove(id, before) => Changed { id: id.clone(), before: Some(Arc::clone(before)), after: None },
    };
    before.diff(after).map(change).collect()
}

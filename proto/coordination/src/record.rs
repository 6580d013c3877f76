//! What a log keeps: changes of one kind, as they are stored.

use proffer_proto::{
    convert::Invalid,
    storage::v1::{self, RegistryChanges, RegistrySnapshot, log_entry::Content},
};
use prost::{DecodeError, Message};
use proto_types::{
    Epoch, Principal,
    registry::{Fact, RegistryChange},
};

/// A change that a log keeps.
pub trait Record: Clone + std::fmt::Debug + Send + Sync + Sized + 'static {
    /// Its stored form. A change may take several.
    type Stored: Message + Default + std::fmt::Debug;

    /// As it is stored, in parts of about so many bytes at most.
    fn store(&self, bytes_max: usize) -> Vec<Self::Stored>;

    /// What was stored, in order.
    ///
    /// # Errors
    /// What is wrong with it.
    fn restore(stored: Vec<Self::Stored>) -> Result<Vec<Self>, Invalid>;

    /// What a log begins with that takes the place of a lost one, of which the epochs were no higher than this.
    fn adopted(above: Epoch) -> Vec<Self::Stored>;

    /// The content of an entry; `more`: the batch goes on in the next one.
    fn content(stored: Vec<Self::Stored>, more: bool) -> Content;

    /// What [`Record::content`] put into an entry; none: it is of another kind.
    fn contained(content: Content) -> Option<(Vec<Self::Stored>, bool)>;

    /// Changes that stand for all before them, encoded.
    fn snapshot(stored: Vec<Self::Stored>) -> Vec<u8>;

    /// What [`Record::snapshot`] encoded.
    ///
    /// # Errors
    /// It does not decode.
    fn read_snapshot(bytes: &[u8]) -> Result<Vec<Self::Stored>, DecodeError>;
}

impl Record for RegistryChange {
    type Stored = v1::RegistryChange;

    fn store(&self, _bytes_max: usize) -> Vec<Self::Stored> {
        vec![self.into()]
    }

    fn restore(stored: Vec<Self::Stored>) -> Result<Vec<Self>, Invalid> {
        stored.into_iter().map(TryInto::try_into).collect()
    }

    fn adopted(above: Epoch) -> Vec<Self::Stored> {
        let fact = Fact::ClusterAdopted { above };
        vec![(&Self { principal: Principal::anonymous(), fact }).into()]
    }

    fn content(changes: Vec<Self::Stored>, more: bool) -> Content {
        Content::Changes(RegistryChanges { changes, more })
    }

    fn contained(content: Content) -> Option<(Vec<Self::Stored>, bool)> {
        match content {
            Content::Changes(RegistryChanges { changes, more }) => Some((changes, more)),
            _ => None,
        }
    }

    fn snapshot(changes: Vec<Self::Stored>) -> Vec<u8> {
        RegistrySnapshot { changes }.encode_to_vec()
    }

    fn read_snapshot(bytes: &[u8]) -> Result<Vec<Self::Stored>, DecodeError> {
        RegistrySnapshot::decode(bytes).map(|snapshot| snapshot.changes)
    }
}

//! Resources: what agents have, offers show and tasks use.
//!
//! Amounts are exact: scalars are fixed point with three decimals, and no operation loses or makes any.

mod algebra;
mod limits;
mod quantities;
mod ranges;
mod rules;
mod scalar;
mod text;

pub use algebra::Insufficient;
pub use limits::Limits;
pub use quantities::Quantities;
pub use ranges::{InvalidRange, Ranges};
pub use rules::{InvalidName, is_item, validate_name};
pub use scalar::{InvalidScalar, Scalar};
pub use text::{InvalidText, parse_attributes};

use crate::{Labels, Principal, Role};
use std::{collections::BTreeSet, fmt, sync::Arc};

/// What kind of thing a resource is. The usual ones need no memory of their own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceName {
    /// Processors.
    Cpus,
    /// Memory, MiB.
    Mem,
    /// Disk, MiB.
    Disk,
    /// Graphics processors.
    Gpus,
    /// TCP and UDP ports.
    Ports,
    /// Any other.
    Custom(Arc<str>),
}

/// How much of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// An amount.
    Scalar(Scalar),
    /// Numbers, such as ports.
    Ranges(Ranges),
    /// Named things.
    Set(BTreeSet<String>),
}

/// Who set resources aside for a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationKind {
    /// The agent's flags.
    Static,
    /// An operation, at run time.
    Dynamic {
        /// Whose operation.
        principal: Principal,
        /// Free-form; part of the identity of the reservation.
        labels: Labels,
    },
}

/// Resources set aside for a role and the roles below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reservation {
    /// For whom.
    pub role: Role,
    /// By whom.
    pub kind: ReservationKind,
}

/// Everything that tells one resource from another except how much of it there is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    /// What.
    pub name: ResourceName,
    /// For whom; none: for everybody.
    pub reservation: Option<Box<Reservation>>,
    /// The id of the persistent volume that this disk is.
    pub volume: Option<Arc<str>>,
    /// Whether it may be taken back at any time.
    pub revocable: bool,
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// Which.
    pub kind: Kind,
    /// How much.
    pub value: Value,
}

/// A bag of resources in canonical form: sorted by kind, each kind once, nothing empty. Equal bags compare equal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Resources(Vec<Resource>);

impl ResourceName {
    /// The resource of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        match name {
            "cpus" => Self::Cpus,
            "mem" => Self::Mem,
            "disk" => Self::Disk,
            "gpus" => Self::Gpus,
            "ports" => Self::Ports,
            other => Self::Custom(Arc::from(other)),
        }
    }

    /// Its name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Cpus => "cpus",
            Self::Mem => "mem",
            Self::Disk => "disk",
            Self::Gpus => "gpus",
            Self::Ports => "ports",
            Self::Custom(name) => name,
        }
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Value {
    /// Whether there is nothing of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Scalar(scalar) => *scalar == Scalar::ZERO,
            Self::Ranges(ranges) => ranges.is_empty(),
            Self::Set(items) => items.is_empty(),
        }
    }
}

impl Kind {
    /// The plain kind: for everybody, no volume, not revocable.
    #[must_use]
    pub fn plain(name: ResourceName) -> Self {
        Self { name, reservation: None, volume: None, revocable: false }
    }

    /// Whether a framework of this role may use it.
    #[must_use]
    pub fn usable_by(&self, role: &Role) -> bool {
        self.reservation.as_ref().is_none_or(|reservation| role.is_within(&reservation.role))
    }
}

impl Resource {
    /// An amount for everybody.
    #[must_use]
    pub fn scalar(name: ResourceName, amount: Scalar) -> Self {
        Self { kind: Kind::plain(name), value: Value::Scalar(amount) }
    }
}

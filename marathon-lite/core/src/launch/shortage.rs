//! What an offer lacks, with numbers.

use super::{RejectReason, RunSpec};
use crate::app::{Constraint, Timestamp};
use proto_types::{ResourceName, Scalar};
use std::fmt::Write as _;

/// One thing that an offer lacks for one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shortage {
    /// It has nothing that the app may use.
    Role,
    /// A constraint does not hold.
    Constraint {
        /// Which of the app's constraints, from 0.
        index: usize,
        /// What the agent has there.
        found: Option<String>,
    },
    /// It would do, but another agent is better, and is waited for.
    BetterElsewhere,
    /// It has no volume of the app's.
    Reservation,
    /// Its agent goes into maintenance.
    Maintenance {
        /// When.
        from: Timestamp,
    },
    /// There is too little of something.
    Amount {
        /// Of what.
        name: ResourceName,
        /// How much an instance needs.
        needed: Scalar,
        /// How much there is.
        free: Scalar,
    },
    /// There are too few ports.
    Ports {
        /// How many an instance needs.
        needed: u64,
        /// How many there are.
        free: u64,
    },
    /// A port that has to be this one is taken.
    PortTaken(u16),
    /// Its agent has graphics processors, which the app does not use.
    Scarce,
}

impl Shortage {
    /// The reason, as Marathon names it.
    #[must_use]
    pub const fn reason(&self) -> RejectReason {
        match self {
            Self::Role => RejectReason::UnfulfilledRole,
            Self::Constraint { .. } | Self::BetterElsewhere => RejectReason::UnfulfilledConstraint,
            Self::Reservation => RejectReason::NoCorrespondingReservationFound,
            Self::Maintenance { .. } => RejectReason::AgentMaintenance,
            Self::Amount { name, .. } => match name {
                ResourceName::Mem => RejectReason::InsufficientMemory,
                ResourceName::Disk => RejectReason::InsufficientDisk,
                ResourceName::Gpus => RejectReason::InsufficientGpus,
                ResourceName::Cpus | ResourceName::Ports | ResourceName::Custom(_) => RejectReason::InsufficientCpus,
            },
            Self::Ports { .. } | Self::PortTaken(_) => RejectReason::InsufficientPorts,
            Self::Scarce => RejectReason::DeclinedScarceResources,
        }
    }

    /// In words: `needs 4 cpus, 2 are free`.
    #[must_use]
    pub fn words(&self, spec: &RunSpec) -> String {
        match self {
            Self::Role => "has nothing for the accepted resource roles".to_owned(),
            Self::Constraint { index, found } => {
                let constraint = spec.constraints().get(*index).map_or_else(String::new, constraint_text);
                match found {
                    Some(found) => format!("constraint {constraint} does not hold for '{found}'"),
                    None => format!("constraint {constraint} does not hold: the agent has no such attribute"),
                }
            }
            Self::BetterElsewhere => "would do, but an agent that fits the constraints better is waited for".to_owned(),
            Self::Reservation => "has no volume of this app".to_owned(),
            Self::Maintenance { from } => format!("its agent goes into maintenance at {from}"),
            Self::Amount { name, needed, free } => format!("needs {}, {free} are free", amount(name, *needed)),
            Self::Ports { needed, free } => format!("needs {needed} ports, {free} are free"),
            Self::PortTaken(port) => format!("needs port {port}, which is not free"),
            Self::Scarce => "its agent has gpus, which are kept for apps that use them".to_owned(),
        }
    }
}

/// `4 cpus`, `128 MiB of memory`.
pub(super) fn amount(name: &ResourceName, amount: Scalar) -> String {
    match name {
        ResourceName::Mem => format!("{amount} MiB of memory"),
        ResourceName::Disk => format!("{amount} MiB of disk"),
        other => format!("{amount} {other}"),
    }
}

/// A constraint as users write it: `[rack, LIKE, a.*]`.
pub(super) fn constraint_text(constraint: &Constraint) -> String {
    let mut text = format!("[{}, {}", constraint.field, constraint.operator.name());
    if let Some(value) = &constraint.value {
        let _ = write!(text, ", {value}");
    }
    text.push(']');
    text
}

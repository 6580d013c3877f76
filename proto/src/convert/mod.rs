//! From the wire to the vocabulary, with validation, and back.
//!
//! Reading (`TryFrom` a wire type) checks all that the protos promise, fills in the defaults they document and names
//! the field that is wrong. Writing (`From` a domain type) cannot fail. Values are taken by value where they can be
//! moved; what the domain shares behind an `Arc` is written from a reference.

mod agent;
mod at;
mod command;
mod constraints;
mod container;
mod duty;
pub mod executing;
mod explanation;
pub mod files;
mod framework;
mod health;
pub mod link;
mod offer;
mod reconcile;
mod resources;
pub mod scheduling;
pub mod status;
pub mod storage;
mod task;
mod task_status;
mod text;
mod verdict;

pub use at::Invalid;
pub use duty::unavailability_from_wire;
pub use resources::{limits_from_wire, limits_to_wire, resources_from_wire, resources_to_wire};

/// The most bytes that a message between a scheduler and an executor may have, and, encoded, one task, one executor and
/// one executor's report: with it, each of them fits into the 1 MiB of a message.
pub const MESSAGE_BYTES_MAX: usize = 512 * 1024;

/// The most bytes that the description of an agent or a framework may have, encoded. It is stored whole.
pub const DESCRIPTION_BYTES_MAX: usize = 256 * 1024;

/// Makes a read function, which knows where in a message it is, the `TryFrom` of a whole message.
macro_rules! readable {
    ($($wire:ty => $domain:ty: $read:path;)*) => {
        $(impl TryFrom<$wire> for $domain {
            type Error = $crate::convert::Invalid;

            fn try_from(wire: $wire) -> Result<Self, $crate::convert::Invalid> {
                $read(wire, &$crate::convert::at::At::root())
            }
        })*
    };
}
use readable;

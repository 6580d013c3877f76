//! The contract: what two processes must agree on, generated from the protos beside this crate, and the way from the
//! wire to the vocabulary and back.
//!
//! **Architecture invariant:** wire types stop here. Whoever decides anything sees `proto_types` only; [`convert`] is
//! where what came from outside is validated.

pub mod convert;
pub mod json;

/// The conversations: `proffer.v1`.
#[expect(clippy::all, clippy::allow_attributes, reason = "generated; the protos document every field")]
pub mod v1 {
    tonic::include_proto!("proffer.v1");
}

/// What is stored: `proffer.storage.v1`.
pub mod storage {
    /// Version 1 of it.
    pub mod v1 {
        tonic::include_proto!("proffer.storage.v1");
    }
}

/// The descriptors of all protos, encoded, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

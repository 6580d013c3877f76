//! JSON as clients send it: read with paths, so that every error says where it is, and refused with Marathon's bodies.

mod fields;
mod item;
mod number;
mod refusal;
mod report;

pub use fields::Fields;
pub use item::Item;
pub use number::{amount, number, seconds};
pub use refusal::{Detail, Refusal};
pub use report::Report;

use serde_json::Value;

/// The JSON in a body.
///
/// # Errors
/// The 400 of bodies that are no JSON, or nested deeper than 128 levels.
pub fn parse(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::Malformed(error.to_string()))
}

//! What names and values of resources may be, whichever way they come in.

use super::{Ranges, Resources, Scalar, Value};
use crate::ids::{InvalidId, validate_id};

/// Why a text is no name of a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It breaks a rule that holds for ids too.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// It has a character that the text form of resources uses.
    #[error("contains {0:?}; brackets, ';', ':' and spaces are not allowed")]
    Character(char),
}

/// Checks the name of a resource.
///
/// # Errors
/// The rule that it breaks.
pub fn validate_name(text: &str) -> Result<(), InvalidName> {
    validate_id(text)?;
    match text.chars().find(|c| matches!(c, '(' | ')' | '[' | ']' | '{' | '}' | ';' | ':') || c.is_whitespace()) {
        Some(character) => Err(InvalidName::Character(character)),
        None => Ok(()),
    }
}

/// Whether a text may be an item of a set: neither empty, nor with what the text form of sets uses.
#[must_use]
pub fn is_item(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.contains(|c: char| matches!(c, ',' | ';' | '{' | '}') || c.is_control())
}

impl Ranges {
    /// The first range that is not of ports, which are 1 to 65535.
    #[must_use]
    pub fn beyond_ports(&self) -> Option<(u64, u64)> {
        self.iter().find(|(start, end)| *start == 0 || *end > u64::from(u16::MAX))
    }
}

impl Resources {
    /// The first name of which there is more than [`Scalar::MAX`] in one kind, as sums of what came in may be.
    #[must_use]
    pub fn beyond_max(&self) -> Option<&super::ResourceName> {
        self.iter()
            .find(|resource| matches!(resource.value, Value::Scalar(amount) if amount > Scalar::MAX))
            .map(|resource| &resource.kind.name)
    }
}

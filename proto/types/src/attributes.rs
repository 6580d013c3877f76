//! What an agent says of itself that is no resource: `rack:r1;zone:a;cores:8;ports:[1-9]`.

use crate::resources::{Ranges, Scalar};
use std::fmt;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttributeValue {
    /// A number.
    Scalar(Scalar),
    /// A set of numbers, as ranges.
    Ranges(Ranges),
    /// Any other text.
    Text(String),
}

/// One attribute. Several may share a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: AttributeValue,
}

/// All attributes of an agent, in the order it gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attributes(pub Vec<Attribute>);

impl Attributes {
    /// The values under `name`.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a AttributeValue> {
        self.0.iter().filter(move |attribute| attribute.name == name).map(|attribute| &attribute.value)
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => scalar.fmt(f),
            Self::Ranges(ranges) => ranges.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attribute) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{}:{}", attribute.name, attribute.value)?;
        }
        Ok(())
    }
}

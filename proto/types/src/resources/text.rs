//! The text form, as in Mesos: `cpus:4;mem:8192;ports:[31000-32000];gpus(ml):2;tags:{a,b}`.

use super::{
    InvalidName, Kind, Ranges, Reservation, ReservationKind, Resource, ResourceName, Resources, Scalar, Value, is_item,
    validate_name,
};
use crate::{Attribute, Attributes, Role, attributes::AttributeValue, ids::InvalidRole};
use std::{fmt, str::FromStr};

/// Why a text is no bag of resources or attributes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// A part without a colon, or with a bad name.
    #[error("{0:?} is not of the form name:value or name(role):value")]
    Shape(String),
    /// A value that does not read.
    #[error(
        "{name}: {value:?} is neither a number such as 0.5, nor ranges such as [1-5,8-9], nor a set such as {{a,b}}"
    )]
    Value {
        /// Of what.
        name: String,
        /// The text.
        value: String,
    },
    /// A predefined resource with a value of another kind.
    #[error("{name} must be {expected}, not {value:?}")]
    Predefined {
        /// Of what.
        name: String,
        /// What it must be.
        expected: &'static str,
        /// The text.
        value: String,
    },
    /// More than can be accounted for.
    #[error("{name} adds up to more than {most}", most = Scalar::MAX)]
    TooMuch {
        /// Of what.
        name: String,
    },
    /// A name that is none.
    #[error("{name:?} is no name of a resource: it {why}")]
    Name {
        /// The text.
        name: String,
        /// What is wrong.
        why: InvalidName,
    },
    /// A role that is none.
    #[error(transparent)]
    Role(#[from] InvalidRole),
}

impl FromStr for Resources {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let resources = parts(text).map(parse_resource).collect::<Result<Self, InvalidText>>()?;
        match resources.beyond_max() {
            Some(name) => Err(InvalidText::TooMuch { name: name.to_string() }),
            None => Ok(resources),
        }
    }
}

/// Reads attributes: as resources, but whatever is no number and no ranges is text.
///
/// # Errors
/// The part that does not read.
pub fn parse_attributes(text: &str) -> Result<Attributes, InvalidText> {
    let attributes = parts(text).map(|part| {
        let (name, value) = part.split_once(':').ok_or_else(|| InvalidText::Shape(part.to_owned()))?;
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || value.is_empty() {
            return Err(InvalidText::Shape(part.to_owned()));
        }
        let value = match parse_value(name, value) {
            Ok(Value::Scalar(scalar)) => AttributeValue::Scalar(scalar),
            Ok(Value::Ranges(ranges)) => AttributeValue::Ranges(ranges),
            _ => AttributeValue::Text(value.to_owned()),
        };
        Ok(Attribute { name: name.to_owned(), value })
    });
    Ok(Attributes(attributes.collect::<Result<_, _>>()?))
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty())
}

fn parse_resource(part: &str) -> Result<Resource, InvalidText> {
    let shape = || InvalidText::Shape(part.to_owned());
    let (head, value) = part.split_once(':').ok_or_else(shape)?;
    let (head, value) = (head.trim(), value.trim());
    let (name, role) = match head.strip_suffix(')') {
        Some(head) => {
            let (name, role) = head.split_once('(').ok_or_else(shape)?;
            (name.trim(), Some(Role::new(role.trim())?))
        }
        None => (head, None),
    };
    validate_name(name).map_err(|why| InvalidText::Name { name: name.to_owned(), why })?;
    let mut kind = Kind::plain(ResourceName::new(name));
    kind.reservation =
        role.filter(|role| !role.is_any()).map(|role| Box::new(Reservation { role, kind: ReservationKind::Static }));
    let parsed = parse_value(name, value)?;
    check_predefined(&kind.name, &parsed, value)?;
    Ok(Resource { kind, value: parsed })
}

/// Checks that a predefined resource has a value of its kind.
///
/// # Errors
/// What it must be.
fn check_predefined(name: &ResourceName, parsed: &Value, text: &str) -> Result<(), InvalidText> {
    let expected = match (name, parsed) {
        (ResourceName::Ports, Value::Ranges(ports)) if ports.beyond_ports().is_none() => return Ok(()),
        (ResourceName::Ports, _) => "ranges from 1 to 65535, such as [31000-32000]",
        (ResourceName::Custom(_), _) | (_, Value::Scalar(_)) => return Ok(()),
        _ => "a number such as 0.5",
    };
    Err(InvalidText::Predefined { name: name.to_string(), expected, value: text.to_owned() })
}

fn parse_value(name: &str, text: &str) -> Result<Value, InvalidText> {
    let invalid = || InvalidText::Value { name: name.to_owned(), value: text.to_owned() };
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let ranges = items(inner).map(parse_range).collect::<Option<Vec<_>>>().ok_or_else(invalid)?;
        return Ranges::new(ranges).map(Value::Ranges).map_err(|_| invalid());
    }
    if let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        if !items(inner).all(is_item) {
            return Err(invalid());
        }
        return Ok(Value::Set(items(inner).map(str::to_owned).collect()));
    }
    text.parse::<Scalar>().map(Value::Scalar).map_err(|_| invalid())
}

fn items(inner: &str) -> impl Iterator<Item = &str> {
    inner.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn parse_range(item: &str) -> Option<(u64, u64)> {
    let (start, end) = item.split_once('-').unwrap_or((item, item));
    Some((start.trim().parse().ok()?, end.trim().parse().ok()?))
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.name)?;
        if let Some(reservation) = &self.kind.reservation {
            write!(f, "({})", reservation.role)?;
        }
        if self.kind.revocable {
            f.write_str("{REV}")?;
        }
        if let Some(volume) = &self.kind.volume {
            write!(f, "[{volume}]")?;
        }
        write!(f, ":{}", self.value)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => scalar.fmt(f),
            Self::Ranges(ranges) => ranges.fmt(f),
            Self::Set(items) => {
                f.write_str("{")?;
                for (index, item) in items.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "," };
                    write!(f, "{separator}{item}")?;
                }
                f.write_str("}")
            }
        }
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, resource) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{resource}")?;
        }
        Ok(())
    }
}

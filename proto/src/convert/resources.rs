//! Resources, amounts and bounds.

use super::{
    Invalid,
    at::{At, required},
    text,
};
use crate::v1::{self, resource::Value as WireValue};
use proto_types::{
    Resources,
    ids::validate_id,
    resources::{
        Kind, Limits, Quantities, Ranges, Reservation, ReservationKind, Resource, ResourceName, Scalar, Value, is_item,
        validate_name,
    },
};
use std::sync::Arc;

/// Reads a bag of resources; `field` is what to call it in an error.
///
/// # Errors
/// The field that is wrong.
pub fn resources_from_wire(wire: Vec<v1::Resource>, field: &'static str) -> Result<Resources, Invalid> {
    bag(wire, &At::root().field(field))
}

/// Writes a bag of resources.
#[must_use]
pub fn resources_to_wire(resources: &Resources) -> Vec<v1::Resource> {
    resources.iter().map(v1::Resource::from).collect()
}

/// Reads upper bounds; `field` is what to call them in an error. A bound of zero counts.
///
/// # Errors
/// The field that is wrong.
pub fn limits_from_wire(wire: Vec<v1::Resource>, field: &'static str) -> Result<Limits, Invalid> {
    bounds(wire, &At::root().field(field))
}

/// Writes upper bounds.
#[must_use]
pub fn limits_to_wire(limits: &Limits) -> Vec<v1::Resource> {
    limits.iter().map(|(name, amount)| amount_to_wire(name, *amount)).collect()
}

pub(crate) fn bag(wire: Vec<v1::Resource>, at: &At<'_>) -> Result<Resources, Invalid> {
    let mut bag = Resources::default();
    for (index, item) in wire.into_iter().enumerate() {
        bag.add_resource(resource(item, &at.index(index))?);
    }
    // One amount is bounded where it is read; many of one kind might still add up to more than the accounts can hold.
    if let Some(name) = bag.beyond_max() {
        return Err(at.invalid(format_args!("{name} adds up to more than {}", Scalar::MAX)));
    }
    Ok(bag)
}

pub(crate) fn bounds(wire: Vec<v1::Resource>, at: &At<'_>) -> Result<Limits, Invalid> {
    let mut limits = Limits::default();
    for (index, item) in wire.into_iter().enumerate() {
        let at = at.index(index);
        let (name, amount) = amount(item, &at)?;
        if limits.get(&name).is_some() {
            return Err(at.field("name").invalid(format_args!("{name} stands here twice; give one bound for each")));
        }
        limits.tighten(&name, amount);
    }
    Ok(limits)
}

pub(crate) fn quantities(wire: Vec<v1::Resource>, at: &At<'_>) -> Result<Quantities, Invalid> {
    wire.into_iter().enumerate().map(|(index, item)| amount(item, &at.index(index))).collect()
}

pub(crate) fn quantities_to_wire(quantities: &Quantities) -> Vec<v1::Resource> {
    quantities.iter().map(|(name, amount)| amount_to_wire(name, *amount)).collect()
}

fn resource(wire: v1::Resource, at: &At<'_>) -> Result<Resource, Invalid> {
    let name = name(&wire.name, &at.field("name"))?;
    let value = value(required(wire.value, &at.field("value"))?, at)?;
    match (&name, &value) {
        (ResourceName::Ports, Value::Ranges(ports)) => check_ports(ports, &at.field("ranges"))?,
        (ResourceName::Custom(_), _) => {}
        (ResourceName::Ports, _) => return Err(at.field("ranges").invalid("ports are ranges, such as 31000 to 32000")),
        (_, Value::Scalar(_)) => {}
        (name, _) => return Err(at.field("scalar_milli").invalid(format_args!("{name} is a number"))),
    }
    let reservation = wire.reservation.map(|wire| reservation(wire, &at.field("reservation"))).transpose()?;
    let volume = wire.volume_id.map(|id| volume(&id, &name, &at.field("volume_id"))).transpose()?;
    let kind = Kind { name, reservation: reservation.map(Box::new), volume, revocable: wire.revocable };
    Ok(Resource { kind, value })
}

fn check_ports(ports: &Ranges, at: &At<'_>) -> Result<(), Invalid> {
    match ports.beyond_ports() {
        Some((begin, end)) => Err(at.invalid(format_args!("{begin}-{end} are no ports; ports are 1 to {}", u16::MAX))),
        None => Ok(()),
    }
}

fn name(text: &str, at: &At<'_>) -> Result<ResourceName, Invalid> {
    validate_name(text).map_err(|error| at.invalid(error))?;
    Ok(ResourceName::new(text))
}

fn value(wire: WireValue, at: &At<'_>) -> Result<Value, Invalid> {
    Ok(match wire {
        WireValue::ScalarMilli(milli) => Value::Scalar(scalar(milli, &at.field("scalar_milli"))?),
        WireValue::Ranges(wire) => Value::Ranges(ranges(wire, &at.field("ranges"))?),
        WireValue::Set(wire) => {
            let at = at.field("set");
            match wire.items.iter().position(|item| !is_item(item)) {
                Some(index) => {
                    let message = "must be a text without ',', ';', braces, control characters and outer spaces";
                    return Err(at.field("items").index(index).invalid(message));
                }
                None => Value::Set(wire.items.into_iter().collect()),
            }
        }
    })
}

pub(crate) fn scalar(milli: u64, at: &At<'_>) -> Result<Scalar, Invalid> {
    if milli > Scalar::MAX.milli() {
        return Err(at.invalid(format_args!("{milli} thousandths are too many; at most {}", Scalar::MAX.milli())));
    }
    Ok(Scalar::from_milli(milli))
}

pub(crate) fn ranges(wire: v1::Ranges, at: &At<'_>) -> Result<Ranges, Invalid> {
    let at = at.field("ranges");
    if let Some(index) = wire.ranges.iter().position(|range| range.begin > range.end) {
        let range = wire.ranges[index];
        let message = format_args!("{} is below begin, {}", range.end, range.begin).to_string();
        return Err(at.index(index).field("end").invalid(message));
    }
    Ranges::new(wire.ranges.iter().map(|range| (range.begin, range.end))).map_err(|error| at.invalid(error))
}

fn reservation(wire: v1::Reservation, at: &At<'_>) -> Result<Reservation, Invalid> {
    let role = text::role(&wire.role, &at.field("role"))?;
    if role.is_any() {
        return Err(at.field("role").invalid("\"*\" is everybody; leave the reservation out"));
    }
    let kind = if wire.dynamic {
        ReservationKind::Dynamic {
            principal: text::principal(&wire.principal, &at.field("principal"))?,
            labels: text::labels(wire.labels, &at.field("labels"))?,
        }
    } else if !wire.principal.is_empty() {
        return Err(at.field("principal").invalid("only dynamic reservations have one"));
    } else if !wire.labels.is_empty() {
        return Err(at.field("labels").invalid("only dynamic reservations have them"));
    } else {
        ReservationKind::Static
    };
    Ok(Reservation { role, kind })
}

fn volume(id: &str, name: &ResourceName, at: &At<'_>) -> Result<Arc<str>, Invalid> {
    if *name != ResourceName::Disk {
        return Err(at.invalid(format_args!("only disk can be a volume, not {name}")));
    }
    validate_id(id).map_err(|error| at.invalid(error))?;
    Ok(Arc::from(id))
}

/// A scalar that stands for its name alone, whatever it is reserved for.
fn amount(wire: v1::Resource, at: &At<'_>) -> Result<(ResourceName, Scalar), Invalid> {
    let resource = resource(wire, at)?;
    match (resource.value, &resource.kind) {
        (Value::Scalar(amount), kind) if *kind == Kind::plain(kind.name.clone()) => Ok((resource.kind.name, amount)),
        (Value::Scalar(_), _) => {
            Err(at.invalid("must be a plain amount, neither reserved, nor a volume, nor revocable"))
        }
        (_, kind) => Err(at.invalid(format_args!("{} must be a number here", kind.name))),
    }
}

fn amount_to_wire(name: &ResourceName, amount: Scalar) -> v1::Resource {
    v1::Resource {
        name: name.as_str().to_owned(),
        value: Some(WireValue::ScalarMilli(amount.milli())),
        ..v1::Resource::default()
    }
}

pub(crate) fn ranges_to_wire(ranges: &Ranges) -> v1::Ranges {
    v1::Ranges { ranges: ranges.iter().map(|(begin, end)| v1::Range { begin, end }).collect() }
}

impl From<&Resource> for v1::Resource {
    fn from(resource: &Resource) -> Self {
        let value = match &resource.value {
            Value::Scalar(amount) => WireValue::ScalarMilli(amount.milli()),
            Value::Ranges(ranges) => WireValue::Ranges(ranges_to_wire(ranges)),
            Value::Set(items) => WireValue::Set(v1::StringSet { items: items.iter().cloned().collect() }),
        };
        Self {
            name: resource.kind.name.as_str().to_owned(),
            value: Some(value),
            reservation: resource.kind.reservation.as_deref().map(v1::Reservation::from),
            volume_id: resource.kind.volume.as_deref().map(str::to_owned),
            revocable: resource.kind.revocable,
        }
    }
}

impl From<&Reservation> for v1::Reservation {
    fn from(reservation: &Reservation) -> Self {
        let role = reservation.role.to_string();
        match &reservation.kind {
            ReservationKind::Static => Self { role, ..Self::default() },
            ReservationKind::Dynamic { principal, labels } => {
                Self { role, dynamic: true, principal: principal.to_string(), labels: labels.clone() }
            }
        }
    }
}

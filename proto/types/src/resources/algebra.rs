//! Adding, taking away and comparing bags of resources.

use super::{Limits, Quantities, Ranges, Resource, ResourceName, Resources, Scalar, Value};
use crate::Role;

/// What was missing for a subtraction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("needs {needed}, has {available}")]
pub struct Insufficient {
    /// Of which resource; a bag with the one resource asked for.
    pub needed: Resources,
    /// What there is of it.
    pub available: String,
}

impl Resources {
    /// The resource kinds in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Resource> {
        self.0.iter()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much there is under this name, over all reservations.
    #[must_use]
    pub fn scalar(&self, name: &ResourceName) -> Scalar {
        self.0
            .iter()
            .filter(|resource| resource.kind.name == *name)
            .map(|resource| if let Value::Scalar(amount) = resource.value { amount } else { Scalar::ZERO })
            .sum()
    }

    /// The ports, over all reservations.
    #[must_use]
    pub fn ports(&self) -> Ranges {
        self.0.iter().filter(|resource| resource.kind.name == ResourceName::Ports).fold(
            Ranges::default(),
            |ports, resource| match &resource.value {
                Value::Ranges(ranges) => ports.union(ranges),
                _ => ports,
            },
        )
    }

    /// The scalars by name.
    #[must_use]
    pub fn quantities(&self) -> Quantities {
        let mut quantities = Quantities::default();
        quantities.add(self);
        quantities
    }

    /// The part that a framework of this role may use.
    #[must_use]
    pub fn usable_by(&self, role: &Role) -> Self {
        Self(self.0.iter().filter(|resource| resource.kind.usable_by(role)).cloned().collect())
    }

    /// Adds one resource. A set or ranges that are there already stay as they are.
    pub fn add_resource(&mut self, resource: Resource) {
        if resource.value.is_empty() {
            return;
        }
        match self.position(&resource) {
            Ok(index) => add_owned_value(&mut self.0[index].value, resource.value),
            Err(index) => self.0.insert(index, resource),
        }
    }

    /// Adds all of `other`.
    pub fn add(&mut self, other: &Self) {
        for resource in &other.0 {
            match self.position(resource) {
                Ok(index) => add_value(&mut self.0[index].value, &resource.value),
                Err(index) => self.0.insert(index, resource.clone()),
            }
        }
    }

    /// Whether all of `other` is here.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.0.iter().all(|resource| self.contains_resource(resource))
    }

    fn contains_resource(&self, resource: &Resource) -> bool {
        self.position(resource).is_ok_and(|index| contains_value(&self.0[index].value, &resource.value))
    }

    /// Takes all of `other` away.
    ///
    /// # Errors
    /// The first resource of which there is too little; nothing is changed then.
    pub fn subtract(&mut self, other: &Self) -> Result<(), Insufficient> {
        if let Some(missing) = other.0.iter().find(|resource| !self.contains_resource(resource)) {
            return Err(self.insufficient(missing));
        }
        for resource in &other.0 {
            let Ok(index) = self.position(resource) else { continue };
            subtract_value(&mut self.0[index].value, &resource.value);
            if self.0[index].value.is_empty() {
                self.0.remove(index);
            }
        }
        Ok(())
    }

    /// The part of this that is not in `other`, where `other` may hold more.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = self.clone();
        for resource in &other.0 {
            let Ok(index) = left.position(resource) else { continue };
            subtract_value(&mut left.0[index].value, &resource.value);
            if left.0[index].value.is_empty() {
                left.0.remove(index);
            }
        }
        left
    }

    /// The same resources with every scalar of an unreserved kind cut to what `limits` leave of its name.
    #[must_use]
    pub fn shrunk_to(&self, limits: &Limits) -> Self {
        let mut left = limits.clone();
        let mut shrunk = Vec::new();
        for resource in &self.0 {
            let limit = match resource.kind.reservation {
                None => left.get_mut(&resource.kind.name),
                Some(_) => None,
            };
            let (Value::Scalar(amount), Some(limit)) = (&resource.value, limit) else {
                shrunk.push(resource.clone());
                continue;
            };
            let granted = (*amount).min(*limit);
            *limit = limit.saturating_sub(granted);
            if granted > Scalar::ZERO {
                shrunk.push(Resource { kind: resource.kind.clone(), value: Value::Scalar(granted) });
            }
        }
        Self(shrunk)
    }

    fn insufficient(&self, missing: &Resource) -> Insufficient {
        let available = match self.position(missing) {
            Ok(index) => self.0[index].to_string(),
            Err(_) => format!("no {}", missing.kind.name),
        };
        Insufficient { needed: Self(vec![missing.clone()]), available }
    }

    fn position(&self, resource: &Resource) -> Result<usize, usize> {
        self.0.binary_search_by(|mine| {
            mine.kind.cmp(&resource.kind).then_with(|| discriminant(&mine.value).cmp(&discriminant(&resource.value)))
        })
    }
}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut bag = Self::default();
        for resource in resources {
            bag.add_resource(resource);
        }
        bag
    }
}

fn discriminant(value: &Value) -> u8 {
    match value {
        Value::Scalar(_) => 0,
        Value::Ranges(_) => 1,
        Value::Set(_) => 2,
    }
}

fn add_value(mine: &mut Value, other: &Value) {
    match (mine, other) {
        (Value::Scalar(mine), Value::Scalar(other)) => *mine += *other,
        (Value::Ranges(mine), Value::Ranges(other)) => *mine = mine.union(other),
        (Value::Set(mine), Value::Set(other)) => mine.extend(other.iter().cloned()),
        _ => unreachable!("the position of a resource agrees in the kind of its value"),
    }
}

/// The same without copying the items of a set.
fn add_owned_value(mine: &mut Value, other: Value) {
    match (mine, other) {
        (Value::Set(mine), Value::Set(other)) => mine.extend(other),
        (mine, other) => add_value(mine, &other),
    }
}

fn contains_value(mine: &Value, other: &Value) -> bool {
    match (mine, other) {
        (Value::Scalar(mine), Value::Scalar(other)) => mine >= other,
        (Value::Ranges(mine), Value::Ranges(other)) => mine.contains(other),
        (Value::Set(mine), Value::Set(other)) => mine.is_superset(other),
        _ => false,
    }
}

fn subtract_value(mine: &mut Value, other: &Value) {
    match (mine, other) {
        (Value::Scalar(mine), Value::Scalar(other)) => *mine = mine.saturating_sub(*other),
        (Value::Ranges(mine), Value::Ranges(other)) => *mine = mine.difference(other),
        (Value::Set(mine), Value::Set(other)) => mine.retain(|item| !other.contains(item)),
        _ => {}
    }
}

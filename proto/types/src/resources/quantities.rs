//! Plain sums by name, for shares, quotas and minimums.

use super::{ResourceName, Resources, Scalar, Value};
use smallvec::SmallVec;
use std::fmt;

/// Amounts by name, whatever they are reserved for. Sorted, each name once, no zeroes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Quantities(SmallVec<[(ResourceName, Scalar); 4]>);

impl Quantities {
    /// The amounts in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &(ResourceName, Scalar)> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much there is of this.
    #[must_use]
    pub fn get(&self, name: &ResourceName) -> Scalar {
        self.position(name).map_or(Scalar::ZERO, |index| self.0[index].1)
    }

    /// Sets how much there is of this.
    pub fn set(&mut self, name: &ResourceName, amount: Scalar) {
        match (self.position(name), amount) {
            (Ok(index), Scalar::ZERO) => drop(self.0.remove(index)),
            (Ok(index), _) => self.0[index].1 = amount,
            (Err(_), Scalar::ZERO) => {}
            (Err(index), _) => self.0.insert(index, (name.clone(), amount)),
        }
    }

    /// Adds the scalars of `resources`.
    pub fn add(&mut self, resources: &Resources) {
        for (name, amount) in scalars(resources) {
            self.set(name, self.get(name) + amount);
        }
    }

    /// Takes the scalars of `resources` away, down to zero.
    pub fn subtract(&mut self, resources: &Resources) {
        for (name, amount) in scalars(resources) {
            self.set(name, self.get(name).saturating_sub(amount));
        }
    }

    /// Whether none of the amounts exceeds that of `other`.
    #[must_use]
    pub fn fits_in(&self, other: &Self) -> bool {
        self.0.iter().all(|(name, amount)| *amount <= other.get(name))
    }

    fn position(&self, name: &ResourceName) -> Result<usize, usize> {
        self.0.binary_search_by(|(mine, _)| mine.cmp(name))
    }
}

impl FromIterator<(ResourceName, Scalar)> for Quantities {
    fn from_iter<I: IntoIterator<Item = (ResourceName, Scalar)>>(amounts: I) -> Self {
        let mut quantities = Self::default();
        for (name, amount) in amounts {
            quantities.set(&name, quantities.get(&name) + amount);
        }
        quantities
    }
}

impl fmt::Display for Quantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, amount)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{name}:{amount}")?;
        }
        Ok(())
    }
}

fn scalars(resources: &Resources) -> impl Iterator<Item = (&ResourceName, Scalar)> {
    resources.iter().filter_map(|resource| match &resource.value {
        Value::Scalar(amount) => Some((&resource.kind.name, *amount)),
        _ => None,
    })
}

//! Upper bounds by name; unlike a sum, a bound of zero means something.

use super::{Quantities, ResourceName, Scalar};
use std::fmt;

/// The most there may be of some names. Sorted, each name once; other names have no bound.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Limits(Vec<(ResourceName, Scalar)>);

impl Limits {
    /// The bounds in order of name.
    pub fn iter(&self) -> impl Iterator<Item = &(ResourceName, Scalar)> {
        self.0.iter()
    }

    /// Whether nothing is bounded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bound of this name.
    #[must_use]
    pub fn get(&self, name: &ResourceName) -> Option<Scalar> {
        self.position(name).ok().map(|index| self.0[index].1)
    }

    /// The bound of this name, to be changed.
    pub fn get_mut(&mut self, name: &ResourceName) -> Option<&mut Scalar> {
        self.position(name).ok().map(|index| &mut self.0[index].1)
    }

    /// Bounds this name, by the lower of its old and its new bound.
    pub fn tighten(&mut self, name: &ResourceName, bound: Scalar) {
        match self.position(name) {
            Ok(index) => self.0[index].1 = self.0[index].1.min(bound),
            Err(index) => self.0.insert(index, (name.clone(), bound)),
        }
    }

    /// Whether these amounts keep the bounds.
    #[must_use]
    pub fn admit(&self, amounts: &Quantities) -> bool {
        self.0.iter().all(|(name, bound)| amounts.get(name) <= *bound)
    }

    fn position(&self, name: &ResourceName) -> Result<usize, usize> {
        self.0.binary_search_by(|(mine, _)| mine.cmp(name))
    }
}

impl FromIterator<(ResourceName, Scalar)> for Limits {
    fn from_iter<I: IntoIterator<Item = (ResourceName, Scalar)>>(bounds: I) -> Self {
        let mut limits = Self::default();
        for (name, bound) in bounds {
            limits.tighten(&name, bound);
        }
        limits
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, bound)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ";" };
            write!(f, "{separator}{name}:{bound}")?;
        }
        Ok(())
    }
}

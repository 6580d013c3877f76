//! Sets of numbers as ranges.

use std::fmt;

/// Numbers as inclusive ranges: sorted, disjoint, never touching each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges(Vec<(u64, u64)>);

/// A range whose end lies before its start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("range [{0}-{1}] ends before it starts")]
pub struct InvalidRange(pub u64, pub u64);

impl Ranges {
    /// The numbers in all of `ranges`, which may overlap and stand in any order.
    ///
    /// # Errors
    /// A range that ends before it starts.
    pub fn new(ranges: impl IntoIterator<Item = (u64, u64)>) -> Result<Self, InvalidRange> {
        let mut ranges: Vec<_> = ranges.into_iter().collect();
        if let Some(&(start, end)) = ranges.iter().find(|(start, end)| start > end) {
            return Err(InvalidRange(start, end));
        }
        ranges.sort_unstable();
        Ok(Self::merged(ranges))
    }

    /// The one number.
    #[must_use]
    pub fn single(number: u64) -> Self {
        Self(vec![(number, number)])
    }

    fn merged(sorted: Vec<(u64, u64)>) -> Self {
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
        for (start, end) in sorted {
            match merged.last_mut() {
                Some(last) if start <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        Self(merged)
    }

    /// Whether there is no number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, (start, end)| sum.saturating_add((end - start).saturating_add(1)))
    }

    /// The ranges, sorted.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0.iter().copied()
    }

    /// The numbers, sorted.
    pub fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|(start, end)| *start..=*end)
    }

    /// Whether all of `other` is here.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let mut mine = self.0.iter();
        let mut current = mine.next();
        other.0.iter().all(|(start, end)| {
            while current.is_some_and(|(_, last)| last < start) {
                current = mine.next();
            }
            current.is_some_and(|(first, last)| first <= start && end <= last)
        })
    }

    /// The numbers of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = Vec::with_capacity(self.0.len() + other.0.len());
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let Some(next) = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => {
                if a <= b {
                    left.next()
                } else {
                    right.next()
                }
            }
            (Some(_), None) => left.next(),
            _ => right.next(),
        } {
            all.push(*next);
        }
        Self::merged(all)
    }

    /// The numbers of this that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut left = Vec::with_capacity(self.0.len() + other.0.len());
        let mut holes = other.0.iter().peekable();
        for &(mut start, end) in &self.0 {
            while holes.next_if(|hole| hole.1 < start).is_some() {}
            let mut whole = true;
            while let Some(&&(first, last)) = holes.peek() {
                if first > end {
                    break;
                }
                if start < first {
                    left.push((start, first - 1));
                }
                if last >= end {
                    whole = false;
                    break;
                }
                start = last + 1;
                holes.next();
            }
            if whole {
                left.push((start, end));
            }
        }
        Self(left)
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, (start, end)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{start}-{end}")?;
        }
        f.write_str("]")
    }
}

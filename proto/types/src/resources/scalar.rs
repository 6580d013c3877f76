//! Fixed-point amounts.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign},
    str::FromStr,
};

/// A non-negative amount in thousandths, as in Mesos, where 0.1 + 0.2 is 0.3.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scalar(u64);

/// Why a text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an amount; write a number such as 2 or 0.5, with at most three decimals, not negative")]
pub struct InvalidScalar(pub String);

impl Scalar {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount of one thing: sums of 65,535 such still fit, so that no sum over a cluster loses anything.
    pub const MAX: Self = Self(1 << 48);

    /// An amount of so many thousandths, cut to [`Scalar::MAX`].
    #[must_use]
    pub const fn from_milli(milli: u64) -> Self {
        if milli > Self::MAX.0 { Self::MAX } else { Self(milli) }
    }

    /// An amount of so many whole units, cut to [`Scalar::MAX`].
    #[must_use]
    pub const fn from_units(units: u64) -> Self {
        Self::from_milli(units.saturating_mul(1000))
    }

    /// The amount in thousandths.
    #[must_use]
    pub const fn milli(self) -> u64 {
        self.0
    }

    /// The amount as a float, for ratios and metrics; never for accounts.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The difference, if there is so much.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// The difference, or nothing.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Scalar {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Scalar {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Scalar {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl FromStr for Scalar {
    type Err = InvalidScalar;

    fn from_str(text: &str) -> Result<Self, InvalidScalar> {
        let invalid = || InvalidScalar(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return Err(invalid());
        }
        if fraction.len() > 3 && fraction[3..].chars().any(|c| c != '0') {
            return Err(invalid());
        }
        let units: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        let thousandths: u64 = format!("{:0<3}", &fraction[..fraction.len().min(3)]).parse().map_err(|_| invalid())?;
        let milli = units.checked_mul(1000).and_then(|milli| milli.checked_add(thousandths)).ok_or_else(invalid)?;
        if milli > Self::MAX.0 { Err(invalid()) } else { Ok(Self(milli)) }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, thousandths) = (self.0 / 1000, self.0 % 1000);
        if thousandths == 0 {
            return f.pad(&units.to_string());
        }
        f.pad(format!("{units}.{thousandths:03}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_decimals_exactly() {
        for (text, milli) in [("0", 0), ("2", 2000), ("0.5", 500), (".25", 250), ("1.001", 1001), ("1.1000", 1100)] {
            let scalar: Scalar = text.parse().unwrap();
            assert_eq!(scalar.milli(), milli, "{text}");
            assert_eq!(scalar.to_string().parse::<Scalar>().unwrap(), scalar);
        }
        for wrong in ["", ".", "-1", "1.0001", "1e3", "NaN", "inf", "1 ", "99999999999999999999"] {
            assert!(wrong.parse::<Scalar>().is_err(), "{wrong:?}");
        }
    }
}

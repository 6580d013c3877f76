//! Numbers as Marathon writes them.

use proto_types::Scalar;
use serde_json::{Number, Value};
use std::time::Duration;

/// An amount: whole ones without a fraction.
#[must_use]
pub fn amount(scalar: Scalar) -> Value {
    milli(scalar.milli())
}

/// Thousandths as a number.
#[must_use]
fn milli(milli: u64) -> Value {
    if milli.is_multiple_of(1000) {
        Value::from(milli / 1000)
    } else {
        // A quotient by 1000 is the nearest float to its decimal form, so it is written with three decimals at most.
        Number::from_f64(milli as f64 / 1000.0).map_or(Value::Null, Value::Number)
    }
}

/// A number: whole ones without a fraction.
#[must_use]
pub fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        Value::from(number as i64)
    } else {
        Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}

/// A duration in seconds; whole ones without a fraction.
#[must_use]
pub fn seconds(duration: Duration) -> Value {
    milli(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction() {
        assert_eq!(amount(Scalar::from_milli(100)).to_string(), "0.1");
        assert_eq!(amount(Scalar::from_milli(128_000)).to_string(), "128");
        assert_eq!(amount(Scalar::from_milli(1_001)).to_string(), "1.001");
        assert_eq!(number(1.15).to_string(), "1.15");
        assert_eq!(number(1.0).to_string(), "1");
        assert_eq!(seconds(Duration::from_secs(300)).to_string(), "300");
    }
}

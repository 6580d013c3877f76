//! Moments, which are also the names of versions.

use std::{fmt, str::FromStr, time::Duration};

/// Days from 0000-03-01 to 1970-01-01. Years that begin in March end with the leap day, which keeps the sums simple.
const DAYS_BEFORE_1970: i64 = 719_468;
/// Days of 400 years, after which the calendar repeats.
const DAYS_OF_ERA: i64 = 146_097;
const MILLIS_OF_DAY: i64 = 86_400_000;
/// Last millisecond of the year 9999, which is the last that four digits can write.
const MILLIS_MAX: u64 = 253_402_300_799_999;

/// Milliseconds since 1970, UTC, written `2015-09-28T19:47:37.681Z`. From the year 1970 to 9999.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// Why a text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid timestamp provided '{0}'. Expecting ISO-8601 datetime string.")]
pub struct InvalidTimestamp(pub String);

impl Timestamp {
    /// So many milliseconds after 1970 began; cut to the end of the year 9999.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis > MILLIS_MAX { Self(MILLIS_MAX) } else { Self(millis) }
    }

    /// Milliseconds since 1970 began.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This much later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// The first moment that is not before `now` and lies after this one: versions never repeat, even when clocks do.
    #[must_use]
    pub fn next(self, now: Self) -> Self {
        if now > self { now } else { Self::from_millis(self.0 + 1) }
    }
}

/// Year, month and day of a day counted from 1970.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + DAYS_BEFORE_1970;
    let era = shifted.div_euclid(DAYS_OF_ERA);
    let day_of_era = shifted.rem_euclid(DAYS_OF_ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day, counted from 1970, of a date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * DAYS_OF_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - DAYS_BEFORE_1970
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).unwrap_or(0);
        let (year, month, day) = civil_from_days(millis.div_euclid(MILLIS_OF_DAY));
        let rest = millis.rem_euclid(MILLIS_OF_DAY);
        let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
        let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1000);
        f.pad(&text)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads ISO-8601: a date, or a date and a time with or without fraction, with `Z` or an offset such as `+02:00`.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text).ok_or_else(|| InvalidTimestamp(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    if !text.is_ascii() {
        return None;
    }
    let (date, time) = text.split_once(['T', 't']).unwrap_or((text, "00:00:00Z"));
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if !(1..=12).contains(&month) || day < 1 || civil_from_days(days_from_civil(year, month, day)) != (year, month, day)
    {
        return None;
    }
    let (clock, offset_minutes) = split_offset(time)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.splitn(3, ':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let second = parts.next().map_or(Some(0), |part| digits(part, 2))?;
    if hour > 23 || minute > 59 || second > 59 || fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let minutes = hour * 60 + minute - offset_minutes;
    let total = days_from_civil(year, month, day) * MILLIS_OF_DAY + minutes * 60_000 + second * 1000 + millis;
    let total = u64::try_from(total).ok()?;
    (total <= MILLIS_MAX).then_some(Timestamp(total))
}

/// The time without its zone, and the zone in minutes. No zone is UTC.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(sign) = time.find(['+', '-']) else { return Some((time, 0)) };
    let zone = time[sign + 1..].replace(':', "");
    let (hours, minutes) = (digits(zone.get(..2)?, 2)?, zone.get(2..).filter(|rest| !rest.is_empty()));
    let minutes = hours * 60 + minutes.map_or(Some(0), |part| digits(part, 2))?;
    Some((&time[..sign], if time.as_bytes()[sign] == b'-' { -minutes } else { minutes }))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments() {
        for (text, millis) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999),
            ("2015-09-28T19:47:37.681Z", 1_443_469_657_681),
            ("2100-03-01T00:00:00.000Z", 4_107_542_400_000),
            ("9999-12-31T23:59:59.999Z", MILLIS_MAX),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap().millis(), millis, "{text}");
        }
    }

    #[test]
    fn other_ways_to_write_a_moment() {
        let expected = "2015-09-28T19:47:37.600Z".parse::<Timestamp>().unwrap();
        for text in ["2015-09-28T19:47:37.6Z", "2015-09-28T21:47:37.600+02:00", "2015-09-28T19:17:37.6004-0030"] {
            assert_eq!(text.parse::<Timestamp>().unwrap(), expected, "{text}");
        }
        assert_eq!("2015-09-28".parse::<Timestamp>().unwrap().to_string(), "2015-09-28T00:00:00.000Z");
        for wrong in
            ["", "now", "2015-13-01T00:00:00Z", "2015-02-29", "1969-12-31", "2015-09-28T25:00:00Z", "2015-9-28"]
        {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn versions_never_repeat() {
        let first = Timestamp::from_millis(10);
        assert_eq!(first.next(Timestamp::from_millis(12)).millis(), 12);
        assert_eq!(first.next(first).millis(), 11);
        assert_eq!(first.next(Timestamp::from_millis(3)).millis(), 11);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(millis in 0..=MILLIS_MAX) {
            let timestamp = Timestamp::from_millis(millis);
            prop_assert_eq!(timestamp.to_string().parse::<Timestamp>().unwrap(), timestamp);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}

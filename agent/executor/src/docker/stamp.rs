//! The time in front of each message of the engine's log.

/// Splits `2026-11-27T02:47:30.735671232Z text` into nanoseconds since 1970 and the text.
pub(super) fn split(message: &[u8]) -> Option<(i64, &[u8])> {
    let end = message.iter().position(|byte| *byte == b' ')?;
    let stamp = std::str::from_utf8(&message[..end]).ok()?;
    Some((nanoseconds(stamp)?, &message[end + 1..]))
}

fn nanoseconds(stamp: &str) -> Option<i64> {
    let (date, time) = stamp.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let days = days(date.next()??, date.next()??, date.next()??);
    let zone = time.find(['Z', '+', '-'])?;
    let (time, zone) = time.split_at(zone);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i64 = format!("{fraction:0<9}").parse().ok()?;
    let mut whole = whole.splitn(3, ':').map(|part| part.parse::<i64>().ok());
    let seconds = whole.next()?? * 3600 + whole.next()?? * 60 + whole.next()?? - offset(zone)?;
    days.checked_mul(86_400)?.checked_add(seconds)?.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

/// Seconds by which a zone's clock is ahead.
fn offset(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60))
}

/// Days from 1970 to a day of the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year.clamp(0, 9999) - i64::from(month <= 2);
    let month = (month.clamp(1, 12) + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + day
        - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps() {
        assert_eq!(split(b"1970-01-01T00:00:00.000000001Z a b"), Some((1, b"a b".as_slice())));
        assert_eq!(nanoseconds("2026-11-27T02:47:30.5Z"), Some(1_795_747_650_500_000_000));
        assert_eq!(nanoseconds("2026-11-27T04:17:30.5+01:30"), Some(1_795_747_650_500_000_000));
        assert_eq!(nanoseconds("2024-02-29T00:00:00Z"), Some(1_709_164_800_000_000_000));
        for wrong in
            ["", "x", "2026-11-27", "2026-11-27T02:47", "9999999999999999-1-1T0:0:0Z", "T:Z", "2026-11-27T1:1:1."]
        {
            let _ = nanoseconds(wrong);
        }
        assert_eq!(split(b"no stamp"), None);
    }
}

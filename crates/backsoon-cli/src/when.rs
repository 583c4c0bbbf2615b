//! Times and durations as operators write them.

use std::time::Duration;

use backsoon::time::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo};

/// Ten years: who says more has slipped.
pub const LONGEST: Duration = Duration::from_secs(3653 * 86_400);

/// Reads `2026-11-20T23:30:00Z`, `2026-11-20T23:30+01:00`, or a local time with the name of its zone:
/// `2026-11-21 02:30 Europe/Berlin`.
///
/// # Errors
/// A sentence with the way out; also for a local time that the zone skips or has twice.
pub fn time(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    let too_far = || format!("`{text}` is too far away; no closing is that far");
    match text.parse::<jiff::Timestamp>() {
        Ok(moment) => {
            return moment.to_string().parse().map_err(|error: backsoon::time::NotATime| error.to_string());
        }
        // The last year that can be written; in any other it is the day that does not exist.
        Err(error) if error.is_range() && text.starts_with("9999-") => return Err(too_far()),
        Err(_) => {}
    }
    let way_out = || {
        format!(
            "`{text}` is not a time; write 2026-11-20T23:30:00Z, or a local time with its zone: \"2026-11-21 02:30 Europe/Berlin\""
        )
    };
    let (local, zone) = text.rsplit_once(' ').ok_or_else(|| match text.parse::<DateTime>() {
        Ok(_) => format!("`{text}` has no time zone; write \"{text} Europe/Berlin\", or add Z for UTC"),
        Err(_) => way_out(),
    })?;
    let local: DateTime = local.trim().parse().map_err(|_| way_out())?;
    let zone = TimeZone::get(zone).map_err(|_| match zone.parse::<jiff::civil::Time>() {
        Ok(_) => format!("`{text}` has no time zone; write \"{text} Europe/Berlin\", or add Z for UTC"),
        Err(_) => format!("`{zone}` is not the name of a time zone; write one like Europe/Berlin or UTC"),
    })?;
    let moment = zone.to_ambiguous_zoned(local).unambiguous().map_err(|error| match error.is_range() {
        true => too_far(),
        false => format!("at {local} the clocks of that zone change, so the time is missing or comes twice; write it with its offset, for example {local}+01:00"),
    })?;
    moment.timestamp().to_string().parse().map_err(|error: backsoon::time::NotATime| error.to_string())
}

/// Reads `30m`, `2h`, `1h30m`, `90s` or `1d` (24 hours).
///
/// # Errors
/// A sentence with the way out; a duration is longer than nothing, and no longer than [`LONGEST`].
pub fn duration(text: &str) -> Result<Duration, String> {
    let why = |what: &str| format!("`{text}` is {what}; write 30m, 2h or 1h30m");
    let span: Span = text.trim().parse().map_err(|_| match is_well_formed(text) {
        true if text.trim().starts_with('-') => why("negative"),
        true => why("too long; at most 10 years"),
        false => why("not a duration"),
    })?;
    let days = SpanRelativeTo::days_are_24_hours();
    let exact = span.to_duration(days).map_err(|_| why("not a duration"))?;
    match Duration::try_from(exact) {
        Err(_) => Err(why("negative")),
        Ok(Duration::ZERO) => Err(why("too short")),
        Ok(long) if long > LONGEST => Err(why("too long; at most 10 years")),
        Ok(exact) => Ok(exact),
    }
}

/// Whether nothing but its numbers keeps `text` from being a duration.
fn is_well_formed(text: &str) -> bool {
    let mut digits = false;
    let small = text.trim().chars().filter_map(|c| {
        let again = std::mem::replace(&mut digits, c.is_ascii_digit()) && digits;
        (!again).then_some(if digits { '1' } else { c })
    });
    small.collect::<String>().parse::<Span>().is_ok()
}

/// Reads how many of something there are.
///
/// # Errors
/// A sentence with the way out.
pub fn number(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "write how many, for example 3".into())
}

/// `3 s`, `12 min`, `2 h 5 min`, `4 d 7 h`: a duration for people.
pub fn plain(duration: Duration) -> String {
    let round = |unit: u64| (duration.as_secs() + unit / 2) / unit * unit;
    // Ten minutes less a moment are ten minutes to people.
    let seconds = match duration.as_secs() {
        few @ 0..60 => few,
        some @ 60..86_400 if some < 86_370 => round(60),
        _ => round(3600),
    };
    let parts = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match parts {
        (0, 0, 0, few) if few < 10 && duration.subsec_millis() >= 50 => {
            format!("{:.1} s", duration.as_secs_f64())
        }
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, _) => format!("{m} min"),
        (0, h, 0, _) => format!("{h} h"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, 0, ..) => format!("{d} d"),
        (d, h, ..) => format!("{d} d {h} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_an_offset_or_a_zone() {
        let same = |text: &str| time(text).unwrap().to_string();
        assert_eq!(same("2026-11-20T23:30:00Z"), "2026-11-20T23:30:00Z");
        assert_eq!(same("2026-11-20T23:30+01:00"), "2026-11-20T22:30:00Z");
        assert_eq!(same("2026-07-01 02:30 Europe/Berlin"), "2026-07-01T00:30:00Z");
        assert_eq!(same("2026-07-01T02:30 UTC"), "2026-07-01T02:30:00Z");
    }

    #[test]
    fn what_cannot_be_meant_says_the_way_out() {
        let why = |text: &str| time(text).unwrap_err();
        assert!(why("2026-11-20 23:30").contains("has no time zone"));
        assert!(why("2026-11-20T23:30").contains("has no time zone"));
        assert!(why("2026-11-20 23:30 Mars/Base").contains("`Mars/Base` is not the name"));
        assert!(why("tomorrow").contains("write 2026") && why("2026-02-30T00:00Z").contains("write 2026"));
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T23:59Z", "9999-12-31 23:59 UTC"] {
            assert!(why(text).contains("is too far away"), "{text}: {}", why(text));
        }
        // Berlin's clocks go forward here: 02:30 does not exist. And back here: it comes twice.
        assert!(why("2026-03-29 02:30 Europe/Berlin").contains("clocks of that zone change"));
        assert!(why("2026-10-25 02:30 Europe/Berlin").contains("clocks of that zone change"));
    }

    #[test]
    fn durations_are_longer_than_nothing() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("1d"), Ok(Duration::from_secs(86400)));
        for text in ["", "0m", "-5m", "5", "soon", "1 fortnight"] {
            assert!(duration(text).unwrap_err().contains("write 30m"), "{text:?}");
        }
        let why = |text: &str| duration(text).unwrap_err();
        assert!(why("0s").contains("is too short") && why("-5m").contains("is negative"));
        assert!(why("-99999999999h").contains("is negative"));
        assert_eq!(duration("3653d"), Ok(LONGEST));
        for text in ["3654d", "99999999999h", "999999999999999999999999s"] {
            assert!(why(text).contains("is too long; at most 10 years"), "{text}: {}", why(text));
        }
        assert!(why("1y").contains("is not a duration"));
    }

    #[test]
    fn durations_are_said_as_people_say_them() {
        let said = |millis| plain(Duration::from_millis(millis));
        assert_eq!([0, 40, 120, 9_949, 12_300].map(said), ["0 s", "0 s", "0.1 s", "9.9 s", "12 s"]);
        assert_eq!(
            [59_000, 61_000, 599_900, 3_600_000, 7_512_000].map(said),
            ["59 s", "1 min", "10 min", "1 h", "2 h 5 min"]
        );
        assert_eq!([86_399_000, 86_400_000, 374_400_000].map(said), ["1 d", "1 d", "4 d 8 h"]);
    }
}

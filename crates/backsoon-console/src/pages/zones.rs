//! The time zones that a form offers, and what a clock there means.

use backsoon::time::Timestamp;

use crate::problem::{Problem, Result};

/// Every zone of the IANA's that has a place, in order; UTC first.
pub(crate) fn zones() -> Vec<String> {
    let is_place = |name: &String| {
        name.contains('/')
            && !["Etc/", "posix/", "right/", "SystemV/", "US/"].iter().any(|part| name.starts_with(part))
    };
    let names = jiff::tz::db().available().map(|name| name.to_string());
    let mut zones: Vec<String> = names.filter(is_place).collect();
    zones.sort();
    zones.dedup();
    zones.insert(0, "UTC".to_owned());
    zones
}

/// The moment that a clock in `zone` shows so; in UTC if none is named.
pub(crate) fn moment(text: &str, zone: &str) -> Result<Option<Timestamp>> {
    let (text, zone) = (text.trim(), if zone.is_empty() { "UTC" } else { zone });
    if text.is_empty() {
        return Ok(None);
    }
    let civil = text.parse::<jiff::civil::DateTime>().map_err(|_| {
        Problem::unprocessable(format!("`{text}` is no date with a time; write 2026-11-21T23:30"))
    })?;
    let place = jiff::tz::TimeZone::get(zone)
        .map_err(|_| Problem::unprocessable(format!("`{zone}` is no time zone; take one of the list")))?;
    let moment = place.to_ambiguous_timestamp(civil).unambiguous().map_err(|_| {
        let why = "the clocks are changed then, so that time comes twice or not at all; take another one";
        Problem::unprocessable(format!("{text} in {zone}: {why}"))
    })?;
    Ok(Some(Timestamp::from_millis(moment.as_millisecond())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_that_of_its_zone_and_never_guessed() {
        let at = |text, zone| moment(text, zone).map(|moment| moment.map(|moment| moment.to_string()));
        assert_eq!(at("2026-11-21T23:30", "").unwrap().unwrap(), "2026-11-21T23:30:00Z");
        assert_eq!(at("2026-07-01T02:00", "Europe/Berlin").unwrap().unwrap(), "2026-07-01T00:00:00Z");
        assert_eq!(at(" ", "Europe/Berlin").unwrap(), None);
        for (text, zone) in [
            ("tomorrow", "UTC"),
            ("2026-11-21T23:30", "Mars/Phobos"),
            ("2026-03-29T02:30", "Europe/Berlin"),
            ("2026-10-25T02:30", "Europe/Berlin"),
        ] {
            assert!(at(text, zone).is_err(), "{text} {zone}");
        }
    }

    #[test]
    fn there_are_zones_to_choose_from() {
        let zones = zones();
        assert_eq!(zones[0], "UTC");
        assert!(zones.len() > 300 && zones.iter().any(|zone| zone == "Asia/Tokyo"));
    }
}

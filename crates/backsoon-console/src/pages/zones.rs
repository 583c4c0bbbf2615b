//! The time zones that a form offers.

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

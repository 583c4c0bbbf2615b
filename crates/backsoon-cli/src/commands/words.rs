//! Times, commands and windows in words.

use backsoon::decide::Local;
use backsoon::fleet::{Counts, Kind, Life, Report};
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Mode, State};

use crate::output::{BAD, GOOD, WARN, paint};

/// A time in the operator's own zone.
pub(super) fn local(time: Timestamp) -> String {
    let zoned = jiff::Timestamp::from_millisecond(time.as_millis())
        .map(|at| at.to_zoned(jiff::tz::TimeZone::system()));
    zoned.map(|at| at.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()).unwrap_or_else(|_| time.to_string())
}

/// Until when a window is in force.
pub(super) fn until(end: Option<Timestamp>) -> String {
    end.map_or_else(|| "until it is ended".into(), |end| format!("until {}", local(end)))
}

/// Whether an instance lives.
pub(super) fn life(life: Life) -> String {
    match life {
        Life::Live => paint(GOOD, "live"),
        Life::Unheard => paint(WARN, "unheard"),
        Life::Lost => paint(BAD, "lost"),
        Life::Fenced => paint(WARN, "fenced"),
        Life::Dead => paint(BAD, "dead"),
    }
}

/// What an instance is.
pub(super) fn kind(kind: Kind) -> String {
    let name = serde_json::to_value(kind).ok();
    name.and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

/// How many earlier requests run there, as far as it counts them: `2`, or `2+` where others run that it does not count.
pub(super) fn draining(report: &Report) -> String {
    let counted = report.draining.values().sum::<usize>();
    match report.counts {
        Counts::All => counted.to_string(),
        Counts::Own => format!("{counted}+"),
    }
}

/// Which revision of `state` an instance has: `7`, `6 behind`; `-` where there is none that it could have.
pub(super) fn revision(state: Option<&State>, report: &Report) -> String {
    match state {
        None if report.lineage.is_none() => "-".into(),
        Some(state) if !report.has(state) => format!("{}{}", report.revision, paint(WARN, " behind")),
        _ => report.revision.to_string(),
    }
}

/// ` of ann@laptop`, if anybody has signed it.
pub(super) fn of(by: &str) -> String {
    if by.is_empty() { String::new() } else { format!(" of {}", crate::output::plain(by)) }
}

/// How closed a site is, behind "is".
pub(super) fn how(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "open",
        Mode::ReadOnly => "read-only",
        Mode::Hold => "on hold",
        Mode::On => "on",
    }
}

/// What is closed at `now`, and what is to come: `* on, shop.example.com scheduled`.
pub(super) fn sites_in_words(state: &State, now: Timestamp) -> String {
    let snapshot = Snapshot::settle(state, &Local::default(), now, None);
    let mut sites: Vec<String> = Vec::new();
    for (host, _) in state.sites().filter(|(_, site)| !site.windows.is_empty()) {
        let Some(settled) = snapshot.exactly(&host) else { continue };
        match settled.mode() {
            Mode::Off if settled.upcoming().is_empty() => {}
            Mode::Off => sites.push(format!("{host} scheduled")),
            mode => sites.push(format!("{host} {mode}")),
        }
    }
    if sites.is_empty() { "all open".into() } else { sites.join(", ") }
}

/// `text` as a shell reads it as one word.
pub(super) fn quoted(text: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+=,".contains(&b);
    if !text.is_empty() && text.bytes().all(safe) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_as_it_is_shown() {
        assert_eq!(quoted("file:/srv/state"), "file:/srv/state");
        assert_eq!(quoted("*.example.com"), "'*.example.com'");
        assert_eq!(quoted("file:/it's here"), r"'file:/it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}

//! The words that sentences are made of.

use std::collections::BTreeSet;

use backsoon::time::Timestamp;
use backsoon::{Host, Mode};

/// The longest text, in characters, before anything is escaped: Slack shows 4,000 and cuts the rest.
pub(super) const LONGEST: usize = 2_000;

/// How many windows or sites one text names.
pub(super) const MOST: usize = 5;

pub(super) fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

pub(super) fn by(whom: &str) -> String {
    if whom.is_empty() { String::new() } else { format!(" by {whom}") }
}

pub(super) fn verb(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "open",
        Mode::ReadOnly => "made read-only",
        Mode::Hold => "put on hold",
        Mode::On => "closed",
    }
}

pub(super) fn name(site: &Host) -> String {
    if site.is_any() { "every site".into() } else { site.as_str().to_owned() }
}

pub(super) fn list(sites: &BTreeSet<Host>) -> String {
    let mut names: Vec<_> = sites.iter().take(MOST).map(name).collect();
    if sites.len() > MOST {
        names.push(format!("{} more", sites.len() - MOST));
    }
    names.join(", ")
}

/// `23:30 UTC` on the day of `now`, and with its date on any other.
pub(super) fn moment(time: Timestamp, now: Timestamp) -> String {
    // RFC 3339 in UTC: 2026-11-20T23:30:00Z.
    let (time, now) = (time.to_string(), now.to_string());
    match (time.split_once('T'), now.split_once('T')) {
        (Some((day, hour)), Some((today, _))) => {
            let hour = hour.get(..5).unwrap_or(hour);
            if day == today { format!("{hour} UTC") } else { format!("{day} {hour} UTC") }
        }
        _ => time,
    }
}

pub(super) fn capital(sentence: &str) -> String {
    let known = ["every", "the", "a", "rules", "page", "passes", "health", "revision"];
    let word = sentence.split([' ', ',']).next().unwrap_or_default();
    // A host stays as it is written.
    match sentence.chars().next() {
        Some(first) if known.contains(&word) => {
            first.to_uppercase().chain(sentence.chars().skip(1)).collect()
        }
        _ => sentence.to_owned(),
    }
}

/// `text` on one line, not too long, and without what Slack reads as a link, a mention or an entity.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars().take(LONGEST) {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        escaped.push('…');
    }
    escaped
}

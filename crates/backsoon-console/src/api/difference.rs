//! What changed between two revisions, in sentences.

use std::collections::BTreeSet;
use std::fmt;

use backsoon::document::{Pass, Site, Window};
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State};
use serde::{Serialize, Serializer};

use super::state::windows;

/// One difference, in words; programs get it as one sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference(Vec<Piece>);

/// A part of a sentence. Moments stand by themselves, so that a page can show them in its reader's time, and nothing that
/// people have written is taken for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Piece {
    Words(String),
    At(Timestamp),
}

/// What `after` says and `before` did not, or says otherwise.
pub(crate) fn differences(before: &State, after: &State) -> Vec<Difference> {
    let mut said = Vec::new();
    let (old, new) = (windows(before), windows(after));
    for (id, (host, window)) in &new {
        let site = name(host);
        match old.get(id) {
            None => {
                let sentence = words(format!("{site}: {}", state(window.mode)));
                said.push(sentence.from(window.start).until(window.end).and(format!(", by window {id}")));
            }
            Some((_, then)) if then != window => {
                said.push(words(format!("{site}, window {id}: ")).changed(then, window));
            }
            Some(_) => {}
        }
    }
    let ended = old.iter().filter(|(id, _)| !new.contains_key(*id));
    said.extend(ended.map(|(id, (host, window))| {
        words(format!("{}: window {id} ({}) ended", name(host), state(window.mode)))
    }));

    let has = |state: &State, pass: &Pass| state.passes.iter().any(|other| other.id == pass.id);
    let made = after.passes.iter().filter(|pass| !has(before, pass));
    said.extend(made.map(|pass| {
        words(format!("{}: pass {} for {}", name(&pass.site), pass.id, pass.bearer)).until(Some(pass.expires))
    }));
    let gone = before.passes.iter().filter(|pass| !has(after, pass));
    said.extend(gone.map(|pass| {
        let site = name(&pass.site);
        words(format!("{site}: pass {} for {} is worth nothing any more", pass.id, pass.bearer))
    }));

    let hosts: BTreeSet<Host> = before.sites().chain(after.sites()).map(|(host, _)| host).collect();
    let none = Site::default();
    for host in hosts {
        let site = name(&host);
        match (before.site(&host), after.site(&host)) {
            (None, Some(_)) => said.push(words(format!("{site}: the site is new"))),
            (Some(_), None) => said.push(words(format!("{site}: the site was removed"))),
            _ => {}
        }
        let (then, now) = (before.site(&host).unwrap_or(&none), after.site(&host).unwrap_or(&none));
        if then.rules != now.rules {
            said.push(words(format!("{site}: rules: {} instead of {}", rules(now), rules(then))));
        }
        if then.page != now.page {
            said.push(words(format!("{site}: the page changed")));
        }
        if then.health != now.health {
            said.push(words(format!("{site}: the rule for health paths changed")));
        }
    }
    said
}

/// The parts of each sentence, for a page.
pub(crate) fn pieces(differences: &[Difference]) -> Vec<&[Piece]> {
    differences.iter().map(|difference| &*difference.0).collect()
}

// === impl Difference ===

impl Difference {
    fn and(mut self, text: impl Into<String>) -> Self {
        self.0.push(Piece::Words(text.into()));
        self
    }

    fn at(mut self, moment: Timestamp) -> Self {
        self.0.push(Piece::At(moment));
        self
    }

    fn from(self, start: Option<Timestamp>) -> Self {
        match start {
            Some(start) => self.and(" from ").at(start),
            None => self,
        }
    }

    fn until(self, end: Option<Timestamp>) -> Self {
        match end {
            Some(end) => self.and(" until ").at(end),
            None => self.and(" until it is ended"),
        }
    }

    fn changed(mut self, then: &Window, now: &Window) -> Self {
        let begun = self.0.len();
        let next = |said: Self| if said.0.len() > begun { said.and("; ") } else { said };
        let begins = |said: Self, start: Option<Timestamp>| match start {
            Some(start) => said.at(start),
            None => said.and("the moment when it was added"),
        };
        if then.mode != now.mode {
            self = next(self).and(format!("{} instead of {}", state(now.mode), state(then.mode)));
        }
        if then.start != now.start {
            self = begins(next(self).and("from "), now.start).and(" instead of from ");
            self = begins(self, then.start);
        }
        if then.end != now.end {
            self = next(self).and("now").until(now.end).and(" instead of").until(then.end);
        }
        if then.message != now.message {
            self = match &now.message {
                Some(message) => next(self).and(format!("visitors are told “{message}”")),
                None => next(self).and("visitors are told no message any more"),
            };
        }
        if then.note != now.note {
            self = next(self).and(format!("why: “{}”", now.note));
        }
        if self.0.len() == begun { self.and("other settings") } else { self }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Words(words) => f.write_str(words),
            Piece::At(moment) => moment.fmt(f),
        })
    }
}

impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

fn words(text: String) -> Difference {
    Difference(vec![Piece::Words(text)])
}

fn name(host: &Host) -> String {
    if host.is_any() { "All sites (*)".to_owned() } else { host.to_string() }
}

fn state(mode: Mode) -> &'static str {
    match mode {
        Mode::Off => "open",
        Mode::ReadOnly => "read-only",
        Mode::Hold => "on hold",
        Mode::On => "closed",
    }
}

fn rules(site: &Site) -> String {
    match site.rules.as_deref() {
        None => "none of its own".to_owned(),
        Some([]) => "an empty list".to_owned(),
        Some(rules) => rules.iter().map(|rule| rule.name.to_string()).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(before: &State, after: &State) -> Vec<String> {
        differences(before, after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_difference_names_what_came_went_and_changed() {
        let before = State::new();
        let mut after = before.clone();
        let window = Window::new(Mode::On);
        after.default.windows.push(window.clone());
        let id = &window.id;
        assert_eq!(
            said(&before, &after),
            [format!("All sites (*): closed until it is ended, by window {id}")]
        );
        assert_eq!(said(&after, &before), [format!("All sites (*): window {id} (closed) ended")]);
        let mut later = after.clone();
        later.default.windows[0].message = Some("soon".into());
        later.default.windows[0].end = Some("2026-11-22T06:55:09Z".parse().unwrap());
        later.site_mut(&"a.example".parse().unwrap());
        let changed = "now until 2026-11-22T06:55:09Z instead of until it is ended; visitors are told “soon”";
        assert_eq!(
            said(&after, &later),
            [format!("All sites (*), window {id}: {changed}"), "a.example: the site is new".into()]
        );
        assert!(said(&later, &later).is_empty());
    }

    #[test]
    fn what_people_write_is_no_moment() {
        let before = State::new();
        let mut after = before.clone();
        after.default.windows.push(Window::new(Mode::Hold));
        let mut later = after.clone();
        later.default.windows[0].message = Some("2026-11-22T06:55:09Z".into());
        let changed = differences(&after, &later);
        let is_moment = |piece: &&Piece| matches!(piece, Piece::At(_));
        assert_eq!(changed.iter().flat_map(|line| &line.0).filter(is_moment).count(), 0, "{changed:?}");
    }
}

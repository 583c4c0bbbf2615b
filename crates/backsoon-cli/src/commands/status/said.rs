//! The picture for people.

use std::time::Duration;

use backsoon::document::Site;
use backsoon::fleet::{Life, Report, Roster};
use backsoon::snapshot::Snapshot;
use backsoon::{Host, Mode, State, Window};

use super::picture::Picture;
use super::{Desk, rules, valid_passes};
use crate::commands::words::{draining, kind, life, local, revision, until};
use crate::output::{self, BAD, DIM, GOOD, WARN, paint, plain};
use crate::when;

/// Prints it: the store, the sites, the instances.
pub(super) fn say(picture: &Picture, desk: &Desk, document: &State, snapshot: &Snapshot) {
    say_head(picture);
    say_passes(picture, desk, document);
    say_sites(picture, desk, document, snapshot);
    say_instances(picture.state.as_ref(), &picture.roster);
}

fn say_head(picture: &Picture) {
    let revision = picture.state.as_ref().map(|state| format!(", revision {}", state.revision));
    output::line(format_args!("{}{}", picture.store, revision.unwrap_or_default()));
    match (&picture.state, &picture.unreadable) {
        (Some(state), _) => {
            let change = &state.change;
            let ago = when::plain(picture.now.since(change.at));
            output::line(paint(
                DIM,
                format!(
                    "last change: {}, by {} at {} ({ago} ago)",
                    plain(&change.note),
                    plain(&change.by),
                    local(change.at)
                ),
            ));
        }
        (None, Some(_)) => output::line(paint(BAD, "the state cannot be read")),
        (None, None) => output::line(paint(DIM, "nothing was ever closed here")),
    }
}

fn say_passes(picture: &Picture, desk: &Desk, document: &State) {
    match valid_passes(document, picture.now) {
        0 => {}
        valid => output::line(format_args!(
            "{} valid (`{}` shows whose)",
            if valid == 1 { "1 pass is".into() } else { format!("{valid} passes are") },
            desk.command("pass list")
        )),
    }
}

fn say_sites(picture: &Picture, desk: &Desk, document: &State, snapshot: &Snapshot) {
    if picture.unreadable.is_some() {
        return;
    }
    for (host, site) in document.sites() {
        let Some(settled) = snapshot.exactly(&host) else { continue };
        let mode = match settled.mode() {
            Mode::Off => paint(GOOD, "open"),
            Mode::ReadOnly => paint(WARN, "read-only"),
            closed => paint(BAD, closed),
        };
        let until = settled
            .reopens()
            .map(|at| format!(" until {} (in {})", local(at), when::plain(at.since(picture.now))));
        let next = settled.upcoming().first().filter(|_| settled.mode() == Mode::Off);
        let next = next.and_then(|next| Some(format!(", {} from {}", next.mode, local(next.start?))));
        output::line(format_args!(
            "\n{host}: {mode}{}{}",
            until.unwrap_or_default(),
            next.unwrap_or_default()
        ));
        let wider = settled.window().filter(|window| site.windows.iter().all(|own| own.id != window.id));
        if let Some(window) = wider {
            let is_there = |site: &Site| site.windows.iter().any(|other| other.id == window.id);
            let wide = document.sites().find(|(_, site)| is_there(site)).map(|(wide, _)| wide);
            let on = wide.map(|wide| format!(" on {wide}")).unwrap_or_default();
            output::field("because", format_args!("window {}{on}", window.id));
        }
        site.windows.iter().for_each(|window| say_window(picture, desk, &host, window));
        for rule in rules(settled.policy()) {
            output::field("rule", paint(DIM, plain(&rule)));
        }
    }
}

fn say_window(picture: &Picture, desk: &Desk, host: &Host, window: &Window) {
    let mut text = format!("{}: {}", window.id, window.mode);
    match (picture.since(window), window.start) {
        (Some(since), _) => text.push_str(&format!(" since {},", local(since))),
        (None, Some(start)) => text.push_str(&format!(" scheduled for {},", local(start))),
        (None, None) => {}
    }
    text.push_str(&format!(" {}", until(window.end)));
    if !window.by.is_empty() {
        text.push_str(&format!(", by {}", plain(&window.by)));
    }
    output::field("window", text);
    if let Some(message) = &window.message {
        output::field("message", plain(message));
    }
    if !window.note.is_empty() {
        output::field("note", plain(&window.note));
    }
    if let Some(impact) = picture.impact(host, window).filter(|impact| !impact.is_nothing()) {
        output::field("so far", plain(&impact.to_string()));
    }
    match window.is_operators() {
        true => {}
        false if picture.lapsed.contains(&window.id) => {
            output::field("lapsed", paint(WARN, "its program has gone"))
        }
        false => {
            let end = desk.command(&format!("off --window {}", window.id));
            output::field("program", format_args!("it ends this window itself (`{end}` does so now)"));
        }
    }
}

fn say_instances(state: Option<&State>, roster: &Roster) {
    if roster.0.is_empty() {
        return;
    }
    output::line("");
    let rows: Vec<_> = roster.0.iter().map(|member| row(state, member.life, &member.report)).collect();
    output::table(["instance", "kind", "life", "revision", "draining", "held", "heard"], &rows);
}

fn row(state: Option<&State>, alive: Life, report: &Report) -> [String; 7] {
    let heard = match report.age_ms {
        u64::MAX => "never".into(),
        age => format!("{} ago", when::plain(Duration::from_millis(age))),
    };
    [
        plain(&report.name),
        kind(report.kind),
        life(alive),
        revision(state, report),
        draining(report),
        report.held.to_string(),
        heard,
    ]
}

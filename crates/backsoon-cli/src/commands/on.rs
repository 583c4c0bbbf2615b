//! `backsoon on`: adds a window to each named site.

use anyhow::Result;
use backsoon::document::Source;
use backsoon::fleet::Roster;
use backsoon::time::Timestamp;
use backsoon::{Host, State, Window};

use super::{Desk, local, named, usage_if};
use crate::cli::On;
use crate::exit::Exit;
use crate::output::{self, BAD, GOOD, WARN, paint};

/// Runs it.
pub(super) async fn run(desk: &Desk, on: &On) -> Result<Exit> {
    let now = Timestamp::now();
    let template = window(on, desk.control.by(), now);
    usage_if(template.check(now).err().map(|error| format!("{error}: correct --at, --for or --until")))?;
    let sites = named(&on.sites);
    let roster = Roster::observe(&**desk.store(), std::time::Duration::ZERO).await?;

    let mut windows: Vec<(Host, Window)> = Vec::new();
    let note = note(on, &sites);
    let outcome = desk
        .control
        .update(&note, |state| {
            windows.clear();
            for host in &sites {
                if !on.new_site {
                    desk.known(state, &roster, host)?;
                }
                let window = match already(state, host, &template, now) {
                    Some(window) => window.clone(),
                    None => Window { id: backsoon::document::WindowId::random(), ..template.clone() },
                };
                let site = state.site_mut(host);
                if site.windows.iter().all(|other| other.id != window.id) {
                    site.windows.push(window.clone());
                }
                windows.push((host.clone(), window));
            }
            Ok::<_, String>(())
        })
        .await?;

    let roster = desk.followers(&outcome).await?;
    if on.json {
        output::json(&desk.written(&outcome, &roster, windows.iter().map(|(_, window)| window).collect()))?;
        return Ok(Exit::Done);
    }
    let was_on = matches!(outcome, backsoon::control::Outcome::Unchanged(_));
    for (host, window) in &windows {
        say(host, window, was_on, now);
    }
    desk.say_followers(&outcome, &roster);
    Ok(Exit::Done)
}

fn window(on: &On, by: &str, now: Timestamp) -> Window {
    let mut window = Window::new(on.mode());
    window.start = on.at.map(Timestamp::whole_seconds);
    window.end = on
        .until
        .or_else(|| on.duration.map(|span| on.at.unwrap_or(now) + span))
        .map(Timestamp::whole_seconds);
    window.source = if on.at.is_some_and(|at| at > now) { Source::Schedule } else { Source::Operator };
    (window.by, window.note, window.message) = (by.to_owned(), on.note.clone(), on.message.clone());
    window
}

/// An operator's window in force on this very site that does what `wanted` would do.
fn already<'a>(state: &'a State, host: &Host, wanted: &Window, now: Timestamp) -> Option<&'a Window> {
    let same = |window: &&Window| {
        window.mode == wanted.mode
            && window.message == wanted.message
            && window.end == wanted.end
            && (window.start == wanted.start || wanted.start.is_none() && window.in_force(now))
            && matches!(window.source, Source::Operator | Source::Schedule)
    };
    state.site(host)?.windows.iter().find(same)
}

fn note(on: &On, sites: &[Host]) -> String {
    let hosts: Vec<_> = sites.iter().map(Host::as_str).collect();
    let why = if on.note.is_empty() { String::new() } else { format!(": {}", on.note) };
    format!("{} {}{why}", on.mode(), hosts.join(", "))
}

fn say(host: &Host, window: &Window, was_on: bool, now: Timestamp) {
    let what = match (window.in_force(now), was_on) {
        (true, true) => paint(GOOD, format!("already {}", window.mode)),
        (true, false) => paint(BAD, window.mode),
        (false, _) => paint(WARN, format!("{} scheduled", window.mode)),
    };
    let start = window.start.filter(|_| !window.in_force(now)).map(|at| format!(", from {}", local(at)));
    let end = window.end.map_or_else(|| ", until it is ended".into(), |at| format!(", until {}", local(at)));
    output::line(format_args!("{host}: {what} (window {}{}{end})", window.id, start.unwrap_or_default()));
    if let Some(message) = &window.message {
        output::line(format_args!("  message   {message}"));
    }
}

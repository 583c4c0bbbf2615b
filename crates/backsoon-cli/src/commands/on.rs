//! `backsoon on`: adds a window to each named site.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use backsoon::document::{Source, WindowId};
use backsoon::fleet::Roster;
use backsoon::time::Timestamp;
use backsoon::{Host, State, Window};

use super::closed::Closed;
use super::words::{is_operators, local, of, until};
use super::{Desk, wait};
use crate::cli::{On, sites};
use crate::exit::{Exit, usage};
use crate::output::{self, BAD, GOOD, WARN, paint, plain};
use crate::when;

/// A start that lies further back is a slip of the pen, and would close the site at once.
const LATE_START: Duration = Duration::from_secs(60);

/// Runs it.
pub(super) async fn run(desk: &Desk, on: &On) -> Result<Exit> {
    let now = Timestamp::now();
    let template = window(on, desk.control.by(), now);
    check(&template, now)?;
    let sites = sites(&on.sites);
    let roster = Roster::observe(&**desk.store(), Duration::ZERO).await?;

    let mut windows: Vec<(Host, Window)> = Vec::new();
    let mut were_on = BTreeSet::new();
    let written = desk
        .update(&note(on, &sites), |state| {
            windows.clear();
            were_on.clear();
            for host in &sites {
                if !on.new_site {
                    desk.known(state, &roster, host).map_err(|why| format!("{why} (--new-site makes it)"))?;
                }
                let window = match already(state, host, &template, now) {
                    Some(window) => {
                        were_on.insert(host.clone());
                        window.clone()
                    }
                    None => Window { id: WindowId::random(), ..template.clone() },
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

    let receipt = wait::wait(desk, &on.wait, written.state(), sites).await?;
    let exit = wait::exit(receipt.as_ref(), written.exit());
    let reopened = if exit == Exit::NotConfirmed && on.or_reopen {
        let added = windows.iter().filter(|(host, _)| !were_on.contains(host));
        reopen(desk, added.map(|(_, window)| window.id.clone()).collect()).await?
    } else {
        Vec::new()
    };
    if on.json {
        written.json(&windows, &[], receipt.as_ref())?;
        return Ok(exit);
    }
    for (host, window) in &windows {
        say(desk, host, window, were_on.contains(host), now);
        let closed = Closed::find(written.state(), host, now);
        let stricter = closed.and_then(|closed| closed.stricter_than(window.mode));
        stricter.iter().for_each(|closed| output::field("note", closed.why(desk)));
    }
    written.say();
    match &receipt {
        Some(receipt) => wait::say(receipt, &on.wait),
        None => written.say_draining(),
    }
    for id in reopened {
        output::field(
            "reopened",
            format_args!("window {id} was ended, because it was not confirmed (--or-reopen)"),
        );
    }
    Ok(exit)
}

/// Ends the windows that this very call has added.
async fn reopen(desk: &Desk, added: Vec<WindowId>) -> Result<Vec<WindowId>> {
    desk.update("not confirmed, reopened", |state| {
        added.iter().for_each(|id| drop(state.end_window(id)));
        Ok::<_, String>(())
    })
    .await?;
    Ok(added)
}

fn window(on: &On, by: &str, now: Timestamp) -> Window {
    let mut window = Window::new(on.mode());
    window.start = on.at.map(Timestamp::whole_seconds);
    // Up to the next whole second, so that the shortest closing is one.
    let after = |span| (on.at.unwrap_or(now) + span + Duration::from_millis(999)).whole_seconds();
    window.end = on.until.map(Timestamp::whole_seconds).or_else(|| on.duration.map(after));
    window.hold.max_wait_ms =
        on.max_wait.map_or(window.hold.max_wait_ms, |most| most.as_millis().try_into().unwrap_or(u64::MAX));
    window.hold.max_held = on.max_held.unwrap_or(window.hold.max_held);
    window.hold.release_per_s = on.release;
    window.cut_after_ms = on.cut_after.map(|after| after.as_millis().try_into().unwrap_or(u64::MAX));
    window.source = if on.at.is_some_and(|at| at > now) { Source::Schedule } else { Source::Operator };
    (window.by, window.note, window.message) = (by.to_owned(), on.note.clone(), on.message.clone());
    window
}

fn check(window: &Window, now: Timestamp) -> Result<()> {
    if let Some(start) = window.start.filter(|start| now.since(*start) > LATE_START) {
        let (start, now) = (local(start), local(now));
        return Err(usage(format!("--at: {start} is past, it is {now}; leave --at out to close at once")));
    }
    window
        .check(now.whole_seconds())
        .map_err(|error| usage(format!("{error}: correct --at, --for or --until")))
}

/// An operator's window on this very site that does what `wanted` would do.
fn already<'a>(state: &'a State, host: &Host, wanted: &Window, now: Timestamp) -> Option<&'a Window> {
    let same = |window: &&Window| {
        is_operators(window)
            && (window.mode, window.end, window.hold) == (wanted.mode, wanted.end, wanted.hold)
            && window.cut_after_ms == wanted.cut_after_ms
            && (&window.message, &window.note) == (&wanted.message, &wanted.note)
            && (window.start == wanted.start || wanted.start.is_none() && window.in_force(now))
    };
    state.site(host)?.windows.iter().find(same)
}

fn note(on: &On, sites: &[Host]) -> String {
    let hosts: Vec<_> = sites.iter().map(Host::as_str).collect();
    let when = if on.at.is_some() { ", scheduled" } else { "" };
    let why = if on.note.is_empty() { String::new() } else { format!(": {}", on.note) };
    format!("{} {}{when}{why}", on.mode(), hosts.join(", "))
}

fn say(desk: &Desk, host: &Host, window: &Window, was_on: bool, now: Timestamp) {
    let mode = window.mode;
    let by = if was_on { of(&window.by) } else { String::new() };
    let what = match (window.in_force(now), was_on) {
        (true, true) => paint(GOOD, format!("already {mode}")),
        (true, false) => paint(BAD, mode),
        (false, true) => paint(GOOD, format!("{mode}, already scheduled")),
        (false, false) => paint(WARN, format!("{mode}, scheduled")),
    };
    let start = window.start.filter(|_| !window.in_force(now));
    let begins = start.map(|at| format!(" from {}", local(at))).unwrap_or_default();
    let span = window.end.map(|end| format!(" ({})", when::plain(end.since(start.unwrap_or(now)))));
    output::line(format_args!("{host}: {what}{begins} {}{}", until(window.end), span.unwrap_or_default()));
    output::field("window", format_args!("{}{by}", window.id));
    if let Some(message) = &window.message {
        output::field("message", plain(message));
    }
    let reopen = match start {
        Some(_) => desk.command(&format!("off --window {}", window.id)),
        None => desk.command_off(host),
    };
    output::field(if start.is_some() { "call off" } else { "reopen" }, reopen);
}

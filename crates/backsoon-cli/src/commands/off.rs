//! `backsoon off`: ends operators' windows, and says what still keeps a site closed.

use anyhow::Result;
use backsoon::control::Outcome;
use backsoon::decide::Local;
use backsoon::document::{Source, WindowId};
use backsoon::fleet::Roster;
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State, Window};

use super::{Desk, local, named};
use crate::cli::Off;
use crate::exit::Exit;
use crate::output::{self, BAD, GOOD, WARN, paint};

/// Runs it.
pub(super) async fn run(desk: &Desk, off: &Off) -> Result<Exit> {
    let now = Timestamp::now();
    let roster = Roster::observe(&**desk.store(), std::time::Duration::ZERO).await?;
    let mut ended: Vec<(Host, Window)> = Vec::new();
    let mut sites = named(&off.sites);
    let note = match &off.window {
        Some(id) => format!("off, window {id}"),
        None => format!("off {}", sites.iter().map(Host::as_str).collect::<Vec<_>>().join(", ")),
    };
    let outcome = desk
        .control
        .update(&note, |state| {
            ended.clear();
            match &off.window {
                Some(id) => ended.push(state.end_window(id).ok_or_else(|| no_window(state, id))?),
                None => {
                    for host in &sites {
                        desk.known(state, &roster, host)
                            .map_err(|why| why.replace(" (--new-site makes it)", ""))?;
                        ended.extend(end(state, host, off, now));
                    }
                }
            }
            Ok::<_, String>(())
        })
        .await?;
    if off.window.is_some() {
        sites = ended.iter().map(|(host, _)| host.clone()).collect();
    }

    let roster = desk.followers(&outcome).await?;
    let left: Vec<_> = sites.iter().filter_map(|host| still_closed(outcome.state(), host, now)).collect();
    if off.json {
        let mut written = desk.written(&outcome, &roster, ended.iter().map(|(_, window)| window).collect());
        written.still_closed = left.clone();
        output::json(&written)?;
    } else {
        say(&outcome, &ended, &sites, now);
        desk.say_followers(&outcome, &roster);
        left.iter().for_each(|why| output::note(format_args!("{} {why}", paint(WARN, "still closed:"))));
    }
    Ok(if left.is_empty() { Exit::Done } else { Exit::NotConfirmed })
}

/// Takes the operators' windows of exactly this site: those in force, and with `--all` those to come.
fn end(state: &mut State, host: &Host, off: &Off, now: Timestamp) -> Vec<(Host, Window)> {
    if state.site(host).is_none() {
        return Vec::new();
    }
    let operators = |window: &Window| matches!(window.source, Source::Operator | Source::Schedule);
    let ends =
        |window: &mut Window| operators(window) && (off.all || window.in_force(now)) && !window.is_over(now);
    state.site_mut(host).windows.extract_if(.., ends).map(|window| (host.clone(), window)).collect()
}

fn no_window(state: &State, id: &WindowId) -> String {
    let all = state
        .sites()
        .flat_map(|(host, site)| site.windows.iter().map(move |w| format!("{} on {host}", w.id)));
    let known: Vec<_> = all.collect();
    let known =
        if known.is_empty() { "there are none".into() } else { format!("there are {}", known.join(", ")) };
    format!("there is no window `{id}`; {known}")
}

/// What keeps `host` closed all the same, by name.
fn still_closed(state: &State, host: &Host, now: Timestamp) -> Option<String> {
    let snapshot = Snapshot::settle(state, &Local::default(), now, None);
    let site = snapshot.exactly(host).unwrap_or_else(|| snapshot.site(host.as_str()));
    if site.mode() == Mode::Off {
        return None;
    }
    let windows = state.sites().filter(|(wide, _)| wide.covers(host)).flat_map(|(wide, site)| {
        let in_force = site.windows.iter().filter(|window| window.mode > Mode::Off && window.in_force(now));
        in_force.map(move |w| (wide.clone(), w.clone())).collect::<Vec<_>>()
    });
    let ways = windows.map(|(wide, window)| match window.source {
        Source::Operator | Source::Schedule => {
            let site = if wide.is_any() { String::new() } else { format!(" --site '{wide}'") };
            format!("window {} of {} on {wide} (`backsoon off{site}` ends it)", window.id, window.by)
        }
        Source::Run | Source::Code => {
            format!(
                "window {} of {}, added by a program (`backsoon off --window {}` ends it all the same)",
                window.id, window.by, window.id
            )
        }
    });
    Some(format!("{host} is {} because of {}", site.mode(), ways.collect::<Vec<_>>().join(" and ")))
}

fn say(outcome: &Outcome, ended: &[(Host, Window)], sites: &[Host], now: Timestamp) {
    for (host, window) in ended {
        let by = if window.by.is_empty() { String::new() } else { format!(" of {}", window.by) };
        output::line(format_args!("{host}: ended {} (window {}{by})", window.mode, window.id));
    }
    for host in sites.iter().filter(|host| still_closed(outcome.state(), host, now).is_none()) {
        let what = if ended.is_empty() { "already open" } else { "open" };
        output::line(format_args!("{host}: {}", paint(GOOD, what)));
        let to_come = outcome.state().site(host).into_iter().flat_map(|site| &site.windows);
        for window in to_come.filter(|window| window.start.is_some_and(|start| start > now)) {
            let start = window.start.map(local).unwrap_or_default();
            output::line(format_args!(
                "  {} {} is still scheduled for {start} (window {})",
                paint(BAD, "note:"),
                window.mode,
                window.id
            ));
        }
    }
}

//! `backsoon off`: ends operators' windows, and says what still keeps a site closed.

use std::time::Duration;

use anyhow::Result;
use backsoon::document::WindowId;
use backsoon::fleet::Roster;
use backsoon::time::Timestamp;
use backsoon::{Host, State, Window};

use super::closed::Closed;
use super::words::{is_operators, local, of};
use super::written::Written;
use super::{Desk, wait};
use crate::cli::{Off, sites};
use crate::exit::Exit;
use crate::output::{self, BAD, GOOD, WARN, paint};

/// Runs it.
pub(super) async fn run(desk: &Desk, off: &Off) -> Result<Exit> {
    let now = Timestamp::now();
    let roster = Roster::observe(&**desk.store(), Duration::ZERO).await?;
    let mut ended: Vec<(Host, Window)> = Vec::new();
    let mut sites = sites(&off.sites);
    let note = match &off.window {
        Some(id) => format!("off, window {id}"),
        None => format!("off {}", sites.iter().map(Host::as_str).collect::<Vec<_>>().join(", ")),
    };
    let written = desk
        .update(&note, |state| {
            ended.clear();
            match &off.window {
                Some(id) => ended.push(state.end_window(id).ok_or_else(|| no_window(state, id))?),
                None => {
                    for host in &sites {
                        desk.known(state, &roster, host)?;
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

    let receipt = wait::wait(desk, &off.wait, written.state(), sites.clone()).await?;
    let exit = wait::exit(receipt.as_ref(), written.exit());
    let closed = |host: &Host| Closed::find(written.state(), host, now);
    let left: Vec<String> = sites.iter().filter_map(closed).map(|closed| closed.why(desk)).collect();
    if off.json {
        written.json(&ended, &left, receipt.as_ref())?;
    } else {
        say(desk, &written, &ended, &sites, now);
        written.say();
        match &receipt {
            Some(receipt) => wait::say(receipt, &off.wait),
            None => written.say_draining(),
        }
        left.iter().for_each(|why| output::note(format_args!("{} {why}", paint(WARN, "still closed:"))));
    }
    Ok(if left.is_empty() { exit } else { Exit::NotConfirmed })
}

/// Takes the operators' windows of exactly this site: those in force, and with `--all` those to come.
fn end(state: &mut State, host: &Host, off: &Off, now: Timestamp) -> Vec<(Host, Window)> {
    if state.site(host).is_none() {
        return Vec::new();
    }
    let ends = |window: &mut Window| {
        is_operators(window) && (off.all || window.in_force(now)) && !window.is_over(now)
    };
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

fn say(desk: &Desk, written: &Written, ended: &[(Host, Window)], sites: &[Host], now: Timestamp) {
    let state = written.state();
    for host in sites {
        let mine = || ended.iter().filter(|(of, _)| of == host).map(|(_, window)| window);
        match (Closed::find(state, host, now), mine().next()) {
            (Some(closed), _) => output::line(format_args!("{host}: {}", paint(BAD, closed.mode))),
            (None, None) => output::line(format_args!("{host}: {}", paint(GOOD, "already open"))),
            (None, Some(_)) => output::line(format_args!("{host}: {}", paint(GOOD, "open"))),
        }
        for window in mine() {
            output::field("ended", format_args!("{}: {}{}", window.id, window.mode, of(&window.by)));
        }
        let to_come = state.site(host).into_iter().flat_map(|site| &site.windows);
        for (window, start) in
            to_come.filter_map(|window| Some((window, window.start.filter(|at| *at > now)?)))
        {
            let call_off = desk.command(&format!("off --window {}", window.id));
            let what = format!("{} from {}", window.mode, local(start));
            output::field("scheduled", format_args!("{}: {what} (`{call_off}` calls it off)", window.id));
        }
    }
    // Whoever reopens `*` may believe that this was all.
    let others = state.sites().filter(|(host, _)| sites.iter().any(Host::is_any) && !sites.contains(host));
    for closed in others.filter_map(|(host, _)| Closed::find(state, &host, now)) {
        output::field("note", closed.why(desk));
    }
}

//! `backsoon on`: adds a window to each named site.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use backsoon::control::Opens;
use backsoon::document::{Added, Closing, Ends, NotAClosing};
use backsoon::fleet::Roster;
use backsoon::impact::Impact;
use backsoon::snapshot::Closed;
use backsoon::time::Timestamp;
use backsoon::{Host, Window};

use super::closed::why;
use super::standing::Standing;
use super::words::{how, local, of, until};
use super::written::Outcomes;
use super::{Desk, impact, wait};
use crate::cli::{On, sites};
use crate::exit::{Exit, usage};
use crate::output::{self, BAD, GOOD, WARN, paint, plain};
use crate::when;

/// The windows that were ended again, and what they have done meanwhile.
#[derive(Default)]
struct Reopened {
    windows: Vec<(Host, Window)>,
    impacts: Vec<Impact>,
}

/// Runs it.
pub(super) async fn run(desk: &Desk, on: &On) -> Result<Exit> {
    let standing = Standing::new();
    standing.told(close(desk, on, &standing)).await
}

async fn close(desk: &Desk, on: &On, standing: &Standing) -> Result<Exit> {
    let now = Timestamp::now();
    let closing = closing(on);
    let wanted = window(&closing, desk.control.by(), now)?;
    let sites = sites(&on.closure.sites);
    let roster = Roster::observe(&**desk.store(), Duration::ZERO).await?;

    let mut windows: Vec<(Host, Window)> = Vec::new();
    let mut were_on = BTreeSet::new();
    standing.writing(desk);
    let (found, outcome) = desk
        .write(Opens::Nothing, &closing.line(&sites), |state| {
            windows.clear();
            were_on.clear();
            for host in &sites {
                if !on.new_site {
                    roster.knows(state, host).map_err(|why| format!("{why} (--new-site makes it)"))?;
                }
                let added = state.close(host, &wanted, now);
                if let Added::Already(_) = added {
                    were_on.insert(host.clone());
                }
                windows.push((host.clone(), added.window().clone()));
            }
            Ok::<_, String>(())
        })
        .await?;

    let place = desk.place(outcome.state());
    let landed: Vec<String> =
        windows.iter().map(|(host, window)| landed(desk, host, window, &place, now)).collect();
    let still = if wanted.in_force(now) { "still closed" } else { "still scheduled" };
    let stands = format!("{still}, and not confirmed: {}", landed.join("; "));
    standing.written(&on.wait, &landed, stands.clone());

    let written = desk.watch(&found, outcome).await?;
    let receipt = wait::wait(desk, &on.wait, written.state(), sites).await?;
    let exit = wait::exit(receipt.as_ref(), written.exit());
    let reopened = if exit == Exit::NotConfirmed && on.or_reopen {
        standing.now(format!("nobody can say whether it was reopened; if not, it is {stands}"));
        let added = windows.iter().filter(|(host, _)| !were_on.contains(host));
        reopen(desk, added.cloned().collect()).await
    } else {
        Ok(Reopened::default())
    };
    if on.json {
        let Reopened { windows: reopened, impacts } = reopened?;
        let receipt = receipt.as_ref();
        written.json(&Outcomes {
            windows: &windows,
            reopened: &reopened,
            receipt,
            impacts: &impacts,
            ..Outcomes::default()
        })?;
        return Ok(exit);
    }
    for (host, window) in &windows {
        say(desk, host, window, were_on.contains(host), now);
        let closed = Closed::find(written.state(), host, now);
        let stricter = closed.and_then(|closed| closed.stricter_than(window.mode));
        stricter.iter().for_each(|closed| output::field("note", why(closed, desk)));
    }
    written.say();
    match &receipt {
        Some(receipt) => wait::say(receipt, &on.wait),
        None => written.say_draining(),
    }
    // Only now: whoever reads that it failed has read what is closed, and who has not confirmed it.
    let reopened = reopened?;
    for (_, window) in &reopened.windows {
        let why = "was ended, because it was not confirmed (--or-reopen)";
        output::field("reopened", format_args!("window {} {why}", window.id));
    }
    reopened.impacts.iter().for_each(|impact| output::field("impact", impact::line(impact)));
    Ok(exit)
}

/// Ends the windows that this very call has added.
async fn reopen(desk: &Desk, added: Vec<(Host, Window)>) -> Result<Reopened> {
    let written = desk
        .update("not confirmed, reopened", |state| {
            added.iter().for_each(|(_, window)| drop(state.end_window(&window.id)));
            Ok::<_, String>(())
        })
        .await
        .context("it was not confirmed, and reopening it (--or-reopen) failed")?;
    let impacts = impact::gather(desk, &added, written.state()).await;
    Ok(Reopened { windows: added, impacts })
}

fn closing(on: &On) -> Closing {
    let mut closing = Closing::new(on.closure.mode());
    closing.at = on.at;
    closing.ends = match (on.until, on.duration) {
        (Some(end), _) => Ends::At(end),
        (None, Some(span)) => Ends::After(span),
        (None, None) => Ends::Never,
    };
    let hold = &mut closing.hold;
    hold.max_wait_ms =
        on.max_wait.map_or(hold.max_wait_ms, |most| most.as_millis().try_into().unwrap_or(u64::MAX));
    hold.max_held = on.max_held.unwrap_or(hold.max_held);
    hold.release_per_s = on.release;
    closing.cut_after = on.cut_after;
    (closing.note, closing.message) = (on.closure.note.clone(), on.closure.message.clone());
    closing
}

fn window(closing: &Closing, by: &str, now: Timestamp) -> Result<Window> {
    let window = closing.window(by, now).map_err(|why| match why {
        NotAClosing::StartsInThePast { start, now } => {
            let (start, now) = (local(start), local(now));
            usage(format!("--at: {start} is past, it is {now}; leave --at out to close at once"))
        }
        NotAClosing::NeverInForce(why) => usage(format!("{why}: correct --at, --for or --until")),
    })?;
    match closing.ends {
        Ends::At(end) if end.since(now) > when::LONGEST => {
            let end = local(end);
            Err(usage(format!("--until: {end} is too far away; at most 10 years, or leave --until out")))
        }
        _ => Ok(window),
    }
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
    let (label, way) = way_out(desk, host, window, now);
    output::field(label, way);
}

/// What a closing is called off or reopened by.
fn way_out(desk: &Desk, host: &Host, window: &Window, now: Timestamp) -> (&'static str, String) {
    match window.in_force(now) {
        false => ("call off", desk.command(&format!("off --window {}", window.id))),
        true => ("reopen", desk.command_off(host)),
    }
}

/// The same in one sentence, for whoever waits.
fn landed(desk: &Desk, host: &Host, window: &Window, place: &str, now: Timestamp) -> String {
    let (mode, id, (_, way)) = (how(window.mode), &window.id, way_out(desk, host, window, now));
    match window.start.filter(|_| !window.in_force(now)) {
        None => format!("{host} is {mode} by window {id} ({place}); `{way}` reopens"),
        Some(start) => {
            let start = local(start);
            format!("{host} is to be {mode} by window {id} from {start} on ({place}); `{way}` calls it off")
        }
    }
}

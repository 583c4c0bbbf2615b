//! `backsoon off`: ends operators' windows, and says what still keeps a site closed.

use std::time::Duration;

use anyhow::Result;
use backsoon::control::Opens;
use backsoon::document::Scheduled;
use backsoon::fleet::Roster;
use backsoon::snapshot::Closed;
use backsoon::time::Timestamp;
use backsoon::{Host, Window};

use super::closed::why;
use super::standing::Standing;
use super::words::{local, of};
use super::written::{Outcomes, Written};
use super::{Desk, impact, wait};
use crate::cli::{Off, sites};
use crate::exit::Exit;
use crate::output::{self, BAD, GOOD, WARN, paint};

/// Runs it.
pub(super) async fn run(desk: &Desk, off: &Off) -> Result<Exit> {
    let standing = Standing::new();
    standing.told(reopen(desk, off, &standing)).await
}

async fn reopen(desk: &Desk, off: &Off, standing: &Standing) -> Result<Exit> {
    let now = Timestamp::now();
    let roster = Roster::observe(&**desk.store(), Duration::ZERO).await?;
    let scheduled = if off.all { Scheduled::End } else { Scheduled::Stay };
    let mut ended: Vec<(Host, Window)> = Vec::new();
    let mut sites = sites(&off.sites);
    let note = match &off.window {
        Some(id) => format!("off, window {id}"),
        None => format!("off {}", sites.iter().map(Host::as_str).collect::<Vec<_>>().join(", ")),
    };
    let opens = off.window.as_ref().map_or_else(|| Opens::Sites(sites.clone()), |_| Opens::Nothing);
    standing.writing(desk);
    let (found, outcome) = desk
        .write(opens, &note, |state| {
            ended.clear();
            match &off.window {
                Some(id) => ended.push(state.end_window(id).ok_or_else(|| state.no_window(id))?),
                None => {
                    for host in &sites {
                        roster.knows(state, host).map_err(|why| why.to_string())?;
                        let windows = state.reopen(host, scheduled, now);
                        ended.extend(windows.into_iter().map(|window| (host.clone(), window)));
                    }
                }
            }
            Ok::<_, String>(())
        })
        .await?;
    if off.window.is_some() {
        sites = ended.iter().map(|(host, _)| host.clone()).collect();
    }

    let closed = sites.iter().filter_map(|host| Closed::find(outcome.state(), host, now));
    let left: Vec<String> = closed.map(|closed| why(&closed, desk)).collect();
    let landed = landed(&ended, &desk.place(outcome.state()));
    let also = left.iter().map(|why| format!("; still closed: {why}")).collect::<String>();
    let look = desk.command("status");
    let stands = format!("not confirmed: {landed}, and who has it is shown by `{look}`{also}");
    standing.written(&off.wait, &[landed], stands);

    let written = desk.watch(&found, outcome).await?;
    let receipt = wait::wait(desk, &off.wait, written.state(), sites.clone()).await?;
    let impacts = impact::gather(desk, &ended, written.state()).await;
    let exit = wait::exit(receipt.as_ref(), written.exit());
    if off.json {
        written.json(&Outcomes {
            windows: &ended,
            still_closed: &left,
            receipt: receipt.as_ref(),
            impacts: &impacts,
            ..Outcomes::default()
        })?;
    } else {
        say(desk, &written, &ended, &sites, now);
        written.say();
        match &receipt {
            Some(receipt) => wait::say(receipt, &off.wait),
            None => written.say_draining(),
        }
        impacts.iter().for_each(|impact| output::field("impact", impact::line(impact)));
        left.iter().for_each(|why| output::note(format_args!("{} {why}", paint(WARN, "still closed:"))));
    }
    Ok(if left.is_empty() { exit } else { Exit::NotConfirmed })
}

/// What was written, in one sentence, for whoever waits.
fn landed(ended: &[(Host, Window)], place: &str) -> String {
    let ids: Vec<&str> = ended.iter().map(|(_, window)| window.id.as_str()).collect();
    match ids.as_slice() {
        [] => format!("there was no window to end ({place})"),
        [id] => format!("window {id} has ended ({place})"),
        ids => format!("windows {} have ended ({place})", ids.join(", ")),
    }
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
        output::field("note", why(&closed, desk));
    }
}

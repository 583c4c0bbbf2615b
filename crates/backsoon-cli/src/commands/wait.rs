//! `--wait`: stay until every server has the change and its earlier requests have ended, and show the receipt.

use std::time::Duration;

use anyhow::Result;
use backsoon::fleet::Counts;
use backsoon::receipt::{Expect, Lost, Receipt, Server, Verdict};
use backsoon::running::Running;
use backsoon::{Host, Mode, State};
use indicatif::{ProgressBar, ProgressStyle};

use super::Desk;
use crate::cli::Wait;
use crate::exit::Exit;
use crate::output::{self, GOOD, WARN, count, paint, plain};
use crate::when;

/// Waits as the flags say; nothing, if they do not.
pub(super) async fn wait(
    desk: &Desk,
    wait: &Wait,
    state: &State,
    sites: Vec<Host>,
) -> Result<Option<Receipt>> {
    let Some(patience) = wait.wait else { return Ok(None) };
    let lost = if wait.accept_lost { Lost::Accepted } else { Lost::Blocks };
    let expect = Expect { sites, instances: wait.instances, lost, ..Expect::default() };
    // It draws only on a terminal, and is gone when the receipt is there.
    let bar = ProgressBar::new_spinner();
    bar.set_style(
        ProgressStyle::with_template("{spinner} {elapsed} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.enable_steady_tick(Duration::from_millis(120));
    let receipt =
        desk.control.wait(state, &expect, patience, |receipt| bar.set_message(progress(receipt))).await;
    bar.finish_and_clear();
    Ok(Some(receipt?))
}

/// What a receipt means for the exit code.
pub(super) fn exit(receipt: Option<&Receipt>, otherwise: Exit) -> Exit {
    match receipt.map(|receipt| receipt.verdict) {
        Some(Verdict::NotConfirmed) => Exit::NotConfirmed,
        Some(Verdict::Confirmed | Verdict::Forced | Verdict::InForce | Verdict::Scheduled) => Exit::Done,
        None => otherwise,
    }
}

/// Says what was found.
pub(super) fn say(receipt: &Receipt, wait: &Wait) {
    for (label, text) in lines(receipt, wait) {
        output::field(label, text);
    }
}

/// What was found: the verdict, what was cut, what is let in, and who is late.
pub(super) fn lines(receipt: &Receipt, wait: &Wait) -> Vec<(&'static str, String)> {
    let cut = receipt.cut.iter().map(|cut| {
        let Running { method, path, age_ms } = &cut.request;
        let ran = when::plain(Duration::from_secs(age_ms / 1000));
        ("cut", format!("{}: {} {} after {ran}", plain(&cut.server), plain(method), plain(path)))
    });
    let ended = receipt.ended.iter().map(|ended| ("ended", plain(&format!("{}: {ended}", ended.server))));
    let late = late(receipt, wait).into_iter().map(|late| ("late", late));
    let not_counted = (receipt.verdict == Verdict::InForce).then(|| uncounted(receipt)).flatten();
    let not_counted = not_counted.map(|servers| ("uncounted", servers));
    let admitted = admitted(receipt).map(|rules| ("let in", rules));
    let ignored = ignored(receipt).map(|rules| ("ignored", rules));
    let refused = refused(receipt).map(|rules| ("refused", rules));
    std::iter::once(("receipt", verdict(receipt)))
        .chain(cut)
        .chain(ended)
        .chain(not_counted)
        .chain(admitted)
        .chain(refused)
        .chain(ignored)
        .chain(late)
        .collect()
}

fn verdict(receipt: &Receipt) -> String {
    let took = when::plain(Duration::from_millis(receipt.took_ms));
    let there = receipt.servers.iter().filter(|server| server.late.is_none()).count();
    let confirmed = format!("{} at revision {}", count(there, "server"), receipt.revision);
    let ended = match receipt.drained {
        0 => "no earlier request was running".to_owned(),
        requests => format!("{} from before ended", count(requests, "request")),
    };
    match receipt.verdict {
        Verdict::Confirmed if uncounted(receipt).is_some() => {
            format!("{} after {took}: {confirmed}", paint(GOOD, "confirmed"))
        }
        Verdict::Confirmed => format!("{} after {took}: {confirmed}; {ended}", paint(GOOD, "confirmed")),
        Verdict::Forced => {
            let forced = paint(WARN, "forced");
            let all = receipt.drained.max(receipt.cut.len());
            let cut = (!receipt.cut.is_empty())
                .then(|| format!("; {} cut, of {all} from before", count(receipt.cut.len(), "request")));
            let ended = (!receipt.ended.is_empty())
                .then(|| format!("; {} ended without a farewell", count(receipt.ended.len(), "server")));
            format!(
                "{forced} after {took}: {confirmed}{}{}",
                cut.unwrap_or_default(),
                ended.unwrap_or_default()
            )
        }
        Verdict::InForce => {
            let in_force = paint(WARN, "in force");
            let cut =
                if receipt.cut.is_empty() { String::new() } else { format!(" ({} cut)", receipt.cut.len()) };
            format!("{in_force} after {took}: {confirmed}; of those that are counted, {ended}{cut}")
        }
        Verdict::Scheduled => {
            let yes = paint(GOOD, "scheduled");
            format!("{yes}, confirmed after {took}: {confirmed}; nothing is closed yet")
        }
        Verdict::NotConfirmed => {
            let all = count(receipt.servers.len(), "server");
            format!("{} after {took}: {there} of {all} confirmed", paint(WARN, "not confirmed"))
        }
    }
}

/// Who has not confirmed, and what else is in the way.
pub(super) fn late(receipt: &Receipt, wait: &Wait) -> Vec<String> {
    let there = receipt.servers.iter().filter(|server| server.late.is_none()).count();
    let servers = receipt.servers.iter().filter_map(|server| {
        let late = server.late.as_ref()?;
        Some(format!("{}: {}", plain(&server.name), plain(&late.to_string())))
    });
    let mut late: Vec<String> = servers.collect();
    if there < wait.instances && wait.instances > 1 {
        late.push(format!("--instances asks for {}", wait.instances));
    }
    if receipt.servers.is_empty() {
        late.push("nobody follows this store, so nobody can confirm".into());
    }
    late
}

/// A closed site may let some requests in by its rules, and "closed" must not hide that.
fn admitted(receipt: &Receipt) -> Option<String> {
    if receipt.verdict == Verdict::NotConfirmed || receipt.sites.values().all(|mode| *mode == Mode::Off) {
        return None;
    }
    let everywhere = Some(plain(&receipt.admits.join(", "))).filter(|rules| !rules.is_empty());
    joined(everywhere.into_iter().chain(alone(receipt, |server| &server.admits)))
}

/// A server may refuse by rules of its own what the State lets in, and "open" must not hide that.
fn refused(receipt: &Receipt) -> Option<String> {
    if receipt.verdict == Verdict::NotConfirmed || receipt.sites.values().all(|mode| *mode == Mode::On) {
        return None;
    }
    joined(alone(receipt, |server| &server.refuses))
}

/// Whose requests nobody counts: earlier ones may still run there, and a receipt must not hide that.
fn uncounted(receipt: &Receipt) -> Option<String> {
    let servers = receipt.servers.iter().filter(|server| server.counts == Counts::Own);
    let names: Vec<String> = servers.map(|server| plain(&server.name)).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{}: closed; what runs behind the proxy is not counted, so earlier requests may still run",
            names.join(", ")
        )
    })
}

/// What the State lets in or refuses, and a server cannot.
fn ignored(receipt: &Receipt) -> Option<String> {
    if receipt.sites.values().all(|mode| *mode == Mode::Off) {
        return None;
    }
    let some = receipt.servers.iter().filter(|server| !server.ignores.is_empty());
    joined(some.map(|server| {
        let rules = plain(&server.ignores.join(", "));
        format!("{rules} ({}: only a request could decide it)", plain(&server.name))
    }))
}

/// What single servers do by rules of their own.
fn alone<'a>(receipt: &'a Receipt, rules: fn(&Server) -> &[String]) -> impl Iterator<Item = String> + 'a {
    let some = receipt.servers.iter().filter(move |server| !rules(server).is_empty());
    some.map(move |server| format!("{} ({} alone)", plain(&rules(server).join(", ")), plain(&server.name)))
}

fn joined(said: impl Iterator<Item = String>) -> Option<String> {
    let all: Vec<String> = said.collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// One line per server that is late.
fn progress(receipt: &Receipt) -> String {
    let late: Vec<_> =
        receipt.servers.iter().filter_map(|server| Some((server, server.late.as_ref()?))).collect();
    let ready = receipt.servers.len() - late.len();
    let lines = late
        .iter()
        .map(|(server, late)| format!("\n  {}: {}", plain(&server.name), plain(&late.to_string())));
    format!(
        "{ready} of {} have confirmed{}",
        count(receipt.servers.len(), "server"),
        lines.collect::<String>()
    )
}

//! `--wait`: stay until every server has the change and its earlier requests have ended, and show the receipt.

use std::time::Duration;

use anyhow::Result;
use backsoon::receipt::{Expect, Lost, Receipt, Verdict};
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
    let expect = Expect { sites, instances: wait.instances, lost };
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
        Some(Verdict::Confirmed | Verdict::Forced | Verdict::Scheduled) => Exit::Done,
        None => otherwise,
    }
}

/// Says what was found.
pub(super) fn say(receipt: &Receipt, wait: &Wait) {
    let took = when::plain(Duration::from_millis(receipt.took_ms));
    let there = receipt.servers.iter().filter(|server| server.late.is_none()).count();
    let confirmed = count(there, "server");
    let ended = match receipt.drained {
        0 => "no earlier request was running".to_owned(),
        requests => format!("{} from before ended", count(requests, "request")),
    };
    match receipt.verdict {
        Verdict::Confirmed => {
            let yes = paint(GOOD, "confirmed");
            output::field(
                "receipt",
                format_args!("{yes} after {took}: {confirmed} at revision {}; {ended}", receipt.revision),
            );
        }
        Verdict::Forced => {
            let forced = paint(WARN, "forced");
            let cut = count(receipt.cut.len(), "request");
            output::field(
                "receipt",
                format_args!(
                    "{forced} after {took}: {confirmed} at revision {}; {cut} cut, of {} from before",
                    receipt.revision,
                    receipt.drained.max(receipt.cut.len()),
                ),
            );
        }
        Verdict::Scheduled => {
            let yes = paint(GOOD, "scheduled");
            output::field(
                "receipt",
                format_args!(
                    "{yes}, confirmed after {took}: {confirmed} at revision {}; nothing is closed yet",
                    receipt.revision
                ),
            );
        }
        Verdict::NotConfirmed => {
            let no = paint(WARN, "not confirmed");
            output::field(
                "receipt",
                format_args!(
                    "{no} after {took}: {there} of {} confirmed",
                    count(receipt.servers.len(), "server")
                ),
            );
        }
    }
    for cut in &receipt.cut {
        let Running { method, path, age_ms } = &cut.request;
        let ran = when::plain(Duration::from_secs(age_ms / 1000));
        output::field(
            "cut",
            format_args!("{}: {} {} after {ran}", plain(&cut.server), plain(method), plain(path)),
        );
    }
    say_admitted(receipt);
    for server in &receipt.servers {
        if let Some(late) = &server.late {
            output::field("late", format_args!("{}: {}", plain(&server.name), plain(&late.to_string())));
        }
    }
    if there < wait.instances && wait.instances > 1 {
        output::field("late", format_args!("--instances asks for {}", wait.instances));
    }
    if receipt.servers.is_empty() {
        output::field("late", "nobody follows this store, so nobody can confirm");
    }
}

/// A closed site may let some requests in by its rules, and "closed" must not hide that.
fn say_admitted(receipt: &Receipt) {
    if receipt.verdict == Verdict::NotConfirmed || receipt.sites.values().all(|mode| *mode == Mode::Off) {
        return;
    }
    let own = receipt
        .servers
        .iter()
        .filter(|server| !server.admits.is_empty())
        .map(|server| format!("{} ({} alone)", plain(&server.admits.join(", ")), plain(&server.name)));
    let everywhere = Some(plain(&receipt.admits.join(", "))).filter(|rules| !rules.is_empty());
    let all: Vec<String> = everywhere.into_iter().chain(own).collect();
    if !all.is_empty() {
        output::field("let in", all.join("; "));
    }
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

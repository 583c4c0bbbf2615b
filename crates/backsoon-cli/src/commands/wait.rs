//! `--wait`: stay until every server has the change and its earlier requests have ended, and show the receipt.

use std::time::Duration;

use anyhow::Result;
use backsoon::receipt::{Expect, Lost, Receipt, Verdict};
use backsoon::{Host, State};
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
    output::field("receipt", found(receipt));
    late(receipt, wait).iter().for_each(|late| output::field("late", late));
}

/// What was found, in a sentence.
pub(super) fn found(receipt: &Receipt) -> String {
    let took = when::plain(Duration::from_millis(receipt.took_ms));
    let there = receipt.servers.iter().filter(|server| server.late.is_none()).count();
    let confirmed = format!("{} at revision {}", count(there, "server"), receipt.revision);
    let ended = match receipt.drained {
        0 => "no earlier request was running".to_owned(),
        requests => format!("{} from before ended", count(requests, "request")),
    };
    match receipt.verdict {
        Verdict::Confirmed => {
            format!("{} after {took}: {confirmed}; {ended}", paint(GOOD, "confirmed"))
        }
        Verdict::Forced => {
            let forced = paint(WARN, "forced");
            format!("{forced} after {took}: {confirmed}; {}", count(receipt.cut.len(), "request") + " cut")
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

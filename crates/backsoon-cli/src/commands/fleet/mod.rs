//! `backsoon fleet`: who follows the store, live.

mod forget;
mod seen;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anyhow::Result;
use backsoon::document::WindowId;
use backsoon::fleet::{self, Lookout, Roster};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

use self::seen::Seen;
use super::Desk;
use super::signals::{Signal, Signals};
use crate::cli::{Fleet, FleetVerb};
use crate::exit::Exit;
use crate::output::{self, BAD, paint, sentence};

/// The time between two pictures.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the leases of programs' windows are watched: longer than one of them lasts.
const LEASE: Duration = Duration::from_secs(7);

/// Runs it.
pub(super) async fn run(desk: &Desk, fleet: &Fleet) -> Result<Exit> {
    match &fleet.verb {
        Some(FleetVerb::Forget(forget)) => forget::run(desk, forget).await,
        None if fleet.once || fleet.json || !io::stdout().is_terminal() => once(desk, fleet).await,
        None => live(desk).await,
    }
}

async fn once(desk: &Desk, fleet: &Fleet) -> Result<Exit> {
    let (store, known) = (&**desk.store(), desk.control.read().await?.unwrap_or_default());
    let (roster, lapsed) = tokio::join!(
        Roster::observe(store, fleet.patience),
        fleet::lapsed(store, &known, LEASE.min(fleet.patience))
    );
    // Once more, since watching takes a while.
    let seen = Seen::of(desk, roster?, lapsed?).await?;
    if fleet.json {
        output::json(&seen.shown())?;
    } else {
        seen.lines(desk, None).iter().for_each(output::line);
    }
    Ok(Exit::Done)
}

async fn live(desk: &Desk) -> Result<Exit> {
    let mut signals = Signals::listen()?;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
    bar.set_style(ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
    let (found, lapsed) = watch::channel(Vec::new());
    let signal = tokio::select! {
        never = watch_leases(desk, found) => match never {},
        never = draw(desk, &bar, lapsed) => match never {},
        signal = signals.next() => signal,
    };
    // The last picture stays, and what comes next is below it.
    bar.abandon();
    output::line("");
    Ok(match signal {
        Signal::Interrupt => Exit::Done,
        other => other.exit(),
    })
}

/// Redraws the picture for ever.
async fn draw(
    desk: &Desk,
    bar: &ProgressBar,
    lapsed: watch::Receiver<Vec<WindowId>>,
) -> std::convert::Infallible {
    let mut lookout = Lookout::new();
    let mut last: Option<Seen> = None;
    loop {
        let trouble = match look(desk, &mut lookout, &lapsed).await {
            Ok(seen) => {
                last = Some(seen);
                None
            }
            Err(error) => {
                // Nobody can report to a store that is away, so silence proves nothing until it is back.
                lookout = Lookout::new();
                Some(sentence(&error))
            }
        };
        let mut lines = last.as_ref().map(|seen| seen.lines(desk, Some(&lookout))).unwrap_or_default();
        if let Some(trouble) = trouble {
            lines.insert(0, paint(BAD, format!("{trouble}; this is the last picture")));
        }
        bar.set_message(output::coloured(&lines.join("\n")));
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look(desk: &Desk, lookout: &mut Lookout, lapsed: &watch::Receiver<Vec<WindowId>>) -> Result<Seen> {
    let roster = Roster::look(&**desk.store(), lookout).await?;
    let lapsed = lapsed.borrow().clone();
    Seen::of(desk, roster, lapsed).await
}

/// Finds lapsed windows for ever; a lease has to be watched for longer than one picture takes.
async fn watch_leases(desk: &Desk, found: watch::Sender<Vec<WindowId>>) -> std::convert::Infallible {
    loop {
        if let Ok(Some(state)) = desk.control.read().await {
            for patience in [Duration::ZERO, LEASE] {
                if let Ok(lapsed) = fleet::lapsed(&**desk.store(), &state, patience).await {
                    found.send_replace(lapsed);
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

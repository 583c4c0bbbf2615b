//! `backsoon run`: closes by windows of its own, runs a command once that is confirmed, and ends exactly these windows.

use anyhow::{Context as _, Result};
use backsoon::control::Outcome;
use backsoon::document::{MOST_CHARACTERS, Source};
use backsoon::during::Kept;
use backsoon::fleet::Roster;
use backsoon::receipt::Verdict;
use backsoon::snapshot::Closed;
use backsoon::time::Timestamp;
use backsoon::{Host, Window};

use super::child::{self, Child, Ended};
use super::closed::why;
use super::signals::{Signal, Signals};
use super::{Desk, impact, wait};
use crate::cli::{Cli, OnFailure, Run, Wait, sites};
use crate::exit::{Ends, Exit};
use crate::output::{self, BAD, GOOD, WARN, paint};
use crate::when;

/// What becomes of the windows.
enum After {
    /// They end.
    Open,
    /// They stay, with this for operators.
    Stay(String),
}

/// Runs it.
pub(super) async fn run(cli: &Cli, run: &Run) -> Result<Exit> {
    child::look_up(&run.command).context("nothing was closed, and nothing was run")?;
    let desk = &Desk::open(cli).await?;
    let mut signals = Signals::listen()?;
    let name = child::name(&run.command);
    let windows = windows(desk, run, &name).await?;
    let ids = ids(&windows);
    let mut keeping = std::pin::pin!(desk.control.keep(windows));
    let unclear =
        || format!("the command was not started; {} ends its window, should it be there", off(desk, &ids));
    let kept = tokio::select! {
        kept = &mut keeping => kept.with_context(unclear)?,
        signal = signals.next() => {
            output::note("told to stop: waiting for the store, to leave nothing closed (once more: now)");
            tokio::select! {
                kept = keeping => call_off(desk, run, &mut signals, kept.with_context(unclear)?).await?,
                again = signals.next() => {
                    output::warn(unclear());
                    return Ok(again.exit());
                }
            }
            return Ok(signal.exit());
        }
    };
    say_closed(&kept, &name);

    tokio::select! {
        confirmed = confirmed(desk, run, &kept) => match confirmed {
            Ok(None) => {}
            Ok(Some(late)) => {
                call_off(desk, run, &mut signals, kept).await?;
                let sentence = format!("not confirmed, so {name} was not started and its window was ended: {late}");
                return Err(Ends(Exit::NotConfirmed, sentence).into());
            }
            Err(error) => {
                call_off(desk, run, &mut signals, kept).await?;
                return Err(error.context(format!("{name} was not started and its window was ended")));
            }
        },
        signal = signals.next() => {
            call_off(desk, run, &mut signals, kept).await?;
            output::note(format_args!("told to stop: {name} was not started and its window was ended"));
            return Ok(signal.exit());
        }
    }

    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    let variables =
        [("BACKSOON_WINDOW", names.join(" ")), ("BACKSOON_REVISION", kept.state().revision.to_string())];
    let child = match Child::start(&run.command, &variables) {
        Ok(child) => child,
        Err(error) => {
            call_off(desk, run, &mut signals, kept).await?;
            return Err(error.context("nothing was run, and the window was ended"));
        }
    };
    let ended = child.ended(&mut signals).await?;
    let after = match (ended.well(), run.on_failure) {
        (false, OnFailure::Stay) => After::Stay(stays(&run.closure.note, &ended)),
        _ => After::Open,
    };
    let (hosts, windows) = (hosts(&kept), kept.windows().to_vec());
    let outcome = settle(desk, run, &mut signals, kept, after).await?;
    say_failed(desk, &ended, &outcome, &ids);
    say_after(desk, &outcome, &hosts, &ids);
    if matches!(outcome, Outcome::Written(_)) && left(&outcome, &ids).is_empty() {
        let impacts = impact::gather(desk, &windows, outcome.state()).await;
        impacts.iter().for_each(|impact| output::aside("impact", impact::line(impact)));
    }
    Ok(ended.exit())
}

/// One window for each site, all alike.
async fn windows(desk: &Desk, run: &Run, name: &str) -> Result<Vec<(Host, Window)>> {
    let sites = sites(&run.closure.sites);
    let (state, roster) =
        (desk.state().await?, Roster::observe(&**desk.store(), std::time::Duration::ZERO).await?);
    for host in &sites {
        roster.knows(&state, host).map_err(|why| anyhow::anyhow!("{why} (`on --new-site` makes it)"))?;
    }
    let window = || {
        let mut window = Window::new(run.closure.mode());
        window.source = Source::Run;
        window.message = run.closure.message.clone();
        window.note =
            if run.closure.note.is_empty() { format!("while {name} runs") } else { run.closure.note.clone() };
        match run.cut_after {
            Some(after) => window.cut_after(after),
            None => window,
        }
    };
    Ok(sites.into_iter().map(|host| (host, window())).collect())
}

/// Waits for the receipt; what is in the way otherwise.
async fn confirmed(desk: &Desk, run: &Run, kept: &Kept) -> Result<Option<String>> {
    let flags = Wait { wait: Some(run.wait), instances: run.instances, accept_lost: run.accept_lost };
    let receipt = wait::wait(desk, &flags, kept.state(), hosts(kept)).await?;
    let receipt = receipt.context("nobody waited for the receipt")?;
    wait::lines(&receipt, &flags).iter().for_each(|(label, text)| output::aside(label, text));
    let late = wait::late(&receipt, &flags);
    Ok((receipt.verdict == Verdict::NotConfirmed).then(|| late.join("; ")))
}

/// Ends the windows of a command that was never started.
async fn call_off(desk: &Desk, run: &Run, signals: &mut Signals, kept: Kept) -> Result<()> {
    settle(desk, run, signals, kept, After::Open).await.map(drop)
}

/// Ends the windows or lets them stay, and does not give up at once if the store is away.
async fn settle(desk: &Desk, run: &Run, signals: &mut Signals, kept: Kept, after: After) -> Result<Outcome> {
    let ids = ids(kept.windows());
    let mut said = false;
    let each = |why: &str| {
        if !std::mem::replace(&mut said, true) {
            let most = when::plain(run.keep_trying);
            output::warn(format_args!("the window cannot be ended yet ({why}); trying for up to {most}"));
        }
    };
    let settling = async {
        match &after {
            After::Open => kept.end(each).await,
            After::Stay(note) => kept.stay(note, each).await,
        }
    };
    let way_out = || format!("the site stays closed until {} is run", off(desk, &ids));
    tokio::select! {
        outcome = tokio::time::timeout(run.keep_trying, settling) => match outcome {
            Ok(outcome) => outcome.with_context(way_out),
            Err(_) => {
                let tried = when::plain(run.keep_trying);
                let sentence = format!("the store was away for {tried}, so the window is still there: {}", way_out());
                Err(Ends(Exit::StoreAway, sentence).into())
            }
        },
        () = given_up(signals) => {
            let sentence = format!("told to stop while the store is away: {}", way_out());
            Err(Ends(Exit::StoreAway, sentence).into())
        }
    }
}

/// Told twice to stop: the first signal may have been meant for the command, which has just ended by it.
async fn given_up(signals: &mut Signals) {
    let _: [Signal; 2] = [signals.next().await, signals.next().await];
}

/// The note of a window that stays, as long as one may be: how the command ended is what counts.
fn stays(note: &str, ended: &Ended) -> String {
    let how: String = ended.how().chars().take(MOST_CHARACTERS).collect();
    let room = MOST_CHARACTERS.saturating_sub(how.chars().count() + 2);
    let note: String = note.chars().take(room).collect();
    if note.is_empty() { how } else { format!("{note}; {how}") }
}

fn hosts(kept: &Kept) -> Vec<Host> {
    kept.windows().iter().map(|(host, _)| host.clone()).collect()
}

fn ids(windows: &[(Host, Window)]) -> Vec<String> {
    windows.iter().map(|(_, window)| window.id.to_string()).collect()
}

/// What to type to end the windows.
fn off(desk: &Desk, ids: &[impl AsRef<str>]) -> String {
    let ways = ids.iter().map(|id| format!("`{}`", desk.command(&format!("off --window {}", id.as_ref()))));
    ways.collect::<Vec<_>>().join(" and ")
}

fn say_closed(kept: &Kept, name: &str) {
    for (host, window) in kept.windows() {
        output::note(format_args!("{host}: {} while {name} runs", paint(BAD, window.mode)));
        output::aside("window", &window.id);
    }
}

/// Which of the windows are still there: those that stay.
fn left<'a>(outcome: &Outcome, ids: &'a [String]) -> Vec<&'a String> {
    let state = outcome.state();
    let is_there = |id: &&String| {
        state.sites().any(|(_, site)| site.windows.iter().any(|window| window.id.as_str() == *id))
    };
    ids.iter().filter(is_there).collect()
}

fn say_failed(desk: &Desk, ended: &Ended, outcome: &Outcome, ids: &[String]) {
    if ended.well() {
        return;
    }
    let stays = match left(outcome, ids).as_slice() {
        [] => String::new(),
        left => format!("; its window stays, and when all is mended {} ends it", off(desk, left)),
    };
    output::note(format_args!("{} {}{stays}", paint(WARN, "failed:"), ended.how()));
}

fn say_after(desk: &Desk, outcome: &Outcome, hosts: &[Host], ids: &[String]) {
    for host in hosts {
        match Closed::find(outcome.state(), host, Timestamp::now()) {
            None => output::note(format_args!("{host}: {}", paint(GOOD, "open"))),
            Some(closed) => {
                output::note(format_args!("{} {}", paint(WARN, "still closed:"), why(&closed, desk)));
            }
        }
    }
    match outcome {
        _ if !left(outcome, ids).is_empty() => {}
        Outcome::Written(_) => output::aside("ended", ids.join(", ")),
        Outcome::Unchanged(_) => {
            output::aside("ended", format_args!("{}, by somebody else before", ids.join(", ")));
        }
    }
}

//! `backsoon history`: every change, the newest last, and what the closings that it ended have done.

use anyhow::Result;
use backsoon::State;
use backsoon::document::Window;
use backsoon::impact::{self, Impact};
use serde::Serialize;

use super::Desk;
use super::words::{local, sites_in_words};
use crate::cli::History;
use crate::exit::Exit;
use crate::output::{self, plain};

/// A change for programs.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    state: &'a State,
    /// Of the windows that it ended, if that was kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    impacts: Vec<&'a Impact>,
}

/// Runs it.
pub(super) async fn run(desk: &Desk, history: &History) -> Result<Exit> {
    let states = desk.control.history().await?;
    // The changes are what was asked for; a gate of an older Backsoon does not hand out the rest.
    let kept = impact::all_filed(&**desk.store()).await.unwrap_or_else(|error| {
        output::warn(format_args!("what closings have done cannot be read: {error}"));
        Vec::new()
    });
    let impacts: Vec<Vec<&Impact>> = (0..states.len()).map(|at| impacts(&states, at, &kept)).collect();
    if history.json {
        let shown = states.iter().zip(impacts).map(|(state, impacts)| Shown { state, impacts });
        output::json(&shown.collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    if states.is_empty() {
        output::line(format_args!("{}: nothing was ever changed here", desk.store().url()));
        return Ok(Exit::Done);
    }
    // The heading names the zone; a time of the other half of the year names its own.
    let times: Vec<String> = states.iter().map(|state| local(state.change.at)).collect();
    let zone = times.last().and_then(|time| time.rsplit_once(' ')).map_or("", |(_, zone)| zone);
    let rows = |((state, time), impacts): ((&State, &String), &Vec<&Impact>)| {
        let change = &state.change;
        let row = [
            state.revision.to_string(),
            time.strip_suffix(zone).unwrap_or(time).trim_end().to_owned(),
            plain(&change.by),
            sites_in_words(state, change.at),
            plain(&change.note),
        ];
        let below = |impact: &&Impact| {
            let text = format!("impact of {}: {}", impact.window, plain(&impact.to_string()));
            [String::new(), String::new(), String::new(), String::new(), text]
        };
        std::iter::once(row).chain(impacts.iter().map(below)).collect::<Vec<_>>()
    };
    let rows: Vec<_> = states.iter().zip(&times).zip(&impacts).flat_map(rows).collect();
    output::table(["revision", &format!("at ({zone})"), "by", "sites after it", "change"], &rows);
    Ok(Exit::Done)
}

/// What was kept of the windows that the change at `at` has ended.
fn impacts<'a>(states: &[State], at: usize, kept: &'a [Impact]) -> Vec<&'a Impact> {
    let Some(before) = at.checked_sub(1).map(|before| &states[before]) else { return Vec::new() };
    let ended = impact::ended(before, &states[at]);
    // A rollback may have closed by the same window once more.
    let is_of = |impact: &Impact, window: &Window| {
        impact.window == window.id && impact.revision == states[at].revision
    };
    ended.iter().filter_map(|(_, window)| kept.iter().find(|impact| is_of(impact, window))).collect()
}

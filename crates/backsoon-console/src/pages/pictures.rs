//! What is drawn on the first page: the last hour as bars, and what is to come on a line.

use std::time::Duration;

use backsoon::Mode;
use backsoon::time::Timestamp;
use serde::Serialize;

use crate::api::state::{StateView, WindowView};
use crate::figures::{Figures, Minute, Present};

/// The height of a chart, in its own units; a minute is ten wide.
const HEIGHT: u64 = 40;
/// The length of a line, in its own units.
const LENGTH: u128 = 1000;
/// A line reaches at least so far.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// And not farther.
const FAR: Duration = Duration::from_secs(14 * 24 * 3600);
/// How many windows are drawn.
const MOST: usize = 20;

/// One chart.
#[derive(Debug, Serialize)]
pub(crate) struct Chart {
    title: &'static str,
    /// What it says, in words.
    says: String,
    /// What it says if there is nothing to be drawn.
    nothing: &'static str,
    /// Whether there is.
    is_empty: bool,
    bars: Vec<Bar>,
}

#[derive(Debug, Serialize)]
struct Bar {
    x: usize,
    y: u64,
    height: u64,
}

/// What is to come.
#[derive(Debug, Serialize)]
pub(crate) struct Timeline {
    until: Timestamp,
    rows: Vec<Row>,
    hidden: usize,
}

/// One window on its line.
#[derive(Debug, Serialize)]
struct Row {
    window: WindowView,
    x: u128,
    width: u128,
}

/// The last hour of the whole fleet, and what runs and waits at present, if that can be known.
pub(crate) fn charts(figures: &Figures, present: Option<Present>, now: Timestamp) -> [Chart; 3] {
    let hour = figures.hour(now.as_millis() / 60_000);
    let total: u64 = hour.iter().map(|minute| minute.refused).sum();
    let most = |of: fn(&Minute) -> u64| hour.iter().map(of).max().unwrap_or(0);
    let at_once = |most: u64, present: Option<u64>| match present {
        // It may be more than was ever seen here: the figures are looked at less often.
        Some(present) => format!("{present} now, at most {} at once", most.max(present)),
        None => format!("at most {most} at once"),
    };
    let (running, runs) = (most(|minute| minute.running), present.map(|present| present.running));
    let (waiting, waits) = (most(|minute| minute.waiting), present.map(|present| present.waiting));
    let worst = most(|minute| minute.refused);
    let chart = |title, says, nothing, of: fn(&Minute) -> u64, most: u64, present: Option<u64>| {
        let bar = |(at, minute): (usize, &Minute)| {
            // What is there is seen, however small.
            let height = (of(minute) * HEIGHT).div_ceil(most.max(1));
            Bar { x: at * 10, y: HEIGHT - height, height }
        };
        let bars = hour.iter().enumerate().filter(|(_, minute)| of(minute) > 0).map(bar).collect();
        let is_empty = most == 0 && present.is_none_or(|present| present == 0);
        Chart { title, says, nothing, is_empty, bars }
    };
    [
        chart("Run", at_once(running, runs), "nothing ran", |minute| minute.running, running, runs),
        chart("Wait", at_once(waiting, waits), "nothing waited", |minute| minute.waiting, waiting, waits),
        chart(
            "Refused",
            format!("{total} in all, at most {worst} in a minute"),
            "nothing was refused",
            |minute| minute.refused,
            worst,
            None,
        ),
    ]
}

/// Every window that is in force or will be, from now on.
pub(crate) fn timeline(view: &StateView, now: Timestamp) -> Timeline {
    let windows = view.sites.iter().flat_map(|site| &site.windows);
    let mut windows: Vec<&WindowView> = windows.filter(|window| window.mode != Mode::Off).collect();
    windows.sort_by_key(|window| window.start.unwrap_or(now).max(now));
    let edges = windows.iter().flat_map(|window| [window.start, window.end]).flatten();
    let span = edges.map(|edge| edge.since(now)).max().unwrap_or(DAY).clamp(DAY, FAR);
    let place = |at: Timestamp| (at.since(now).min(span).as_millis() * LENGTH) / span.as_millis();
    let row = |window: &&WindowView| {
        let x = window.start.map_or(0, place).min(LENGTH - 8);
        let end = window.end.map_or(LENGTH, place);
        Row { window: WindowView::clone(window), x, width: end.saturating_sub(x).max(8) }
    };
    let rows = windows.iter().take(MOST).map(row).collect();
    Timeline { until: now + span, rows, hidden: windows.len().saturating_sub(MOST) }
}

//! What closings have done to visitors, in words.

use std::time::Duration;

use backsoon::impact::{self, Impact};
use backsoon::{Host, Mode, State, Window};
use serde::Serialize;

use super::Desk;
use super::words::local;
use crate::output::{self, WARN, paint, plain};

/// How long a verb waits for what servers have to say of a closing that it ended.
const PATIENCE: Duration = Duration::from_secs(2);

/// An impact for programs.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    #[serde(flatten)]
    impact: &'a Impact,
    /// Whether no later look would bring more.
    complete: bool,
}

/// What the windows have done that `state` has `ended`, as far as servers say so in time, and files it for the history.
/// The change is made whatever becomes of this, so what goes wrong here is a warning.
pub(super) async fn gather(desk: &Desk, ended: &[(Host, Window)], state: &State) -> Vec<Impact> {
    let mut impacts = match impact::gather(&desk.control, ended, state, PATIENCE).await {
        Ok(impacts) => impacts,
        Err(error) => {
            output::warn(format_args!("what the closing has done to visitors is not known: {error}"));
            return Vec::new();
        }
    };
    // Without a server there was no visitor to be counted.
    impacts.retain(|impact| impact.servers > 0 || !impact.untold.is_empty());
    for impact in &impacts {
        if let Err(error) = impact::file(&**desk.store(), impact).await {
            output::warn(format_args!(
                "the impact of {} is not kept for the history: {error}",
                impact.window
            ));
        }
    }
    impacts
}

/// One line of it.
pub(super) fn line(impact: &Impact) -> String {
    let how = match impact.mode {
        Mode::Off | Mode::On => "closed",
        Mode::Hold => "on hold",
        Mode::ReadOnly => "read-only",
    };
    let from = impact.from.map(|from| format!(" {}", local(from))).unwrap_or_default();
    let to = impact.to.map(|to| format!(" to {}", local(to))).unwrap_or_default();
    let so_far = if impact.is_complete() { String::new() } else { format!("{}, ", paint(WARN, "so far")) };
    let doubts: String = impact.doubts().iter().map(|doubt| format!("; {}", plain(doubt))).collect();
    format!("{}: {how}{from}{to}: {so_far}{}{doubts}", impact.window, plain(&impact.to_string()))
}

// === impl Shown ===

impl<'a> Shown<'a> {
    pub(super) fn new(impact: &'a Impact) -> Self {
        Self { impact, complete: impact.is_complete() }
    }
}

//! `backsoon history`: every change, the newest last.

use anyhow::Result;
use backsoon::Mode;

use super::{Desk, local};
use crate::cli::History;
use crate::exit::Exit;
use crate::output;

/// Runs it.
pub(super) async fn run(desk: &Desk, history: &History) -> Result<Exit> {
    let states = desk.control.history().await?;
    if history.json {
        output::json(&states)?;
        return Ok(Exit::Done);
    }
    if states.is_empty() {
        output::line(format_args!("{}: nothing was ever changed here", desk.store().url()));
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = states
        .iter()
        .map(|state| {
            let windows = state.sites().flat_map(|(host, site)| {
                let closing = site.windows.iter().filter(|window| window.mode > Mode::Off);
                closing.map(move |window| format!("{} on {host}", window.id)).collect::<Vec<_>>()
            });
            let windows: Vec<_> = windows.collect();
            [
                state.revision.to_string(),
                local(state.change.at),
                state.change.by.clone(),
                state.change.note.clone(),
                windows.join(", "),
            ]
        })
        .collect();
    output::table(["revision", "at", "by", "change", "windows after it"], &rows);
    Ok(Exit::Done)
}

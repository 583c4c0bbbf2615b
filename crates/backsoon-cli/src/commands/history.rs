//! `backsoon history`: every change, the newest last.

use anyhow::Result;
use backsoon::State;

use super::Desk;
use super::words::{local, sites_in_words};
use crate::cli::History;
use crate::exit::Exit;
use crate::output::{self, plain};

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
    // The heading names the zone; a time of the other half of the year names its own.
    let times: Vec<String> = states.iter().map(|state| local(state.change.at)).collect();
    let zone = times.last().and_then(|time| time.rsplit_once(' ')).map_or("", |(_, zone)| zone);
    let row = |(state, time): (&State, &String)| {
        let change = &state.change;
        [
            state.revision.to_string(),
            time.strip_suffix(zone).unwrap_or(time).trim_end().to_owned(),
            plain(&change.by),
            sites_in_words(state, change.at),
            plain(&change.note),
        ]
    };
    let rows: Vec<_> = states.iter().zip(&times).map(row).collect();
    output::table(["revision", &format!("at ({zone})"), "by", "sites after it", "change"], &rows);
    Ok(Exit::Done)
}

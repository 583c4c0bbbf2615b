//! `backsoon pass list`: who has a pass, to what and until when.

use anyhow::Result;
use backsoon::document::Pass;
use backsoon::time::Timestamp;

use super::Shown;
use crate::cli::PassList;
use crate::commands::Desk;
use crate::commands::words::local;
use crate::exit::Exit;
use crate::output::{self, plain};
use crate::when;

/// Runs it.
pub(super) async fn run(desk: &Desk, list: &PassList) -> Result<Exit> {
    let now = Timestamp::now();
    let state = desk.state().await?;
    // Those that are over stay in the document until somebody writes it again.
    let mut valid: Vec<&Pass> = state.passes.iter().filter(|pass| !pass.is_over(now)).collect();
    valid.sort_by_key(|pass| pass.expires);
    if list.json {
        output::json(&valid.into_iter().map(Shown::of).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    if valid.is_empty() {
        let new = desk.command("pass new --for NAME");
        output::line(format_args!("{}: nobody has a pass (`{new}` makes one)", desk.store().url()));
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = valid.into_iter().map(|pass| row(pass, now)).collect();
    output::table(["pass", "for", "site", "until", "left", "made by"], &rows);
    Ok(Exit::Done)
}

fn row(pass: &Pass, now: Timestamp) -> [String; 6] {
    [
        pass.id.to_string(),
        plain(&pass.bearer),
        pass.site.to_string(),
        local(pass.expires),
        when::plain(pass.expires.since(now)),
        plain(&pass.by),
    ]
}

//! `backsoon rollback`: an earlier revision in force again, as a new one.

use anyhow::Result;
use backsoon::control::Outcome;

use super::Desk;
use crate::cli::Rollback;
use crate::exit::Exit;
use crate::output;

/// Runs it.
pub(super) async fn run(desk: &Desk, rollback: &Rollback) -> Result<Exit> {
    let outcome = desk.control.rollback(rollback.revision).await?;
    let roster = desk.followers(&outcome).await?;
    if rollback.json {
        let windows = outcome.state().sites().flat_map(|(_, site)| &site.windows).collect();
        output::json(&desk.written(&outcome, &roster, windows))?;
        return Ok(Exit::Done);
    }
    match &outcome {
        Outcome::Written(state) => output::line(format_args!(
            "revision {} is in force again, as revision {}",
            rollback.revision, state.revision
        )),
        Outcome::Unchanged(_) => {
            output::line(format_args!("revision {} is what is in force", rollback.revision))
        }
    }
    desk.say_followers(&outcome, &roster);
    Ok(Exit::Done)
}

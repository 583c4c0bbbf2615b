//! `backsoon rollback`: an earlier revision in force again, as a new one.

use anyhow::Result;
use backsoon::control::{Found, Outcome};
use backsoon::time::Timestamp;
use backsoon::{Host, Window};

use super::words::sites_in_words;
use super::written::Outcomes;
use super::{Desk, impact};
use crate::cli::Rollback;
use crate::exit::Exit;
use crate::output;

/// Runs it.
pub(super) async fn run(desk: &Desk, rollback: &Rollback) -> Result<Exit> {
    let found = desk.control.find().await?;
    let outcome = desk.control.rollback(rollback.revision).await?;
    let written = desk.watch(&found, outcome).await?;
    let ended = match &found {
        Found::State(before) => backsoon::impact::ended(before, written.state()),
        _ => Vec::new(),
    };
    let impacts = impact::gather(desk, &ended, written.state()).await;
    if rollback.json {
        let windows: Vec<(Host, Window)> = written
            .state()
            .sites()
            .flat_map(|(host, site)| site.windows.iter().map(move |window| (host.clone(), window.clone())))
            .collect();
        written.json(&Outcomes { windows: &windows, impacts: &impacts, ..Outcomes::default() })?;
        return Ok(written.exit());
    }
    let revision = rollback.revision;
    match written.outcome() {
        Outcome::Written(state) => {
            output::line(format_args!(
                "revision {revision} is in force again, as revision {}",
                state.revision
            ));
        }
        Outcome::Unchanged(_) => {
            output::line(format_args!("what revision {revision} says is in force already"))
        }
    }
    output::field("sites", sites_in_words(written.state(), Timestamp::now()));
    written.say();
    written.say_draining();
    impacts.iter().for_each(|impact| output::field("impact", impact::line(impact)));
    Ok(written.exit())
}

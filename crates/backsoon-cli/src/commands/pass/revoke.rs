//! `backsoon pass revoke`: ends passes.

use anyhow::Result;
use backsoon::State;
use backsoon::document::{Keys, Pass, PassId};
use serde::Serialize;

use super::Shown;
use crate::cli::PassRevoke;
use crate::commands::Desk;
use crate::exit::Exit;
use crate::output::{self, GOOD, paint, plain};

/// What `pass revoke --json` prints.
#[derive(Serialize)]
struct Ended<'a> {
    revoked: Vec<Shown<'a>>,
    store: String,
    revision: u64,
}

/// Runs it.
pub(super) async fn run(desk: &Desk, revoke: &PassRevoke) -> Result<Exit> {
    let mut revoked: Vec<Pass> = Vec::new();
    let names: Vec<&str> = revoke.ids.iter().map(PassId::as_str).collect();
    let note =
        if revoke.all { "revoke all passes".into() } else { format!("revoke pass {}", names.join(", ")) };
    let written = desk
        .update(&note, |state| {
            revoked.clear();
            if revoke.all {
                revoked = std::mem::take(&mut state.passes);
                state.keys = Keys::default();
            }
            for id in &revoke.ids {
                revoked.push(state.revoke(id).ok_or_else(|| no_pass(state, id))?);
            }
            Ok::<_, String>(())
        })
        .await?;
    if revoke.json {
        let revoked = revoked.iter().map(Shown::of).collect();
        output::json(&Ended { revoked, store: desk.store().url(), revision: written.state().revision })?;
        return Ok(written.exit());
    }
    for pass in &revoked {
        output::line(format_args!(
            "{}: {}, it was for {}",
            pass.id,
            paint(GOOD, "revoked"),
            plain(&pass.bearer)
        ));
    }
    if revoked.is_empty() {
        output::line("there are no passes");
    }
    written.say();
    Ok(written.exit())
}

fn no_pass(state: &State, id: &PassId) -> String {
    let known: Vec<String> =
        state.passes.iter().map(|pass| format!("{} for {}", pass.id, plain(&pass.bearer))).collect();
    let known =
        if known.is_empty() { "there are none".into() } else { format!("there are {}", known.join(", ")) };
    format!("there is no pass `{id}`; {known}. One that has expired is gone by itself")
}

//! `backsoon fleet forget`: takes servers off the roster that are lost for good.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, anyhow};
use backsoon::fleet::{Life, NotForgotten, Roster};
use indicatif::ProgressBar;

use super::Desk;
use crate::cli::Forget;
use crate::config::nearest;
use crate::exit::Exit;
use crate::output::{self, plain};
use crate::when;

/// Runs it.
pub(super) async fn run(desk: &Desk, forget: &Forget) -> Result<Exit> {
    let names: BTreeSet<&str> = forget.names.iter().map(String::as_str).collect();
    let names: Vec<&str> = names.into_iter().collect();
    // It draws only on a terminal.
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(120));
    let forgotten = Roster::forget(&**desk.store(), &names, |roster| {
        let unheard = roster.0.iter().filter(|member| member.life == Life::Unheard);
        let mine = unheard.filter(|member| names.contains(&member.report.name.as_str()));
        let lease = mine.map(|member| member.report.lease_ms).max().unwrap_or(0);
        let lease = when::plain(Duration::from_millis(lease));
        bar.set_message(format!("nobody can tell yet who lives; watching for up to {lease}"));
    });
    let forgotten = forgotten.await;
    bar.finish_and_clear();
    match forgotten {
        Ok(()) => {}
        Err(NotForgotten::Unknown { name, known }) => {
            let meant = nearest(&name, known.iter().map(String::as_str));
            let meant = meant.map(|name| format!("; did you mean `{}`?", plain(name))).unwrap_or_default();
            return Err(anyhow!("nobody called `{}` is on the roster{meant}", plain(&name)));
        }
        Err(error) => return Err(error.into()),
    }
    for name in names {
        output::line(format_args!(
            "{}: forgotten; should it come back, it is on the roster again",
            plain(name)
        ));
    }
    Ok(Exit::Done)
}

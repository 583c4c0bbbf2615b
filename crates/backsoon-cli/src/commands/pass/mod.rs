//! `backsoon pass`: who goes through closings by invitation.

mod list;
mod new;
mod revoke;

use anyhow::Result;
use backsoon::Host;
use backsoon::document::{Pass, PassId};
use backsoon::time::Timestamp;
use serde::Serialize;

use super::Desk;
use crate::cli::{self, Cli};
use crate::exit::Exit;

/// A pass for programs: everything but what its secret is known by.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a PassId,
    r#for: &'a str,
    site: &'a Host,
    created: Timestamp,
    expires: Timestamp,
    by: &'a str,
}

/// Runs it.
pub(super) async fn run(cli: &Cli, pass: &cli::Pass) -> Result<Exit> {
    match pass {
        cli::Pass::New(new) => new::run(cli, new).await,
        cli::Pass::List(list) => list::run(&Desk::open_existing(cli).await?, list).await,
        cli::Pass::Revoke(revoke) => revoke::run(&Desk::open_existing(cli).await?, revoke).await,
    }
}

// === impl Shown ===

impl<'a> Shown<'a> {
    fn of(pass: &'a Pass) -> Self {
        Self {
            id: &pass.id,
            r#for: &pass.bearer,
            site: &pass.site,
            created: pass.created,
            expires: pass.expires,
            by: &pass.by,
        }
    }
}

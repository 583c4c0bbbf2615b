//! `backsoon token`: with what programs use the API.

use anyhow::Result;
use backsoon::time::Timestamp;
use backsoon_console::Role;
use backsoon_console::tokens::{Token as Issued, Tokens};
use serde::Serialize;

use super::Desk;
use super::words::local;
use crate::cli::{Cli, Token, TokenVerb};
use crate::exit::Exit;
use crate::output::{self, DIM, GOOD, paint, plain};

/// A token, for programs.
#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    role: Role,
    created: Timestamp,
    created_by: String,
    last_used: Option<Timestamp>,
    expires: Option<Timestamp>,
}

/// Runs it.
pub(super) async fn run(cli: &Cli, token: &Token) -> Result<Exit> {
    let desk = match &token.verb {
        TokenVerb::New { .. } => Desk::open(cli).await?,
        _ => Desk::open_existing(cli).await?,
    };
    let tokens = Tokens::new(desk.store().clone());
    let by = format!("{} by the command line", desk.control.by());
    match &token.verb {
        TokenVerb::New { name, role, lasts } => {
            let (token, secret) = tokens.issue(name, *role, *lasts, &by).await?;
            output::note(format_args!(
                "token {} for {}, {}; it is shown this once:",
                token.id,
                plain(&token.name),
                token.role
            ));
            output::verbatim(format!("{secret}\n").as_bytes())?;
        }
        TokenVerb::List { json } => list(&tokens, *json).await?,
        TokenVerb::Revoke { id } => {
            tokens.revoke(id, &by).await?;
            output::line(format_args!("{}: token {id} is worth nothing any more", paint(GOOD, "revoked")));
        }
    }
    Ok(Exit::Done)
}

async fn list(tokens: &Tokens, json: bool) -> Result<()> {
    let tokens = tokens.list().await?;
    if json {
        return output::json(&tokens.into_iter().map(Shown::of).collect::<Vec<_>>());
    }
    if tokens.is_empty() {
        output::line("there are no tokens; `backsoon token new --name TEXT` makes one");
        return Ok(());
    }
    let day = |time: Option<Timestamp>, none: &str| match time {
        Some(time) => local(time).chars().take("2026-11-20".len()).collect(),
        None => paint(DIM, none),
    };
    let row = |token: &Issued| {
        [
            token.id.clone(),
            token.role.to_string(),
            plain(&token.name),
            day(token.last_used, "never"),
            day(token.expires, "never"),
            plain(&token.created_by),
        ]
    };
    let rows: Vec<_> = tokens.iter().map(row).collect();
    output::table(["id", "role", "for", "last used", "expires", "made by"], &rows);
    Ok(())
}

// === impl Shown ===

impl Shown {
    fn of(token: Issued) -> Self {
        Self {
            id: token.id,
            name: token.name,
            role: token.role,
            created: token.created,
            created_by: token.created_by,
            last_used: token.last_used,
            expires: token.expires,
        }
    }
}

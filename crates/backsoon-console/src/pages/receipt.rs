//! The receipt as it arrives.

use std::sync::Arc;

use axum::extract::State as Desks;
use axum::response::Response;
use backsoon::receipt::{Expect, Verdict};
use http::StatusCode;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

use super::visit::Visit;
use crate::api::receipt::all;
use crate::console::Desk;
use crate::form::Asked;
use crate::problem::{Problem, Result};

/// Whose receipt.
#[derive(Deserialize)]
pub(crate) struct Which {
    revision: Option<u64>,
    #[serde(default)]
    done: String,
}

/// `GET /receipt`
pub(crate) async fn show(
    Desks(desk): Desks<Arc<Desk>>,
    visit: Visit,
    Asked(which): Asked<Which>,
) -> Result<Response> {
    let state = match which.revision {
        Some(revision) => desk.reader().at(revision).await?,
        None => {
            desk.reader().read().await?.ok_or_else(|| Problem::not_found("nothing was ever changed here"))?
        }
    };
    let asked = which.revision.map(|_| state.change.at);
    let expect = Expect { sites: all(&state), instances: 1, asked, ..Expect::default() };
    let receipt = desk.receipt(&state, &expect).await?;
    let confirmed = receipt.servers.iter().filter(|server| server.confirmed).count();
    let done = match which.done.as_str() {
        "close" => "The closing is written.",
        "reopen" => "The reopening is written.",
        "end" => "The window was ended.",
        "amend" => "The window was changed.",
        "rollback" => "The earlier revision is in force again.",
        "nothing" => "It was so already: nothing had to be changed.",
        _ => "",
    };
    let values = context! {
        done, confirmed, receipt => Value::from(Serde(&receipt)),
        is_settled => receipt.verdict != Verdict::NotConfirmed,
        note => state.change.note, by => state.change.by, at => state.change.at.to_string(),
    };
    Ok(visit.page(&desk, StatusCode::OK, "receipt.html", values))
}

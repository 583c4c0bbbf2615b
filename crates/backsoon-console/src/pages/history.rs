//! What was changed, by whom, why and how.

use std::sync::Arc;

use axum::extract::State as Desks;
use axum::response::Response;
use http::StatusCode;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

use super::visit::Visit;
use crate::api::difference::pieces;
use crate::console::Desk;
use crate::form::Asked;
use crate::problem::Result;

/// How many changes one page has.
const PAGE: usize = 20;

/// Which page.
#[derive(Deserialize)]
pub(crate) struct Which {
    before: Option<u64>,
}

/// `GET /history`
pub(crate) async fn show(
    Desks(desk): Desks<Arc<Desk>>,
    visit: Visit,
    Asked(which): Asked<Which>,
) -> Result<Response> {
    let history = desk.history(which.before, PAGE).await?;
    let is_newest = which.before.is_none();
    let said: Vec<_> = history.changes.iter().map(|change| pieces(&change.differences)).collect();
    let said = Value::from(Serde(&said));
    let values = context! { history => Value::from(Serde(&history)), said, is_newest };
    Ok(visit.page(&desk, StatusCode::OK, "history.html", values))
}

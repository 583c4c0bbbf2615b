//! Closing, amending and reopening: `POST /windows`, `PATCH` and `DELETE /windows/{id}`, `POST /reopen`.

mod body;
mod change;
mod done;
mod meant;

use std::sync::Arc;

use axum::extract::State as Desks;
use axum::response::Response;
use backsoon::control::Outcome;
use backsoon::document::WindowId;
use http::StatusCode;

pub(crate) use self::body::{AmendBody, CloseBody, ReopenBody};
pub(crate) use self::change::{amended, close_as};
pub(crate) use self::done::{ChangeView, Done};
use super::matching::IfMatch;
use crate::caller::Operator;
use crate::console::Desk;
use crate::form::{Json, Part};
use crate::problem::{Problem, Result};

/// Closes sites, now or at a time to come.
#[utoipa::path(post, path = "/api/v1/windows", operation_id = "close", tag = "windows", request_body = CloseBody,
    params(("If-Match" = Option<String>, Header, description = "The ETag of the State that was seen")),
    responses((status = 201, body = ChangeView), (status = 200, body = ChangeView, description = "It was so already")))]
pub(crate) async fn close(
    Desks(desk): Desks<Arc<Desk>>,
    Operator(caller): Operator,
    seen: IfMatch,
    Json(body): Json<CloseBody>,
) -> Result<Response> {
    let done = desk.close(&caller, &seen, body).await?;
    let status =
        if matches!(done.outcome, Outcome::Written(_)) { StatusCode::CREATED } else { StatusCode::OK };
    Ok(done.answer(&desk, status, Vec::new()))
}

/// Extends a window, or changes its end, its message or its note.
#[utoipa::path(patch, path = "/api/v1/windows/{id}", operation_id = "amend_window", tag = "windows", request_body = AmendBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = ChangeView)))]
pub(crate) async fn amend(
    Desks(desk): Desks<Arc<Desk>>,
    Operator(caller): Operator,
    seen: IfMatch,
    Part(id): Part,
    Json(body): Json<AmendBody>,
) -> Result<Response> {
    let done = desk.amend(&caller, &seen, &window_id(&id)?, body).await?;
    Ok(done.answer(&desk, StatusCode::OK, Vec::new()))
}

/// Ends exactly one window, whoever added it.
#[utoipa::path(delete, path = "/api/v1/windows/{id}", operation_id = "end_window", tag = "windows",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = ChangeView)))]
pub(crate) async fn end(
    Desks(desk): Desks<Arc<Desk>>,
    Operator(caller): Operator,
    seen: IfMatch,
    Part(id): Part,
) -> Result<Response> {
    let done = desk.end(&caller, &seen, &window_id(&id)?).await?;
    let hosts = done.windows.iter().map(|(host, _)| host.clone()).collect();
    Ok(done.answer(&desk, StatusCode::OK, hosts))
}

/// Reopens sites: ends the windows that operators have added.
#[utoipa::path(post, path = "/api/v1/reopen", operation_id = "reopen", tag = "windows", request_body = ReopenBody,
    params(("If-Match" = Option<String>, Header)),
    responses((status = 200, body = ChangeView)))]
pub(crate) async fn reopen(
    Desks(desk): Desks<Arc<Desk>>,
    Operator(caller): Operator,
    seen: IfMatch,
    Json(body): Json<ReopenBody>,
) -> Result<Response> {
    let (done, hosts) = desk.reopen(&caller, &seen, &body).await?;
    Ok(done.answer(&desk, StatusCode::OK, hosts))
}

/// The id of a window, or that there is none of that id.
pub(crate) fn window_id(text: &str) -> Result<WindowId> {
    text.parse().map_err(|error: backsoon::document::NotAWindow| Problem::not_found(error.to_string()))
}

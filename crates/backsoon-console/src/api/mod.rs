//! The API: every verb of the command line, one resource per file or folder.

pub(crate) mod difference;
pub(crate) mod events;
pub(crate) mod fleet;
pub(crate) mod history;
mod impact;
pub(crate) mod matching;
pub(crate) mod me;
pub(crate) mod passes;
pub(crate) mod people;
pub(crate) mod people_history;
pub(crate) mod receipt;
pub(crate) mod rehearse;
pub(crate) mod sessions;
pub(crate) mod since;
pub(crate) mod span;
pub(crate) mod state;
pub(crate) mod store;
pub(crate) mod tokens;
pub(crate) mod windows;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{delete, get, patch, post};
use http::{StatusCode, header};

use crate::console::Desk;
use crate::openapi;
use crate::problem::Problem;

/// Everything below `/api/v1`.
pub(crate) fn router() -> Router<Arc<Desk>> {
    Router::new()
        .route("/state", get(state::read))
        .route("/sites", get(state::sites))
        .route("/windows", post(windows::close))
        .route("/windows/{id}", patch(windows::amend).delete(windows::end))
        .route("/reopen", post(windows::reopen))
        .route("/rehearse", post(rehearse::rehearse))
        .route("/fleet", get(fleet::read))
        .route("/receipt", get(receipt::read))
        .route("/history", get(history::read))
        .route("/rollback", post(history::rollback))
        .route("/events", get(events::follow))
        .route("/me", get(me::read))
        .route("/me/sessions", get(sessions::mine))
        .route("/me/sessions/{id}", delete(sessions::end_mine))
        .route("/passes", get(passes::list).post(passes::invite))
        .route("/passes/{id}", delete(passes::revoke))
        .route("/people", get(people::list).post(people::add))
        .route("/people/{name}", patch(people::change).delete(people::remove))
        .route("/people-history", get(people_history::read))
        .route("/people/{name}/sessions", get(sessions::of))
        .route("/people/{name}/sessions/{id}", delete(sessions::end))
        .route("/tokens", get(tokens::list).post(tokens::issue))
        .route("/tokens/{id}", delete(tokens::revoke))
        .merge(store::router())
        .route("/openapi.json", get(openapi::read))
}

/// What is nowhere.
pub(crate) async fn nothing_here() -> Problem {
    Problem::not_found("there is nothing here; /api/v1/openapi.json lists what there is")
}

/// What is somewhere, but not for this method.
pub(crate) async fn not_this_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "this is not for that method; `Allow` names those that it is for",
    )
}

/// Gives what axum itself refuses the same form.
pub(crate) async fn hush(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_plain =
        response.headers().get(header::CONTENT_TYPE).is_none_or(|kind| kind == "text/plain; charset=utf-8");
    if (status.is_client_error() || status.is_server_error()) && is_plain {
        return Problem::new(status, status.canonical_reason().unwrap_or("it was not done")).into_response();
    }
    response
}

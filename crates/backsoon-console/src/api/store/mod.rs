//! `/store`: the store itself, for servers and command lines that have no connection to the database.
//!
//! Bytes with compare-and-swap, as [`backsoon::store::Store`] has them: a version is an ETag, `If-Match` and `If-None-Match: *`
//! are the modes of a put. Only tokens are let in. What belongs to the console is never reached ([`key`]), and what is written
//! in the State's place must be a State that follows the one before, signed with the token ([`state`]).

pub(crate) mod hints;
mod impact;
mod key;
pub(crate) mod listing;
mod state;
mod tag;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequestParts, State as Desks};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use backsoon::store::{Error, VALUE_LIMIT, Version};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use utoipa::ToSchema;

use self::impact::check_impact;
use self::key::{Area, area};
use self::state::must_be_operator;
use self::tag::{Mode, etag};
use crate::caller::Caller;
use crate::console::Desk;
use crate::form::Part;
use crate::people::Role;
use crate::problem::{Problem, Result};

/// The field of every answer that the store itself has given, and no proxy.
const MARK: HeaderName = HeaderName::from_static("backsoon-store");

/// The largest report in bytes: a hundred times a large one. All of them are read at once.
const REPORT_LIMIT: usize = 1024 * 1024;

/// Somebody who may use the store itself, by a token.
pub(crate) struct Server(pub(crate) Caller);

/// Any bytes.
#[derive(ToSchema)]
#[schema(format = Binary)]
#[expect(dead_code, reason = "only the document speaks of it")]
pub(crate) struct Value(String);

/// Everything of `/store`.
pub(super) fn router() -> Router<Arc<Desk>> {
    Router::new()
        .route("/store", get(listing::list))
        .route("/store/{*key}", get(read).put(write).delete(delete))
        .route("/store-events", get(hints::follow))
        // The usual limit stands inside of the largest value.
        .layer(DefaultBodyLimit::max(VALUE_LIMIT as usize))
}

/// Whether this path is one of the store's.
pub(crate) fn is_below(path: &str) -> bool {
    path.strip_prefix("/api/v1/store")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == "-events")
}

/// The value under a key.
#[utoipa::path(get, path = "/api/v1/store/{key}", operation_id = "get_entry", tag = "store",
    params(("key" = String, Path, description = "Its slashes may stand as they are")),
    responses(
        (status = 200, body = Value, content_type = "application/octet-stream",
            headers(("ETag" = String, description = "Its version")))))]
pub(crate) async fn read(
    Desks(desk): Desks<Arc<Desk>>,
    Server(_): Server,
    Part(key): Part,
) -> Result<Response> {
    area(&key)?;
    let entry = match desk.store.get(&key).await {
        Ok(Some(entry)) => entry,
        Ok(None) => {
            return Ok(marked(Problem::not_found(format!("there is nothing under `{key}`")), "missing"));
        }
        Err(error) => return failed(error),
    };
    let mut answer = marked(entry.value, "entry");
    tagged(&mut answer, &entry.version)?;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(answer)
}

/// Writes the value under a key: with `If-Match` in place of that version only, with `If-None-Match: *` if there is none, or
/// else in place of whatever is there.
#[utoipa::path(put, path = "/api/v1/store/{key}", operation_id = "put_entry", tag = "store",
    params(
        ("key" = String, Path, description = "Its slashes may stand as they are"),
        ("If-Match" = Option<String>, Header, description = "The ETag of the value to be replaced"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there must be none")),
    request_body(content = Value, content_type = "application/octet-stream"),
    responses((status = 204, description = "It is there", headers(("ETag" = String, description = "Its version")))))]
pub(crate) async fn write(
    Desks(desk): Desks<Arc<Desk>>,
    Server(caller): Server,
    Part(key): Part,
    mode: Mode,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response> {
    let area = area(&key)?;
    let value = body.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let overtaken = match area {
        Area::State => desk.check_state(&caller, &value, &mode).await?,
        Area::History => desk.check_history(&caller, &key, &value, &mode).await?,
        Area::Impact => check_impact(&caller, &key, &value, &mode)?,
        Area::Kept => desk.check_kept(&key, &value, &mode).await?,
        Area::Aside => must_be_operator(&caller).map(|()| state::Overtaken::No)?,
        Area::Fleet if value.len() > REPORT_LIMIT => {
            let sentence = format!("what a server says of itself has at most {REPORT_LIMIT} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, sentence));
        }
        Area::Fleet => state::Overtaken::No,
    };
    if overtaken == state::Overtaken::Yes {
        return failed(Error::Conflict { key });
    }
    match desk.store.put(&key, value, mode.0).await {
        Ok(version) => {
            if area == Area::State {
                desk.news.look_again();
                tracing::info!(by = %caller.signature(), "the state was changed by the API of the store");
            }
            let mut answer = marked(StatusCode::NO_CONTENT, "written");
            tagged(&mut answer, &version)?;
            Ok(answer)
        }
        Err(error) => failed(error),
    }
}

/// Takes the value under a key away; one that is not there has gone.
#[utoipa::path(delete, path = "/api/v1/store/{key}", operation_id = "delete_entry", tag = "store",
    params(("key" = String, Path, description = "Its slashes may stand as they are")),
    responses((status = 204, description = "There is nothing any more")))]
pub(crate) async fn delete(
    Desks(desk): Desks<Arc<Desk>>,
    Server(caller): Server,
    Part(key): Part,
) -> Result<Response> {
    match area(&key)? {
        Area::State => desk.check_removal(&caller).await?,
        Area::History | Area::Impact => {
            return Err(Problem::forbidden("what is in the history stays there"));
        }
        Area::Kept | Area::Aside => must_be_operator(&caller)?,
        Area::Fleet => {}
    }
    match desk.store.delete(&key).await {
        Ok(()) => Ok(marked(StatusCode::NO_CONTENT, "deleted")),
        Err(error) => failed(error),
    }
}

/// An answer that the store itself has given.
fn marked(answer: impl IntoResponse, what: &str) -> Response {
    let mut answer = answer.into_response();
    let what = HeaderValue::from_str(what).unwrap_or(HeaderValue::from_static("entry"));
    answer.headers_mut().insert(MARK, what);
    answer
}

fn tagged(answer: &mut Response, version: &Version) -> Result<()> {
    answer.headers_mut().insert(header::ETAG, etag(version)?);
    Ok(())
}

/// What the store could not do; conflicts and sizes are its own answers.
fn failed(error: Error) -> Result<Response> {
    let said = error.to_string();
    match error {
        Error::Conflict { .. } => Ok(marked(Problem::new(StatusCode::PRECONDITION_FAILED, said), "conflict")),
        Error::TooLarge { size, .. } => {
            Ok(marked(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, said), &size.to_string()))
        }
        error => Err(error.into()),
    }
}

// === impl Server ===

impl FromRequestParts<Arc<Desk>> for Server {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self> {
        let caller = Caller::by_token(parts, desk).await?;
        caller.must_be(Role::Server)?;
        Ok(Self(caller))
    }
}

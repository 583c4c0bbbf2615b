//! Callers that are known by a bearer token.

use backsoon::store;
use http::header;
use http::request::Parts;

use super::{Caller, How, recalled};
use crate::client::{Client, one};
use crate::console::Desk;
use crate::known::Vouched;
use crate::people::secret::fingerprint;
use crate::problem::{Problem, Result};

/// Whose token this request shows, or was while the store could say so.
pub(super) async fn by_token(parts: &Parts, desk: &Desk, client: &Client) -> Result<Caller> {
    let text = bearer(parts)?;
    let vouched = vouched(text, desk, client).await;
    vouched.unwrap_or_else(|error| recalled(parts, desk, &fingerprint(text), client, error))
}

/// Whose token `text` is, as the store says.
pub(super) async fn vouched(text: &str, desk: &Desk, client: &Client) -> store::Result<Result<Caller>> {
    let shown = fingerprint(text);
    let Some(token) = desk.tokens.verify(text).await? else {
        desk.known.forget(&shown);
        let attempt = desk.limits.attempt(client.address);
        let attempt =
            attempt.map_err(|wait| Problem::too_often(wait, "too many wrong tokens came from this address"));
        return Ok(attempt.and_then(|()| Err(unknown_token())));
    };
    let how = How::Token(token.id);
    let caller = Caller { name: token.name, role: token.role, how, from: client.address };
    desk.known.remember(&shown, &caller, Vouched::Here);
    Ok(Ok(caller))
}

pub(super) fn bearer(parts: &Parts) -> Result<&str> {
    let value = one(&parts.headers, header::AUTHORIZATION.as_str()).ok_or_else(unknown_token)?;
    let (scheme, text) = value.split_once(' ').ok_or_else(unknown_token)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(text.trim()) } else { Err(unknown_token()) }
}

fn unknown_token() -> Problem {
    Problem::unauthorized("this token is not known here, was revoked or has expired")
}

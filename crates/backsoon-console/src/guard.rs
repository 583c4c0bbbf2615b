//! What every request passes first, and what every answer carries.
//!
//! 1. The `Host` must be a name of this console: a page of another name that resolves here (DNS rebinding) gets nothing.
//! 2. An unsafe method that a browser sends must come from a page of this very origin, by `Sec-Fetch-Site` and `Origin`.
//! 3. Nobody asks more often than `limits` allows.
//! 4. A request that takes longer than [`PATIENCE`] to be read and answered is given up.
//!
//! In deployments the first two go wrong when a proxy in front changes `Host` and does not say so: name the proxy in
//! `trusted_proxies` and have it send `X-Forwarded-Host` and `X-Forwarded-Proto`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};

use crate::api;
use crate::client::{Client, one};
use crate::console::Desk;
use crate::problem::{Problem, Result};

/// How long a request may take to be read and answered; streams may go on for longer.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What every answer carries. No script at all may run inside of pages but the console's own files.
const FIELDS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Other sites get none. With `no-referrer` browsers would send `Origin: null` with our own forms (Fetch §3.2).
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// The outermost layer.
pub(crate) async fn guard(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut answer = match check(&desk, &parts) {
        Ok(client) => {
            parts.extensions.insert(client);
            let method = parts.method.clone();
            let answer = next.run(Request::from_parts(parts, body));
            let answer = tokio::time::timeout(PATIENCE, answer).await;
            answer.unwrap_or_else(|_| given_up(&method).into_response())
        }
        Err(problem) => problem.into_response(),
    };
    for (name, value) in &FIELDS {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

fn check(desk: &Desk, parts: &Parts) -> Result<Client> {
    let client = Client::of(parts, &desk.options.trusted_proxies)?;
    if !desk.answers_to(&client.host()) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this console does not answer to that host; `hosts` under [admin] in backsoon.toml names those that it answers to",
        ));
    }
    same_origin(&client, parts)?;
    let limit = match api::store::is_below(parts.uri.path()) {
        true => desk.limits.request_by_server(client.address),
        false => desk.limits.request(client.address),
    };
    limit.map_err(|wait| Problem::too_often(wait, "too many requests came from this address"))?;
    Ok(client)
}

/// What is said when [`PATIENCE`] is over. Nobody knows how far a change had come.
fn given_up(method: &Method) -> Problem {
    let mut detail = format!("this took longer than {} s and was given up", PATIENCE.as_secs());
    if is_unsafe(method) {
        detail += "; the change may have been written all the same: look at the state and the history (/history, GET /api/v1/history; of people and tokens /people/history) before you try again";
    }
    Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
}

/// Whether it may change something.
fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a browser says that another site's page sends this; who is no browser says nothing.
fn same_origin(client: &Client, parts: &Parts) -> Result<()> {
    if !is_unsafe(&parts.method) {
        return Ok(());
    }
    let says = |name: &str| parts.headers.contains_key(name).then(|| one(&parts.headers, name).unwrap_or(""));
    let site = says("sec-fetch-site");
    let foreign_site = site.is_some_and(|site| site != "same-origin");
    // Whoever forbids referrers by an extension sends `null`; that the site is the same no page can pretend.
    let own = |origin: &str| {
        origin.eq_ignore_ascii_case(&client.origin()) || origin == "null" && site == Some("same-origin")
    };
    let foreign_origin = says("origin").is_some_and(|origin| !own(origin));
    if foreign_site || foreign_origin {
        return Err(Problem::forbidden("a page of another origin has sent this, so it was not done"));
    }
    Ok(())
}

/// Whether a browser vouches that its own page sends this: needed wherever a cookie is enough to be somebody.
pub(crate) fn is_vouched_for(parts: &Parts) -> bool {
    // What it says has been checked before.
    parts.headers.contains_key("origin") || parts.headers.contains_key("sec-fetch-site")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_was_given_up_may_have_been_made_and_a_look_changes_nothing() {
        let said = given_up(&Method::POST);
        assert_eq!(said.status, StatusCode::REQUEST_TIMEOUT);
        assert!(said.detail.contains("may have been written") && said.detail.contains("/api/v1/history"));
        assert!(!given_up(&Method::GET).detail.contains("may have been written"));
    }
}

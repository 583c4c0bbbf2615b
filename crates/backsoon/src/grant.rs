//! The answer to the link of a pass: a cookie, and the way to the page that was asked for.
//!
//! Opening it twice, or by a program that looks at mails, does no harm: a link sets a cookie and nothing else, and
//! goes on doing so until its pass is over.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::decide::{Cause, Reason};
use crate::document::Pass;
use crate::pass::{self, COOKIE, COOKIE_ON_HTTPS, Presented};
use crate::reply::Reply;
use crate::request::{Request, Scheme};
use crate::snapshot::Settled;
use crate::time::Timestamp;

/// What is said of a link that opens nothing, where the site is open and has no page for it.
const NOTHING: &str = "This link is not valid, or not any more. Ask whoever sent it to you for a new one.\n";

/// Whether the request is for a link, however that is spelled; the application is never asked for it then.
#[inline]
pub(crate) fn is_asked_for(request: &Request<'_>) -> bool {
    request.path.starts_with(pass::PREFIX) || pass::is_misspelled(request.path)
}

/// The answer to a request for a link, at `now`.
pub(crate) fn answer(site: &Settled, request: &Request<'_>, now: Timestamp) -> (Reply, Cause) {
    // Open or closed: what servers read differently opens nothing.
    if !request.path.starts_with(pass::PREFIX) {
        return (nothing(request), Cause::new("link", None));
    }
    let passes = &site.policy().passes;
    let presented = Presented::read(request.path).filter(|_| matches!(request.method, "GET" | "HEAD"));
    let pass = presented.and_then(|presented| passes.presented(&presented, request.host));
    let granted = pass.filter(|pass| !pass.is_over(now)).and_then(|pass| {
        let cookie =
            set_cookie(pass, &passes.cookie(pass)?, site.policy().local.proxies.scheme(request), now)?;
        Some((pass, cookie))
    });
    let reply = match &granted {
        Some((_, cookie)) => welcome(cookie.clone(), &pass::target(request.path)),
        None if site.mode().is_closed() => closed(site, request, now),
        None => nothing(request),
    };
    (reply, Cause::new("link", granted.map(|(pass, _)| Arc::clone(pass.id.shared()))))
}

fn set_cookie(pass: &Pass, value: &str, scheme: Scheme, now: Timestamp) -> Option<HeaderValue> {
    let (name, secure) = match scheme {
        Scheme::Https => (COOKIE_ON_HTTPS, "; Secure"),
        Scheme::Http => (COOKIE, ""),
    };
    let age = pass.expires.since(now).as_secs();
    HeaderValue::try_from(format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly{secure}; SameSite=Lax"))
        .ok()
}

fn welcome(cookie: HeaderValue, to: &str) -> Reply {
    let mut headers = HeaderMap::with_capacity(5);
    headers.insert(SET_COOKIE, cookie);
    // Everything that is no ASCII was encoded, so this is always a header value.
    headers.insert(LOCATION, HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/")));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
    private(&mut headers);
    Reply {
        status: StatusCode::SEE_OTHER,
        headers: Arc::new(headers),
        retry_after: None,
        also: Vec::new(),
        body: Bytes::new(),
    }
}

/// What every visitor is told.
fn closed(site: &Settled, request: &Request<'_>, now: Timestamp) -> Reply {
    let policy = site.policy();
    let mut reply = site.reply(request, Reason::Mode(policy.mode, policy.window.as_ref()), now);
    private(Arc::make_mut(&mut reply.headers));
    reply
}

fn nothing(request: &Request<'_>) -> Reply {
    let mut headers = HeaderMap::with_capacity(5);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(NOTHING.len()));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    private(&mut headers);
    let body = if request.method == "HEAD" { Bytes::new() } else { Bytes::from_static(NOTHING.as_bytes()) };
    Reply {
        status: StatusCode::NOT_FOUND,
        headers: Arc::new(headers),
        retry_after: None,
        also: Vec::new(),
        body,
    }
}

/// The address has a secret in it: nobody is to keep the answer, or to hear where the visitor came from.
fn private(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

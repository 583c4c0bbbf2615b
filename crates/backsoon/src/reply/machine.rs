//! What programs need beyond a form: browsers that ask across origins, and gRPC.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL, CONTENT_TYPE, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::Reply;
use super::ready::Ready;
use crate::document::Page;
use crate::request::Request;

/// Fields of one reply alone.
pub(super) type Fields = Vec<(HeaderName, HeaderValue)>;

/// What scripts of other origins may read besides the few fields that they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static("Retry-After, Backsoon-Window");

/// gRPC's UNAVAILABLE: the one that clients try again after.
const UNAVAILABLE: HeaderValue = HeaderValue::from_static("14");

/// Whether this is a call by gRPC. `application/grpc-web` is not: its client in a browser reads HTTP's own 503.
pub(super) fn is_grpc(request: &Request<'_>) -> bool {
    request.method == "POST"
        && request.headers.first("content-type").is_some_and(|kind| {
            let (name, rest) = kind.split_at(kind.len().min("application/grpc".len()));
            name.eq_ignore_ascii_case(b"application/grpc") && matches!(rest.first(), None | Some(b'+' | b';'))
        })
}

/// A response of trailers alone: gRPC says 200 and puts its own status beside it.
pub(super) fn grpc(message: &str, window: Option<HeaderValue>) -> Ready {
    let mut headers = HeaderMap::with_capacity(6);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(HeaderName::from_static("grpc-status"), UNAVAILABLE);
    // Percent-encoded, it is visible ASCII.
    let message =
        HeaderValue::from_str(&percent_encoded(message)).unwrap_or(HeaderValue::from_static("closed"));
    headers.insert(HeaderName::from_static("grpc-message"), message);
    if let Some(window) = window {
        headers.insert(super::WINDOW_HEADER, window);
    }
    Ready { status: StatusCode::OK, headers: headers.into(), body: Bytes::new() }
}

/// How long a gRPC client is to wait, in milliseconds (gRFC A6). It is a 32-bit number there.
pub(super) fn pushback(seconds: u64) -> (HeaderName, HeaderValue) {
    let millis = seconds.saturating_mul(1000).min(i32::MAX as u64);
    (HeaderName::from_static("grpc-retry-pushback-ms"), HeaderValue::from(millis))
}

/// The fields by which a browser lets a script of the request's origin read the reply; nothing for other origins.
pub(super) fn cross_origin(page: &Page, request: &Request<'_>) -> Option<Fields> {
    let origin = request.headers.first("origin")?;
    let allowed =
        page.cors.iter().find(|allowed| allowed.is_any() || allowed.as_str().as_bytes() == origin)?;
    let mut fields = Fields::with_capacity(3);
    // An origin is ASCII, by `Origin::try_from`.
    fields.push((ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_str(allowed.as_str()).ok()?));
    fields.push((ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED));
    if !allowed.is_any() {
        fields.push((ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
    }
    Some(fields)
}

/// The answer to a browser that asks whether it may send a request, so that the request itself comes and hears why not.
pub(super) fn preflight(request: &Request<'_>, mut fields: Fields) -> Result<Reply, Fields> {
    let asked = |name: &str| HeaderValue::from_bytes(request.headers.first(name)?).ok();
    let method = asked("access-control-request-method").filter(|_| request.method == "OPTIONS");
    let Some(method) = method else { return Err(fields) };
    fields.push((ACCESS_CONTROL_ALLOW_METHODS, method));
    if let Some(names) = asked("access-control-request-headers") {
        fields.push((ACCESS_CONTROL_ALLOW_HEADERS, names));
    }
    let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
    fields.push((VARY, HeaderValue::from_static(vary)));
    fields.push((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    let headers = HeaderMap::from_iter(fields).into();
    Ok(Reply {
        status: StatusCode::NO_CONTENT,
        headers,
        retry_after: None,
        also: Fields::new(),
        body: Bytes::new(),
    })
}

/// As gRPC wants its messages: ASCII but for `%`, and everything else in percent.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

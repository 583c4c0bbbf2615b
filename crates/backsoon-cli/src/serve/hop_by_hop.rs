//! Fields that are meant for one connection only, and end here (RFC 9110 §7.6.1).
//!
//! `Trailer` and `TE: trailers` go on: hyper sends trailers over HTTP/1.1 only when both have announced them.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Fields that never pass, whether or not `Connection` names them.
static NEVER: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Fields that `Connection` cannot remove: who could drop them would change what the message is, or whom it reaches.
static NEVER_NAMED: [HeaderName; 3] = [header::HOST, header::CONTENT_LENGTH, header::TRAILER];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Absent,
    Present,
}

/// Removes the fields of this connection from `headers`.
pub(crate) fn strip(headers: &mut HeaderMap) {
    // One look at the names there are: most messages have one of these fields or none, and a lookup by name costs more.
    let mut present = [Presence::Absent; 6];
    for name in headers.keys() {
        if let Some(place) = NEVER.iter().position(|never| never == name) {
            present[place] = Presence::Present;
        }
    }
    if present.iter().all(|present| *present == Presence::Absent) {
        return;
    }
    for name in named(headers) {
        headers.remove(name);
    }
    let trailers = takes_trailers(headers);
    for (name, _) in NEVER.iter().zip(present).filter(|(_, present)| *present == Presence::Present) {
        headers.remove(name);
    }
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// Whether `Connection` carries the token `wanted`, in whatever case.
#[cfg_attr(not(feature = "tunnels"), allow(dead_code, reason = "only tunnels ask"))]
pub(crate) fn connection_says(headers: &HeaderMap, wanted: &str) -> bool {
    tokens(headers).any(|token| token.eq_ignore_ascii_case(wanted))
}

fn named(headers: &HeaderMap) -> Vec<HeaderName> {
    tokens(headers)
        .filter(|token| !token.eq_ignore_ascii_case("keep-alive") && !token.eq_ignore_ascii_case("close"))
        .filter_map(|token| HeaderName::try_from(token).ok())
        .filter(|name| !NEVER_NAMED.contains(name) && *name != header::TE)
        .collect()
}

fn tokens(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::CONNECTION).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

fn takes_trailers(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::TE).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_connection_ends_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Secret, host, content-length"),
            ("connection", "upgrade"),
            ("x-secret", "1"),
            ("host", "a"),
            ("content-length", "3"),
            ("keep-alive", "timeout=5"),
            ("upgrade", "h2c"),
            ("te", "gzip, Trailers"),
            ("transfer-encoding", "chunked"),
            ("proxy-connection", "keep-alive"),
            ("trailer", "x-sum"),
            ("accept", "*/*"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        assert!(connection_says(&headers, "Upgrade"));
        strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "content-length", "host", "te", "trailer"]);
        assert_eq!(headers[header::TE], "trailers");
    }
}

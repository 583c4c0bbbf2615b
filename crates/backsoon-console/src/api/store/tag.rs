//! Versions as ETags, and the conditions of a put.

use axum::extract::FromRequestParts;
use backsoon::store::{PutMode, Version};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::client::one;
use crate::problem::{Problem, Result};

/// When a put may replace what is there.
#[derive(Debug, Clone)]
pub(crate) struct Mode(pub(super) PutMode);

/// A version in an ETag. A store's version may be an ETag itself, so what cannot stand in one is `%` and two digits.
///
/// # Errors
/// Never in fact: what is left can be sent.
pub(super) fn etag(version: &Version) -> Result<HeaderValue> {
    HeaderValue::from_str(&format!("\"{}\"", written(version)))
        .map_err(|error| Problem::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))
}

/// The version in letters that can stand in an ETag.
pub(super) fn written(version: &Version) -> String {
    let mut text = String::new();
    for byte in version.0.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b':' | b'/' | b'+' | b'=' => {
                text.push(char::from(byte));
            }
            other => text.push_str(&format!("%{other:02x}")),
        }
    }
    text
}

/// The version that was written so; one that never was is nobody's, and still compares.
fn read(text: &str) -> Version {
    let (bytes, mut read, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) => (read.push(code), at += 3).0,
            None => (read.push(byte), at += 1).0,
        }
    }
    Version(String::from_utf8_lossy(&read).into_owned())
}

// === impl Mode ===

impl Mode {
    fn of(headers: &HeaderMap) -> Result<Self> {
        let wrong = || {
            let way_out = "send If-Match once, with the ETag of a value, or If-None-Match: *, or neither";
            Problem::new(StatusCode::BAD_REQUEST, way_out)
        };
        let sent = |name: HeaderName| match headers.contains_key(&name) {
            true => one(headers, name.as_str()).map(Some).ok_or_else(wrong),
            false => Ok(None),
        };
        let mode = match (sent(header::IF_MATCH)?, sent(header::IF_NONE_MATCH)?) {
            (None, None) => PutMode::Overwrite,
            (None, Some("*")) => PutMode::Create,
            (Some(tag), None) => {
                let tag = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
                PutMode::Update(read(tag.filter(|tag| !tag.contains('"')).ok_or_else(wrong)?))
            }
            _ => return Err(wrong()),
        };
        Ok(Self(mode))
    }
}

impl<S: Sync> FromRequestParts<S> for Mode {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_comes_back_from_its_tag() {
        for version in ["1", "\"d41d8cd9\"", "a%22b", "%", "ä b\n", "W/\"x\"", ""] {
            let version = Version(version.to_owned());
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, etag(&version).unwrap());
            assert_eq!(Mode::of(&headers).unwrap().0, PutMode::Update(version));
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for (name, value) in
            [("if-match", "*"), ("if-match", "\"1\", \"2\""), ("if-none-match", "\"1\""), ("if-match", "1")]
        {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(Mode::of(&headers).unwrap_err().status, 400, "{name}: {value}");
        }
    }
}

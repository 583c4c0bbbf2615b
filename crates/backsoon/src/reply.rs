//! The answer in place of the application's: ready bytes, made when the state changes.

use std::sync::Arc;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

mod html;
mod machine;
mod notice;
mod policy;
mod ready;
pub mod rehearse;
mod replies;
mod retry;
mod words;

pub(crate) use self::html::paper_and_ink;
pub use self::html::{PAGE, PAGE_NAME};
pub(crate) use self::notice::{Notice, Reopens};
pub(crate) use self::replies::Replies;

/// The header that names the window behind a refusal.
pub const WINDOW_HEADER: HeaderName = HeaderName::from_static("backsoon-window");

/// An answer, ready to be sent.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The header fields but for `Retry-After`.
    pub headers: Arc<HeaderMap>,
    /// When to come back, if that is known.
    pub retry_after: Option<HeaderValue>,
    /// More header fields, for this request alone.
    pub also: Vec<(HeaderName, HeaderValue)>,
    /// The body; empty for HEAD.
    pub body: Bytes,
}

// === impl Reply ===

impl Reply {
    /// All header fields in one map of the caller's own.
    pub fn header_map(&self) -> HeaderMap {
        let mut headers = HeaderMap::clone(&self.headers);
        if let Some(value) = &self.retry_after {
            headers.insert(RETRY_AFTER, value.clone());
        }
        for (name, value) in &self.also {
            headers.insert(name.clone(), value.clone());
        }
        headers
    }

    /// As a response of the `http` crate.
    pub fn into_response(self) -> http::Response<Bytes> {
        let headers = self.header_map();
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = headers;
        response
    }
}

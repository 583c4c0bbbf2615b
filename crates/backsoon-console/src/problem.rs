//! What is said when something is not done: problem details (RFC 9457) whose `detail` is a sentence with the way out.

use std::time::Duration;

use axum::extract::rejection::{FormRejection, JsonRejection, PathRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use backsoon::{control, store};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{people, tokens};

/// One problem, in the form of RFC 9457. Its `type` is `about:blank`: the status says what kind it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// The status in words.
    pub title: String,
    /// The status.
    #[serde(serialize_with = "number")]
    #[schema(value_type = u16, minimum = 400, maximum = 599)]
    pub status: StatusCode,
    /// What is wrong, and the way out.
    pub detail: String,
    /// With 412: the current ETag.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub etag: Option<String>,
    /// With 429 and 503: after how many seconds it is worth trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retry_after: Option<u64>,
}

/// What every fallible handler gives.
pub(crate) type Result<T, E = Problem> = std::result::Result<T, E>;

// === impl Problem ===

impl Problem {
    /// A problem of this status, in a sentence.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Error").to_owned();
        Self { title, status, detail: detail.into(), etag: None, retry_after: None }
    }

    /// Nobody, or nobody whom the console knows.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// Somebody who may not.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// What is asked for cannot be.
    pub(crate) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// It is not there.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Too often.
    pub(crate) fn too_often(wait: Duration, what: &str) -> Self {
        let seconds = wait.as_secs() + 1;
        let detail = format!("{what}; try again in {seconds} s");
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail) }
    }

    /// The store is away.
    pub(crate) fn away(detail: impl Into<String>) -> Self {
        Self { retry_after: Some(2), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: &'static str,
            #[serde(flatten)]
            problem: &'a Problem,
        }
        // Strings and numbers always serialise.
        let body = serde_json::to_vec(&Body { r#type: "about:blank", problem: &self }).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"backsoon\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(etag) = self.etag.as_deref().and_then(|etag| HeaderValue::from_str(etag).ok()) {
            headers.insert(header::ETAG, etag);
        }
        // A page shows the same to people.
        response.extensions_mut().insert(self);
        response
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        Self::away(error.to_string())
    }
}

impl From<control::Error> for Problem {
    fn from(error: control::Error) -> Self {
        match error {
            control::Error::Refused(why) => Self::unprocessable(why),
            control::Error::NoRevision { .. } => Self::not_found(error.to_string()),
            _ => Self::away(error.to_string()),
        }
    }
}

impl From<people::NotDone> for Problem {
    fn from(error: people::NotDone) -> Self {
        use people::NotDone as Why;
        let status = match &error {
            Why::Store(_) => return Self::away(error.to_string()),
            Why::Taken(_) | Why::AlreadyPeople => StatusCode::CONFLICT,
            Why::NoUser(_) => StatusCode::NOT_FOUND,
            Why::Weak(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Why::NoLink => StatusCode::GONE,
        };
        Self::new(status, error.to_string())
    }
}

impl From<tokens::NotDone> for Problem {
    fn from(error: tokens::NotDone) -> Self {
        match &error {
            tokens::NotDone::Store(_) => Self::away(error.to_string()),
            tokens::NotDone::NotAName => Self::unprocessable(error.to_string()),
            tokens::NotDone::NoToken(_) => Self::not_found(error.to_string()),
        }
    }
}

/// What axum says of a request that it could not read.
macro_rules! rejections {
    ($($rejection:ty),*) => {$(
        impl From<$rejection> for Problem {
            fn from(rejection: $rejection) -> Self {
                Self::new(rejection.status(), rejection.body_text())
            }
        }
    )*};
}

rejections!(JsonRejection, FormRejection, QueryRejection, PathRejection);

fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

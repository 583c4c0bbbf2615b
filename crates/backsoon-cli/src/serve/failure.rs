//! What the gate answers by itself when no upstream can: short, honest, and nothing about the inside.

use backsoon::accept::Form;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::answer::AnswerBody;

/// Why a request got no answer from an upstream. Details go to the log, never to the visitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection could be made: 502.
    Unreachable,
    /// The connection broke, or what came was no HTTP: 502.
    Broken,
    /// Nothing came in time: 504.
    TimedOut,
    /// No upstream answers for this host: 421 (RFC 9110 §15.5.20).
    UnknownHost,
    /// The request does not say which host it is for: 400.
    BadHost,
    /// A tunnel to anywhere (CONNECT), which a gate does not offer: 501.
    Tunnel,
}

// === impl Failure ===

impl Failure {
    /// The answer, in the form that the request's `Accept` asks for.
    pub(crate) fn answer(self, accept: Option<&HeaderValue>) -> Response<AnswerBody> {
        let form = accept.map_or(Form::Text, |accept| Form::of(&[("accept", accept.as_bytes())]));
        let mut response = Response::new(AnswerBody::from(self.page(form)));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        if form == Form::Html {
            let policy =
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        response
    }

    pub(crate) fn status(self) -> StatusCode {
        match self {
            Failure::Unreachable | Failure::Broken => StatusCode::BAD_GATEWAY,
            Failure::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Failure::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
            Failure::BadHost => StatusCode::BAD_REQUEST,
            Failure::Tunnel => StatusCode::NOT_IMPLEMENTED,
        }
    }

    /// One word for logs and metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Failure::Unreachable => "unreachable",
            Failure::Broken => "broken",
            Failure::TimedOut => "timeout",
            Failure::UnknownHost => "unknown_host",
            Failure::BadHost => "bad_host",
            Failure::Tunnel => "tunnel",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Failure::Unreachable | Failure::Broken => {
                "The site behind this address does not answer right now. Please try again in a moment."
            }
            Failure::TimedOut => {
                "The site behind this address took too long to answer. Please try again in a moment."
            }
            Failure::UnknownHost => "No site answers here under this name.",
            Failure::BadHost => "The request does not say clearly which site it is for.",
            Failure::Tunnel => "This server opens no tunnels.",
        }
    }

    fn page(self, form: Form) -> Bytes {
        let status = self.status();
        let (code, title) = (status.as_u16(), status.canonical_reason().unwrap_or("Error"));
        let sentence = self.sentence();
        let page = match form {
            Form::Html => include_str!("failure.html")
                .replace("{code}", status.as_str())
                .replace("{title}", title)
                .replace("{sentence}", sentence),
            Form::Json => format!(
                "{{\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{code},\"detail\":\"{sentence}\"}}\n"
            ),
            Form::Text => format!("{code} {title}\n\n{sentence}\n"),
        };
        Bytes::from(page)
    }
}

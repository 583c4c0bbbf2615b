//! How a question is answered.

use std::time::Duration;

use backsoon::Admission;
use backsoon::pass::PASS_HEADER;
use backsoon::reply::Reply;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, request};
use tracing::info;

use super::question::Question;
use super::wanted::Wanted;
use super::{RefuseStatus, Shared};
use crate::serve::forwarded::Peer;
use crate::serve::options::AccessLog;

/// The status that a refusal would have by itself.
const STATUS: HeaderName = HeaderName::from_static("backsoon-status");

// === impl Shared ===

impl Shared {
    /// What a question that came from `peer` gets.
    pub(super) async fn answer(&self, peer: &Peer, asked: request::Parts) -> Response<Bytes> {
        let proxy = peer.address().ip();
        if !peer.is_trusted() {
            self.warn(format_args!(
                "{proxy} asks, and is no trusted proxy: refused (trusted_proxies names those that may)"
            ));
            return sentence(StatusCode::FORBIDDEN, "Only a trusted proxy may ask here.\n");
        }
        let Some(wanted) = Wanted::of(&asked.uri) else {
            return sentence(
                StatusCode::NOT_FOUND,
                "Here are /auth, /auth?status=403, /auth?status=401 and /page.\n",
            );
        };
        let question = match Question::read(asked.headers, proxy, &self.trusted) {
            Ok(question) => question,
            Err(unclear) => {
                self.warn(format_args!("a question from {proxy} has no answer: {unclear}"));
                return sentence(
                    StatusCode::BAD_REQUEST,
                    format!("This question has no answer: {unclear}.\n"),
                );
            }
        };
        let answer = match wanted {
            Wanted::Answer(status) => self.decide(&question, &asked.method, status).await,
            Wanted::Page => self.page(&question, &asked.method).await,
        };
        if self.access_log == AccessLog::On {
            info!(
                target: "backsoon::access",
                %proxy,
                asked = wanted.path(),
                method = %question.method,
                host = question.host,
                path = &*question.path(),
                status = answer.status().as_u16(),
                "answered",
            );
        }
        answer
    }

    async fn decide(
        &self,
        question: &Question,
        asked_by: &Method,
        status: Option<RefuseStatus>,
    ) -> Response<Bytes> {
        match self.instance.admit_within(&question.request(), self.patience).await {
            Admission::Admitted(permit) => {
                self.figures.admitted(permit.cause());
                let mut open = Response::new(Bytes::new());
                if let Some(pass) = permit.pass().and_then(|pass| HeaderValue::from_str(pass).ok()) {
                    open.headers_mut().insert(PASS_HEADER, pass);
                }
                open.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                open
            }
            Admission::Refused(reply, cause) => {
                self.figures.refused(&cause);
                let mut answer = self.in_full(question, asked_by, reply);
                let own = answer.status();
                // To gRPC and to preflights a refusal is 200 or 204, which every proxy takes for "yes".
                let safe = own.is_success().then_some(StatusCode::SERVICE_UNAVAILABLE);
                if let Some(status) = status.or(self.refuse_status).map(RefuseStatus::code).or(safe) {
                    answer.headers_mut().insert(STATUS, HeaderValue::from(own.as_u16()));
                    *answer.status_mut() = status;
                }
                answer
            }
        }
    }

    /// What the visitor sees who has been refused just now.
    async fn page(&self, question: &Question, asked_by: &Method) -> Response<Bytes> {
        // Who had to wait has waited already.
        match self.instance.admit_within(&question.request(), Duration::ZERO).await {
            Admission::Refused(reply, _) => self.in_full(question, asked_by, reply),
            Admission::Admitted(_) => {
                let mut answer = sentence(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The site is open again. Please try once more.\n",
                );
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                answer
            }
        }
    }

    /// The reply as the answer to a question, which is mostly a GET though the visitor's request was a HEAD.
    fn in_full(&self, question: &Question, asked_by: &Method, reply: Reply) -> Response<Bytes> {
        let is_cut = question.method == Method::HEAD && asked_by != Method::HEAD;
        if !is_cut {
            return reply.into_response();
        }
        let mut get = question.request();
        get.method = "GET";
        match self.instance.admit_now(&get) {
            Ok(Admission::Refused(whole, _)) if whole.status == reply.status => whole.into_response(),
            _ => {
                let mut answer = reply.into_response();
                answer.headers_mut().remove(header::CONTENT_LENGTH);
                answer
            }
        }
    }
}

fn sentence(status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(text.into());
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

//! Forward-auth: a proxy that was there before asks here whether a visitor's request may pass, and serves it itself.
//!
//! | It asks for | and gets |
//! |---|---|
//! | `/auth` | 200 and nothing else where the request may pass; or else the very reply that the gate would give, with 503 if its own status would be a "yes" |
//! | `/auth?status=403` | the same, but a refusal has this status (or 401); the reply's own is in `Backsoon-Status` |
//! | `/auth/…` | as `/auth`, for proxies that put the visitor's path behind it; the fields alone are read |
//! | `/page` | the reply in full, for proxies that fetch the page by a second request |
//!
//! Only trusted proxies may ask: anybody else could ask in a visitor's name. A request that was let in here is not
//! counted, since only the proxy knows when it ends ([`Counts::Own`](backsoon::fleet::Counts)).

mod options;
mod question;

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backsoon::pass::PASS_HEADER;
use backsoon::reply::Reply;
use backsoon::rules::TrustedProxies;
use backsoon::{Admission, Instance};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header, request};
use http_body_util::Full;
use hyper::body::Incoming;
use tracing::{info, warn};

pub use self::options::{Options, RefuseStatus};
use self::question::Question;
use super::body::RequestBody;
use super::figures::Figures;
use super::forwarded::Peer;
use super::listener::{Answers, Reception};
use super::options::AccessLog;
use super::vigil::{Doings, RunningBody};

/// The status that a refusal would have by itself.
const STATUS: HeaderName = HeaderName::from_static("backsoon-status");
/// The pause between two warnings: whoever may not ask may ask often.
const QUIET: Duration = Duration::from_secs(10);

/// Where questions come in.
#[derive(Debug)]
pub(crate) struct Auth(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    instance: Arc<Instance>,
    trusted: TrustedProxies,
    figures: Arc<Figures>,
    patience: Duration,
    refuse_status: Option<RefuseStatus>,
    access_log: AccessLog,
    warned: Mutex<Option<Instant>>,
}

/// Where the questions of one connection come in.
#[derive(Debug)]
pub(crate) struct Questions {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    doings: Doings,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Answer(Option<RefuseStatus>),
    Page,
}

// === impl Auth ===

impl Auth {
    pub(crate) fn new(options: &super::Options, instance: Arc<Instance>, figures: Arc<Figures>) -> Self {
        Auth(Arc::new(Shared {
            instance,
            trusted: options.trusted_proxies.clone(),
            figures,
            patience: options.auth.patience,
            refuse_status: options.auth.refuse_status,
            access_log: options.access_log,
            warned: Mutex::default(),
        }))
    }
}

impl Reception for Auth {
    type Answers = Questions;

    fn of(&self, peer: Peer, doings: Doings) -> Questions {
        Questions { shared: Arc::clone(&self.0), peer: Arc::new(peer), doings }
    }
}

// === impl Questions ===

impl Answers for Questions {
    type Body = RunningBody<Full<Bytes>>;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Infallible>> + Send + 'static {
        let running = self.doings.begin();
        let (shared, peer) = (Arc::clone(&self.shared), Arc::clone(&self.peer));
        async move {
            let (parts, body) = request.into_parts();
            // Some proxies send the visitor's body along, which decides nothing.
            drop(RequestBody::new(body, parts.version, &parts.headers));
            let answer = shared.answer(&peer, parts).await;
            Ok(answer.map(|bytes| running.until_the_end_of(Full::new(bytes))))
        }
    }
}

// === impl Shared ===

impl Shared {
    async fn answer(&self, peer: &Peer, asked: request::Parts) -> Response<Bytes> {
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

    fn warn(&self, what: std::fmt::Arguments<'_>) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() >= QUIET) {
            *warned = Some(Instant::now());
            warn!("{what}");
        }
    }
}

// === impl Wanted ===

impl Wanted {
    fn of(uri: &Uri) -> Option<Self> {
        match (uri.path(), uri.query()) {
            ("/auth", None) => Some(Wanted::Answer(None)),
            ("/auth", Some("status=401")) => Some(Wanted::Answer(Some(RefuseStatus::Unauthorized))),
            ("/auth", Some("status=403")) => Some(Wanted::Answer(Some(RefuseStatus::Forbidden))),
            ("/page", _) => Some(Wanted::Page),
            // Behind it are the visitor's path and query, which choose nothing here.
            (path, _) if path.starts_with("/auth/") => Some(Wanted::Answer(None)),
            _ => None,
        }
    }

    /// Without the visitor's own path, which some proxies put behind it: that of a pass's link is a secret.
    fn path(self) -> &'static str {
        match self {
            Wanted::Answer(_) => "/auth",
            Wanted::Page => "/page",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitors_path_behind_the_proxys_chooses_nothing() {
        let wanted = |uri: &str| Wanted::of(&uri.parse().unwrap());
        assert_eq!(wanted("/auth"), Some(Wanted::Answer(None)));
        assert_eq!(wanted("/auth?status=403"), Some(Wanted::Answer(Some(RefuseStatus::Forbidden))));
        assert_eq!(wanted("/auth/page?status=403"), Some(Wanted::Answer(None)));
        for nothing in ["/", "/authority", "/auth?status=200", "/auth?status=403&a", "/page/a", "/healthz"] {
            assert_eq!(wanted(nothing), None, "{nothing}");
        }
    }
}

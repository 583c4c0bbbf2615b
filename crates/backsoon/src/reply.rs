//! The answer in place of the application's: ready bytes, made when the state changes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use minijinja::{Environment, context};
use serde::Serialize;

use crate::accept::Form;
use crate::document::{Mode, Page, RetryAfterForm, Template, Window, plain_host};
use crate::request::Request;
use crate::time::Timestamp;

/// The header that names the window behind a refusal.
pub const WINDOW_HEADER: HeaderName = HeaderName::from_static("backsoon-window");

/// The built-in page.
pub const PAGE: &str = include_str!("page.html");

/// Nothing from elsewhere, no script, no frames: the page is text, style and a drawing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An answer, ready to be sent.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The header fields but for `Retry-After`.
    pub headers: Arc<HeaderMap>,
    /// When to come back, if that is known.
    pub retry_after: Option<HeaderValue>,
    /// The body; empty for HEAD.
    pub body: Bytes,
}

/// What the replies of one site say.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notice {
    pub(crate) page: Arc<Page>,
    /// The window that visitors are told about.
    pub(crate) window: Option<Window>,
    /// When requests of each kind pass again, if that is known.
    pub(crate) reopens: Reopens,
}

/// From when on no known window refuses: safe requests, and all requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reopens {
    pub(crate) safe: Option<Timestamp>,
    pub(crate) all: Option<Timestamp>,
}

/// The replies of one site in every form.
#[derive(Debug)]
pub(crate) struct Replies {
    notice: Notice,
    html: Ready,
    json: Ready,
    text: Ready,
    redirect: Option<Ready>,
    /// Why the site's own page is not shown, if it is not.
    pub(crate) trouble: Option<String>,
}

#[derive(Debug)]
struct Ready {
    status: StatusCode,
    headers: Arc<HeaderMap>,
    body: Bytes,
}

/// Problem details (RFC 9457), with the window as extension members.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Timestamp>,
}

// === impl Reply ===

impl Reply {
    /// All header fields in one map of the caller's own.
    pub fn header_map(&self) -> HeaderMap {
        let mut headers = HeaderMap::clone(&self.headers);
        if let Some(value) = &self.retry_after {
            headers.insert(RETRY_AFTER, value.clone());
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

// === impl Replies ===

impl Replies {
    /// Renders every form. A page of the site's own that fails is replaced by the built-in one.
    pub(crate) fn render(notice: Notice) -> Self {
        let page = &notice.page;
        let window = notice.window.as_ref();
        let read_only = window.is_some_and(|window| window.mode == Mode::ReadOnly);
        let title = match page.title.as_deref() {
            _ if read_only => "Changes are paused",
            Some(title) => title,
            None => "We’ll be back soon",
        };
        let message = window.and_then(|window| window.message.as_deref()).or(page.message.as_deref());
        let end =
            if read_only { notice.reopens.all } else { notice.reopens.safe }.filter(|_| window.is_some());

        let problem = Problem {
            r#type: "about:blank",
            title,
            status: page.status.as_u16(),
            detail: message,
            window: window.map(|window| window.id.as_str()),
            start: window.and_then(|window| window.start),
            end,
        };
        let values = context! {
            title, message, read_only,
            status => page.status.as_u16(),
            window => problem.window,
            start => problem.start.map(|start| start.to_string()),
            end => end.map(|end| end.to_string()),
            end_text => end.map(Timestamp::plain),
        };
        let source = page.html.as_ref().map_or(PAGE, Template::source);
        let filled = fill(source, &values);
        let trouble =
            filled.as_ref().err().map(|error| format!("its page is not shown as written: {error:#}"));
        // Plain markup is better than nothing, should even the built-in page fail.
        let html = filled
            .or_else(|_| fill(PAGE, &values))
            .unwrap_or_else(|_| format!("<!doctype html><h1>{}</h1>", page.status.as_u16()));
        let text = text(title, message, end);
        let json = serde_json::to_vec(&problem).unwrap_or_default();

        let status = StatusCode::from_u16(page.status.as_u16()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let ready = |form: Form, body: Vec<u8>| Ready::new(status, form, body, problem.window);
        let redirect = page.redirect.as_ref().map(|redirect| {
            let mut ready = ready(Form::Text, format!("{}\n", redirect.to()).into_bytes());
            let headers = Arc::make_mut(&mut ready.headers);
            // `Redirect::new` accepts only ASCII without controls (a URI), so neither fallback is ever taken.
            headers.insert(
                LOCATION,
                HeaderValue::from_str(redirect.to()).unwrap_or(HeaderValue::from_static("/")),
            );
            ready.status = StatusCode::from_u16(redirect.status()).unwrap_or(StatusCode::FOUND);
            ready
        });
        Self {
            html: ready(Form::Html, html.into_bytes()),
            json: ready(Form::Json, json),
            text: ready(Form::Text, text.into_bytes()),
            redirect,
            trouble,
            notice,
        }
    }

    /// The reply to `request`, refused at `now`.
    pub(crate) fn reply(&self, request: &Request<'_>, now: Timestamp) -> Reply {
        let ready = match &self.redirect {
            Some(redirect) if !self.leads_back(request) => redirect,
            _ => match Form::of(request.headers) {
                Form::Html => &self.html,
                Form::Json => &self.json,
                Form::Text => &self.text,
            },
        };
        Reply {
            status: ready.status,
            headers: Arc::clone(&ready.headers),
            retry_after: self.retry_after(request, now),
            body: if request.method == "HEAD" { Bytes::new() } else { ready.body.clone() },
        }
    }

    pub(crate) fn notice(&self) -> &Notice {
        &self.notice
    }

    /// Whether the redirect would lead to where the request already is.
    fn leads_back(&self, request: &Request<'_>) -> bool {
        let Some(redirect) = &self.notice.page.redirect else { return false };
        let (host, path) = redirect.target();
        let here = request.path.split_once('?').map_or(request.path, |(path, _)| path);
        path == here && host.is_none_or(|host| host == plain_host(request.host))
    }

    fn retry_after(&self, request: &Request<'_>, now: Timestamp) -> Option<HeaderValue> {
        let page = &self.notice.page;
        let reopens = if request.is_safe() { self.notice.reopens.safe } else { self.notice.reopens.all };
        let wait = match (page.retry_after, reopens) {
            (Some(fixed), _) => Duration::from_secs(fixed.into()),
            // Never nothing: whoever comes back then must not come too early.
            (None, Some(at)) => at.since(now).max(Duration::from_nanos(1)),
            (None, None) => return None,
        };
        let jitter = if page.retry_jitter == 0 { 0 } else { fastrand::u64(0..=u64::from(page.retry_jitter)) };
        let wait = wait + Duration::from_secs(jitter);
        // Both forms are whole seconds, and are rounded up for the same reason.
        let almost = Duration::from_nanos(999_999_999);
        Some(match page.retry_after_form {
            RetryAfterForm::Seconds => HeaderValue::from((wait + almost).as_secs()),
            RetryAfterForm::Date => {
                let date = (now + wait + almost).whole_seconds().http_date();
                // An HTTP-date is ASCII, so this is always a header value.
                HeaderValue::from_str(&date).unwrap_or(HeaderValue::from((wait + almost).as_secs()))
            }
        })
    }
}

fn fill(source: &str, values: &minijinja::Value) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::SemiStrict);
    environment.render_named_str("page.html", source, values)
}

fn text(title: &str, message: Option<&str>, end: Option<Timestamp>) -> String {
    let mut text = format!("{title}\n");
    if let Some(message) = message {
        text.push_str(&format!("\n{message}\n"));
    }
    if let Some(end) = end {
        text.push_str(&format!("\nExpected back: {}\n", end.plain()));
    }
    text
}

// === impl Ready ===

impl Ready {
    fn new(status: StatusCode, form: Form, body: Vec<u8>, window: Option<&str>) -> Self {
        let mut headers = HeaderMap::with_capacity(10);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("Accept"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if form == Form::Html {
            headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        }
        if let Some(window) = window.and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(WINDOW_HEADER, window);
        }
        Self { status, headers: Arc::new(headers), body: body.into() }
    }
}

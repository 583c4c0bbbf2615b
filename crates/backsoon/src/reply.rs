//! The answer in place of the application's: ready bytes, made when the state changes.

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION,
    RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

mod html;
mod machine;
pub mod rehearse;
mod words;

pub(crate) use self::html::paper_and_ink;
pub use self::html::{PAGE, PAGE_NAME};
use self::html::{Reader, Rigour, SCRIPT_DIGEST, Sent};
use self::words::{Language, languages};
use crate::accept::{Form, language};
use crate::document::{LanguageTag, Mode, Page, RetryAfterForm, Window, plain_host};
use crate::request::Request;
use crate::time::Timestamp;

/// The header that names the window behind a refusal.
pub const WINDOW_HEADER: HeaderName = HeaderName::from_static("backsoon-window");

/// Nothing from elsewhere, no frames, no script but the built-in page's own, which may ask its own site whether it is open.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| policy("data:"));

/// The same, for a page whose logo is a file of the site.
static POLICY_WITH_FILES: LazyLock<HeaderValue> = LazyLock::new(|| policy("data: 'self'"));

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

/// The replies of one site in every form, each made when somebody asks for it first.
#[derive(Debug)]
pub(crate) struct Replies {
    notice: Notice,
    /// By language, and whether something was sent. Boxed, since most sites are open and nobody needs theirs.
    html: OnceLock<Box<[OnceLock<Ready>]>>,
    json: OnceLock<Ready>,
    text: OnceLock<Ready>,
    redirect: OnceLock<Ready>,
    grpc: OnceLock<Ready>,
    /// The language for those who ask for none of them, by its index.
    everybody: usize,
    trouble: OnceLock<String>,
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

// === impl Notice ===

impl Notice {
    pub(crate) fn is_read_only(&self) -> bool {
        self.window.as_ref().is_some_and(|window| window.mode == Mode::ReadOnly)
    }

    /// The operator's title, or the built-in one: in English for programs.
    fn title(&self, language: Option<&Language>) -> &str {
        let words = &language.unwrap_or(&languages()[0]).words;
        match self.page.title.as_deref() {
            _ if self.is_read_only() => words.paused,
            Some(title) => title,
            None => words.title,
        }
    }

    fn message(&self) -> Option<&str> {
        let window = self.window.as_ref();
        window.and_then(|window| window.message.as_deref()).or(self.page.message.as_deref())
    }

    /// From when on the window's kind of refusal is over.
    fn end(&self) -> Option<Timestamp> {
        let end = if self.is_read_only() { self.reopens.all } else { self.reopens.safe };
        end.filter(|_| self.window.is_some())
    }
}

// === impl Replies ===

impl Replies {
    /// The replies that say `notice`. Only an own page is filled in at once, to know whether it can be.
    pub(crate) fn new(notice: Notice) -> Self {
        let asked = notice.page.language.as_ref().map(LanguageTag::as_str);
        let everybody = asked.and_then(|tag| words::find(tag.as_bytes())).unwrap_or(0);
        let replies = Self {
            notice,
            html: OnceLock::new(),
            json: OnceLock::new(),
            text: OnceLock::new(),
            redirect: OnceLock::new(),
            grpc: OnceLock::new(),
            everybody,
            trouble: OnceLock::new(),
        };
        if replies.notice.page.html.is_some() {
            let sent = if replies.notice.is_read_only() { Sent::Something } else { Sent::Nothing };
            let _ = replies.fill(Reader { language: &languages()[everybody], sent });
        }
        replies
    }

    /// The reply to `request`, refused at `now`.
    pub(crate) fn reply(&self, request: &Request<'_>, now: Timestamp) -> Reply {
        let mut also = Vec::new();
        if !self.notice.page.cors.is_empty()
            && let Some(fields) = machine::cross_origin(&self.notice.page, request)
        {
            match machine::preflight(request, fields) {
                Ok(reply) => return reply,
                Err(fields) => also = fields,
            }
        }
        let wait = self.wait(request, now);
        let ready = if machine::is_grpc(request) {
            also.extend(wait.map(|wait| machine::pushback(rounded_up(wait))));
            self.grpc.get_or_init(|| self.make_grpc())
        } else if self.notice.page.redirect.is_some() && !self.leads_back(request) {
            self.redirect.get_or_init(|| self.make_redirect())
        } else {
            match Form::of(request.headers) {
                Form::Html => self.html(request),
                Form::Json => self.json.get_or_init(|| self.make_json()),
                Form::Text => self.text.get_or_init(|| self.make_text()),
            }
        };
        Reply {
            status: ready.status,
            headers: Arc::clone(&ready.headers),
            retry_after: wait.map(|wait| self.retry_after(wait, now)),
            also,
            body: if request.method == "HEAD" { Bytes::new() } else { ready.body.clone() },
        }
    }

    /// Why the site's own page is not shown as written, if it is not.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.trouble.get().map(String::as_str)
    }

    fn html(&self, request: &Request<'_>) -> &Ready {
        let all = languages();
        let pages = self.html.get_or_init(|| (0..2 * all.len()).map(|_| OnceLock::new()).collect());
        let index = language(request.headers, words::find).unwrap_or(self.everybody);
        let sent = if matches!(request.method, "GET" | "HEAD") { Sent::Nothing } else { Sent::Something };
        pages[2 * index + usize::from(sent == Sent::Something)]
            .get_or_init(|| self.make_html(Reader { language: &all[index], sent }))
    }

    fn make_html(&self, reader: Reader) -> Ready {
        let mut ready = self.ready(Form::Html, self.fill(reader).into_bytes());
        let headers = Arc::make_mut(&mut ready.headers);
        headers.insert(CONTENT_SECURITY_POLICY, policy_of(&self.notice.page));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(reader.language.language));
        ready
    }

    /// A page of the site's own that fails is replaced by the built-in one, and that is remembered.
    fn fill(&self, reader: Reader) -> String {
        let own = self.notice.page.html.as_ref();
        let filled = html::fill(own, &self.notice, reader, Rigour::Lenient);
        if let Err(error) = &filled {
            let _ = self.trouble.set(format!("its page is not shown as written: {error:#}"));
        }
        // Plain markup is better than nothing, should even the built-in page fail.
        filled
            .or_else(|_| html::fill(None, &self.notice, reader, Rigour::Lenient))
            .unwrap_or_else(|_| format!("<!doctype html><h1>{}</h1>", self.notice.page.status.as_u16()))
    }

    fn make_json(&self) -> Ready {
        let notice = &self.notice;
        let window = notice.window.as_ref();
        let problem = Problem {
            r#type: "about:blank",
            title: notice.title(None),
            status: notice.page.status.as_u16(),
            detail: notice.message(),
            window: window.map(|window| window.id.as_str()),
            start: window.and_then(|window| window.start),
            end: notice.end(),
        };
        self.ready(Form::Json, serde_json::to_vec(&problem).unwrap_or_default())
    }

    fn make_grpc(&self) -> Ready {
        let notice = &self.notice;
        let title = notice.title(None);
        let message =
            notice.message().map_or_else(|| title.to_owned(), |message| format!("{title}: {message}"));
        machine::grpc(&message, window_field(notice))
    }

    fn make_text(&self) -> Ready {
        let notice = &self.notice;
        let mut text = format!("{}\n", notice.title(None));
        if let Some(message) = notice.message() {
            text.push_str(&format!("\n{message}\n"));
        }
        if let Some(end) = notice.end() {
            text.push_str(&format!("\nExpected back: {}\n", end.plain()));
        }
        self.ready(Form::Text, text.into_bytes())
    }

    fn make_redirect(&self) -> Ready {
        let redirect = self.notice.page.redirect.as_ref();
        let to = redirect.map_or("/", |redirect| redirect.to());
        let mut ready = self.ready(Form::Text, format!("{to}\n").into_bytes());
        let headers = Arc::make_mut(&mut ready.headers);
        // `Redirect::new` accepts only ASCII without controls (a URI), so neither fallback is ever taken.
        headers.insert(LOCATION, HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/")));
        ready.status = redirect
            .and_then(|redirect| StatusCode::from_u16(redirect.status()).ok())
            .unwrap_or(StatusCode::FOUND);
        ready
    }

    fn ready(&self, form: Form, body: Vec<u8>) -> Ready {
        let status = StatusCode::from_u16(self.notice.page.status.as_u16());
        Ready::new(status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE), form, body, &self.notice)
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

    /// How long to wait from `now` on, if that is known.
    fn wait(&self, request: &Request<'_>, now: Timestamp) -> Option<Duration> {
        let page = &self.notice.page;
        let reopens = if request.is_safe() { self.notice.reopens.safe } else { self.notice.reopens.all };
        let wait = match (page.retry_after, reopens) {
            (Some(fixed), _) => Duration::from_secs(fixed.into()),
            // Never nothing: whoever comes back then must not come too early.
            (None, Some(at)) => at.since(now).max(Duration::from_nanos(1)),
            (None, None) => return None,
        };
        let jitter = if page.retry_jitter == 0 { 0 } else { fastrand::u64(0..=u64::from(page.retry_jitter)) };
        Some(wait + Duration::from_secs(jitter))
    }

    fn retry_after(&self, wait: Duration, now: Timestamp) -> HeaderValue {
        match self.notice.page.retry_after_form {
            RetryAfterForm::Seconds => HeaderValue::from(rounded_up(wait)),
            RetryAfterForm::Date => {
                let date = (now + wait + ALMOST_A_SECOND).whole_seconds().http_date();
                // An HTTP-date is ASCII, so this is always a header value.
                HeaderValue::from_str(&date).unwrap_or(HeaderValue::from(rounded_up(wait)))
            }
        }
    }
}

/// What the page of a site may load and run.
fn policy_of(page: &Page) -> HeaderValue {
    let is_file = page.logo.as_ref().is_some_and(|logo| logo.path().is_some());
    HeaderValue::clone(if is_file { &POLICY_WITH_FILES } else { &POLICY })
}

fn policy(images: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'none'; script-src '{SCRIPT_DIGEST}'; connect-src 'self'; style-src 'unsafe-inline'; img-src {images}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // It is ASCII; whatever it were instead, nothing may run.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// Whoever is told whole seconds must not come too early, so they are rounded up.
const ALMOST_A_SECOND: Duration = Duration::from_nanos(999_999_999);

fn rounded_up(wait: Duration) -> u64 {
    wait.saturating_add(ALMOST_A_SECOND).as_secs()
}

fn window_field(notice: &Notice) -> Option<HeaderValue> {
    let window = notice.window.as_ref()?;
    HeaderValue::from_str(window.id.as_str()).ok()
}

// === impl Ready ===

impl Ready {
    fn new(status: StatusCode, form: Form, body: Vec<u8>, notice: &Notice) -> Self {
        let mut headers = HeaderMap::with_capacity(10);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let vary = match notice.page.cors.is_empty() {
            true => "Accept, Accept-Language",
            false => "Accept, Accept-Language, Origin",
        };
        headers.insert(VARY, HeaderValue::from_static(vary));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(window) = window_field(notice) {
            headers.insert(WINDOW_HEADER, window);
        }
        Self { status, headers: Arc::new(headers), body: body.into() }
    }
}

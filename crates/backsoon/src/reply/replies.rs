//! The replies of one site, each made when somebody asks for it first.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, LOCATION};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::html::{self, Reader, Rigour, Sent};
use super::policy::policy_of;
use super::ready::{Ready, window_field};
use super::retry::rounded_up;
use super::words::{self, languages};
use super::{Notice, Reply, machine};
use crate::accept::{Form, language};
use crate::document::{LanguageTag, plain_host};
use crate::request::Request;
use crate::time::Timestamp;

/// The replies of one site in every form, each made when somebody asks for it first.
#[derive(Debug)]
pub(crate) struct Replies {
    pub(super) notice: Notice,
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
}

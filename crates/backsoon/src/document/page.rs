//! How a site says that it is closed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Origin;
use super::look::{LanguageTag, Logo, Palette};

/// What a refused visitor gets. Every part has a default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Page {
    /// The status of the refusal.
    pub status: Status,
    /// The headline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What visitors are told when the window says nothing itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The language of the title, of every message and of the name. It is also the page's, for visitors who ask for none
    /// that it speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<LanguageTag>,
    /// Whose site it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Shown above the headline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo: Option<Logo>,
    /// The colours by day, and by night as well where `dark` says nothing.
    #[serde(alias = "colors", skip_serializing_if = "Palette::is_empty")]
    pub colours: Palette,
    /// The colours for those whose screen is dark.
    #[serde(skip_serializing_if = "Palette::is_empty")]
    pub dark: Palette,
    /// A fixed `Retry-After` in seconds, in place of the one worked out from the window's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Up to this many seconds are added to `Retry-After` at random, so that not everybody comes back at once.
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_jitter: u32,
    /// How `Retry-After` is written (RFC 9110 §10.2.3).
    pub retry_after_form: RetryAfterForm,
    /// Sends visitors elsewhere instead of showing a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// The origins whose scripts may read a refusal in a browser, and whose preflights are answered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cors: Vec<Origin>,
    /// So many seconds before a window begins, answers of the open site begin to say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announce: Option<u32>,
    /// Whether crawlers may read `/robots.txt` while the site is closed.
    #[serde(skip_serializing_if = "Robots::is_open")]
    pub robots: Robots,
    /// An own page in place of the built-in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<Template>,
}

/// Whether the built-in rule keeps GET and HEAD of `/robots.txt` open: crawlers take a site whose rules they cannot read for one
/// that forbids everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Robots {
    /// It does.
    #[default]
    Open,
    /// It does not.
    Closed,
}

/// A status from 400 to 599; 503 unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Status(u16);

/// The number is no status that a refusal may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "status {0} is not between 400 and 599; a refusal that looks like success gets cached and indexed (503 is the usual one)"
)]
pub struct NotARefusal(u16);

/// How `Retry-After` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryAfterForm {
    /// Seconds from now.
    #[default]
    Seconds,
    /// An HTTP-date.
    Date,
}

/// Where visitors are sent instead of being shown a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "GivenRedirect")]
pub struct Redirect {
    to: String,
    status: u16,
}

/// The redirect leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotARedirect {
    /// The status is another one.
    #[error("a redirect has status 302 or 307, not {0}: permanent ones are remembered after the reopening")]
    Status(u16),
    /// The target is no URL.
    #[error("`{0}` is no target for a redirect; write a path (/down) or a URL (https://status.example.com/)")]
    Target(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenRedirect {
    to: String,
    #[serde(default = "found")]
    status: u16,
}

/// The source of a page in Jinja syntax, known to parse.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template(String);

/// The source does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the page's template does not parse: {0}")]
pub struct NotATemplate(String);

// === impl Page ===

impl Page {
    /// Whether it has words that only documents of schema 2 may have.
    pub(super) fn needs_second_schema(&self) -> bool {
        let Self { language, name, logo, colours, dark, cors, announce, robots, html, .. } = self;
        // Pages that build on others did not even parse.
        let builds = |html: &Template| {
            ["extends", "block", "include", "import"].iter().any(|word| html.0.contains(word))
        };
        language.is_some()
            || name.is_some()
            || logo.is_some()
            || !(colours.is_empty() && dark.is_empty() && cors.is_empty() && robots.is_open())
            || announce.is_some()
            || html.as_ref().is_some_and(builds)
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

// === impl Robots ===

impl Robots {
    fn is_open(&self) -> bool {
        *self == Self::Open
    }
}

// === impl Status ===

impl Status {
    /// The number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }
}

impl Default for Status {
    fn default() -> Self {
        Self(503)
    }
}

impl TryFrom<u16> for Status {
    type Error = NotARefusal;

    fn try_from(status: u16) -> Result<Self, NotARefusal> {
        if (400..=599).contains(&status) { Ok(Self(status)) } else { Err(NotARefusal(status)) }
    }
}

impl From<Status> for u16 {
    fn from(status: Status) -> Self {
        status.0
    }
}

// === impl Redirect ===

fn found() -> u16 {
    302
}

impl Redirect {
    /// A redirect to a path of the same host or to a URL.
    ///
    /// # Errors
    /// When the status is neither 302 nor 307, or `to` is neither a path nor an http(s) URL.
    pub fn new(to: &str, status: u16) -> Result<Self, NotARedirect> {
        if !matches!(status, 302 | 307) {
            return Err(NotARedirect::Status(status));
        }
        let bad = || NotARedirect::Target(to.to_owned());
        // `//host` is a URL of another host in disguise (RFC 3986 §4.2), and so is `/\host` to browsers.
        let local = to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\");
        let remote =
            ["http://", "https://"].iter().any(|scheme| to.len() > scheme.len() && to.starts_with(scheme));
        let uri: http::Uri = to.parse().map_err(|_| bad())?;
        let complete = local || remote && uri.host().is_some_and(|host| !host.is_empty());
        if complete && to.is_ascii() { Ok(Self { to: to.to_owned(), status }) } else { Err(bad()) }
    }

    /// The value of `Location`.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// 302 or 307.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The host it leads to (none: the same host) and the path there.
    pub fn target(&self) -> (Option<String>, String) {
        // `new` has parsed it before.
        let uri: http::Uri = self.to.parse().unwrap_or_default();
        (uri.host().map(str::to_ascii_lowercase), uri.path().to_owned())
    }
}

impl TryFrom<GivenRedirect> for Redirect {
    type Error = NotARedirect;

    fn try_from(given: GivenRedirect) -> Result<Self, NotARedirect> {
        Self::new(&given.to, given.status)
    }
}

// === impl Template ===

impl Template {
    /// The source.
    pub fn source(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Template {
    type Error = NotATemplate;

    fn try_from(source: String) -> Result<Self, NotATemplate> {
        if source.len() > 256 * 1024 {
            return Err(NotATemplate(format!("it is {} bytes long, and 262144 are allowed", source.len())));
        }
        minijinja::Environment::empty()
            .template_from_named_str("page.html", &source)
            .map_err(|error| NotATemplate(format!("{error}")))?;
        Ok(Self(source))
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.0
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} bytes)", self.0.len())
    }
}

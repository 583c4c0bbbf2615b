//! A page tried out before anybody sees it: in every language and for every kind of refusal.

use std::sync::Arc;
use std::time::Duration;

use super::html::{Reader, Rigour, Sent, fill};
use super::words::languages;
use super::{Notice, Reopens};
use crate::document::{Mode, Page, Window};
use crate::time::Timestamp;

/// Why a page was refused that is tried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The site is closed, until a time that is known.
    Closed,
    /// The site is closed, and nobody knows for how long.
    ClosedForLong,
    /// The site is closed, and the visitor has sent something.
    Sent,
    /// The site is read-only, and the visitor has sent something.
    ReadOnly,
    /// A rule keeps this page closed while the site is open.
    Rule,
}

/// A page as visitors would see it.
#[derive(Debug, Clone)]
pub struct Rehearsed {
    /// The language that the visitor reads.
    pub language: &'static str,
    /// Why the visitor sees it.
    pub occasion: Occasion,
    /// The page.
    pub html: String,
    /// What it may load and run: the value of its `Content-Security-Policy`.
    pub policy: http::HeaderValue,
}

/// A page that would not be shown as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// The template engine gives up.
    #[error("in `{language}`, {occasion}: {why}")]
    Template {
        /// The language that it was tried out in.
        language: &'static str,
        /// What for.
        occasion: Occasion,
        /// What the engine says.
        why: String,
    },
    /// Nobody should have to load so much.
    #[error(
        "in `{language}`, {occasion}: the page is {bytes} bytes long, and {LONGEST} are allowed; make it shorter"
    )]
    TooLong {
        /// The language that it was tried out in.
        language: &'static str,
        /// What for.
        occasion: Occasion,
        /// Its length.
        bytes: usize,
    },
    /// Pages are not made of nothing.
    #[error("in `{language}`, {occasion}: the page is empty")]
    Empty {
        /// The language that it was tried out in.
        language: &'static str,
        /// What for.
        occasion: Occasion,
    },
}

/// The longest page that is fit to be published, in bytes.
pub const LONGEST: usize = 512 * 1024;

/// How far away the sample's end is.
const HOUR: Duration = Duration::from_secs(3600);

/// Shows `page` in every language and for every occasion, around `now`. A name that means nothing is a mistake here, although a
/// page in force is shown all the same if that can be done.
///
/// # Errors
/// The first page that would not be fit to be seen.
pub fn rehearse(page: &Page, now: Timestamp) -> Result<Vec<Rehearsed>, Unfit> {
    let page = Arc::new(page.clone());
    let policy = super::policy::policy_of(&page);
    let mut shown = Vec::new();
    for reader in languages() {
        for occasion in Occasion::ALL {
            let (language, notice) = (reader.language, occasion.notice(Arc::clone(&page), now));
            let reader = Reader { language: reader, sent: occasion.sent() };
            let html = fill(page.html.as_ref(), &notice, reader, Rigour::Strict)
                .map_err(|why| Unfit::Template { language, occasion, why: format!("{why:#}") })?;
            match html.len() {
                _ if html.trim().is_empty() => return Err(Unfit::Empty { language, occasion }),
                0..=LONGEST => shown.push(Rehearsed { language, occasion, html, policy: policy.clone() }),
                bytes => return Err(Unfit::TooLong { language, occasion, bytes }),
            }
        }
    }
    Ok(shown)
}

// === impl Occasion ===

impl Occasion {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Closed, Self::ClosedForLong, Self::Sent, Self::ReadOnly, Self::Rule];

    /// What it is called on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::ClosedForLong => "closed-for-long",
            Self::Sent => "sent",
            Self::ReadOnly => "read-only",
            Self::Rule => "rule",
        }
    }

    fn sent(self) -> Sent {
        if matches!(self, Self::Sent | Self::ReadOnly) { Sent::Something } else { Sent::Nothing }
    }

    fn notice(self, page: Arc<Page>, now: Timestamp) -> Notice {
        let mode = if self == Self::ReadOnly { Mode::ReadOnly } else { Mode::On };
        let mut window = Window::new(mode);
        window.start = Some(now);
        if self != Self::ClosedForLong {
            window.end = Some((now + HOUR).whole_seconds());
            window.message = Some("We are moving to a new database.\nYour orders are safe.".into());
        }
        let reopens = Reopens { safe: window.end, all: window.end };
        match self {
            Self::Rule => Notice { page, window: None, reopens: Reopens::default() },
            _ => Notice { page, window: Some(window), reopens },
        }
    }
}

impl std::fmt::Display for Occasion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed with a known end",
            Self::ClosedForLong => "closed without a known end",
            Self::Sent => "closed to a visitor who has sent something",
            Self::ReadOnly => "read-only to a visitor who has sent something",
            Self::Rule => "kept closed by a rule",
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn rehearsed(html: &str) -> Result<Vec<Rehearsed>, Unfit> {
        let page = Page { html: Some(html.to_owned().try_into().unwrap()), ..Page::default() };
        rehearse(&page, Timestamp::from_millis(0))
    }

    #[test]
    fn the_built_in_page_is_fit_in_every_language_and_for_every_occasion() {
        let shown = rehearse(&Page::default(), Timestamp::from_millis(0)).unwrap();
        assert_eq!(shown.len(), languages().len() * Occasion::ALL.len());
        let distinct: std::collections::BTreeSet<_> = shown.iter().map(|shown| &shown.html).collect();
        assert_eq!(distinct.len(), shown.len());
    }

    #[test]
    fn an_own_page_may_build_on_the_built_in_one() {
        let shown =
            rehearsed(r#"{% extends "backsoon" %}{% block footer %}{{ super() }} Ring us.{% endblock %}"#)
                .unwrap();
        let closed =
            shown.iter().find(|shown| shown.language == "de" && shown.occasion == Occasion::Closed).unwrap();
        assert!(
            closed.html.contains("Referenz für den Support:") && closed.html.contains("Ring us.</footer>")
        );
    }

    #[test]
    fn a_page_is_unfit_if_a_name_means_nothing_even_on_one_occasion() {
        let why = rehearsed("<p>{{ mesage }}</p>").unwrap_err().to_string();
        assert!(why.starts_with("in `en`, closed with a known end: undefined value"), "{why}");
        let why = rehearsed("a{% if read_only and language == 'ja' %}{% if oops %}{% endif %}{% endif %}")
            .unwrap_err();
        assert!(matches!(why, Unfit::Template { language: "ja", occasion: Occasion::ReadOnly, .. }), "{why}");
        let why = rehearsed(r#"{% extends "elsewhere" %}"#).unwrap_err().to_string();
        assert!(why.contains("elsewhere"), "{why}");
    }

    #[test]
    fn a_page_is_unfit_if_it_is_empty_or_endless() {
        assert!(matches!(rehearsed("{# nothing #} "), Err(Unfit::Empty { .. })));
        let long = "x".repeat(60_000);
        let long = format!("{{% for i in range(10) %}}{long}{{% endfor %}}");
        assert!(matches!(rehearsed(&long), Err(Unfit::TooLong { bytes: 600_000, .. })));
        let endless = "{% for i in range(9999) %}{% for j in range(9999) %}{{ j }}{% endfor %}{% endfor %}";
        let why = rehearsed(endless).unwrap_err().to_string();
        assert!(why.contains("fuel"), "{why}");
    }
}

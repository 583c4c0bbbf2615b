//! What the replies of one site say.

use std::sync::Arc;

use super::words::{Language, languages};
use crate::document::{Mode, Page, Window};
use crate::time::Timestamp;

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

// === impl Notice ===

impl Notice {
    pub(crate) fn is_read_only(&self) -> bool {
        self.window.as_ref().is_some_and(|window| window.mode == Mode::ReadOnly)
    }

    /// The operator's title, or the built-in one: in English for programs.
    pub(super) fn title(&self, language: Option<&Language>) -> &str {
        let words = &language.unwrap_or(&languages()[0]).words;
        match self.page.title.as_deref() {
            _ if self.is_read_only() => words.paused,
            Some(title) => title,
            None => words.title,
        }
    }

    pub(super) fn message(&self) -> Option<&str> {
        let window = self.window.as_ref();
        window.and_then(|window| window.message.as_deref()).or(self.page.message.as_deref())
    }

    /// From when on the window's kind of refusal is over.
    pub(super) fn end(&self) -> Option<Timestamp> {
        let end = if self.is_read_only() { self.reopens.all } else { self.reopens.safe };
        end.filter(|_| self.window.is_some())
    }
}

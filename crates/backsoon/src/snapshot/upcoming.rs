//! A closing to come, as visitors and their programs are told of it.

use http::{HeaderName, HeaderValue};

use crate::document::{Mode, Window, WindowId};
use crate::time::Timestamp;

/// A closing to come that visitors may be told about: for banners.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upcoming {
    /// The window's name.
    pub window: WindowId,
    /// How closed the site will be.
    pub mode: Mode,
    /// From when on.
    pub start: Timestamp,
    /// Until when, if that is known.
    pub end: Option<Timestamp>,
    /// What visitors will be told.
    pub message: Option<String>,
    field: HeaderValue,
}

/// The field by which answers of an open site announce that it will close.
pub const UPCOMING_HEADER: HeaderName = HeaderName::from_static("backsoon-upcoming");

// === impl Upcoming ===

impl Upcoming {
    pub(super) fn new(window: &Window) -> Option<Self> {
        let start = window.start?;
        Some(Self {
            window: window.id.clone(),
            mode: window.mode,
            start,
            end: window.end,
            message: window.message.clone(),
            // A time in RFC 3339 is ASCII.
            field: HeaderValue::from_str(&start.to_string()).ok()?,
        })
    }

    /// The value of [`UPCOMING_HEADER`].
    pub fn field(&self) -> &HeaderValue {
        &self.field
    }
}

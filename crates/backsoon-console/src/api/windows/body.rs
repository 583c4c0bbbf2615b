//! What is asked for: a closing, an amendment, a reopening.

use std::num::NonZeroU32;

use backsoon::document::{Amendment, Closing, Scheduled, WindowId};
use backsoon::time::Timestamp;
use backsoon::{Host, Mode};
use serde::Deserialize;
use utoipa::ToSchema;

use super::meant::{closing, named, texts};
use crate::api::span::{Span, said};
use crate::api::state::ModeName;
use crate::problem::Result;

/// A closing, as it is asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseBody {
    /// How strict: `read-only`, `hold` or `on`.
    #[schema(value_type = ModeName)]
    pub(crate) mode: Mode,
    /// The sites; `*` unless given.
    #[serde(default = "any")]
    #[schema(value_type = Vec<String>, example = json!(["shop.example.com"]), min_items = 1, max_items = 100)]
    pub(crate) sites: Vec<Host>,
    /// From when on; at once unless given.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) start: Option<Timestamp>,
    /// Until when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) end: Option<Timestamp>,
    /// For how long, in place of `end`: `30m`.
    #[serde(rename = "for")]
    #[schema(value_type = Option<String>, example = "30m")]
    pub(crate) lasts: Option<Span>,
    /// What visitors are told.
    #[schema(max_length = 2000)]
    pub(crate) message: Option<String>,
    /// Why, for operators only.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub(crate) note: String,
    /// In `hold`, how long one request waits at most: `30s`.
    #[schema(value_type = Option<String>, example = "30s")]
    pub(crate) max_wait: Option<Span>,
    /// In `hold`, how many wait at once on one server.
    #[schema(value_type = Option<u32>)]
    pub(crate) max_held: Option<u32>,
    /// In `hold`, how many go on per second and server after the reopening.
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub(crate) release_per_s: Option<NonZeroU32>,
    /// End what still runs so long after the closing, on servers that can: `30s`.
    #[schema(value_type = Option<String>, example = "30s")]
    pub(crate) cut_after: Option<Span>,
    /// Makes sites that nobody has heard of yet.
    #[serde(default)]
    pub(crate) new_site: bool,
    /// What the window is to be called, as a page has shown it; programs do not say.
    #[serde(skip)]
    pub(crate) called: Option<WindowId>,
}

/// What is to change about a window; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmendBody {
    /// Puts the end off by so much: `15m`.
    #[schema(value_type = Option<String>, example = "15m")]
    pub(crate) extend: Option<Span>,
    /// Another end; `null`: until it is ended.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) end: Option<Option<Timestamp>>,
    /// Another message; `null`: none.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub(crate) message: Option<Option<String>>,
    /// Another reason.
    #[schema(max_length = 2000)]
    pub(crate) note: Option<String>,
}

/// What is to be reopened.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReopenBody {
    /// The sites; every site of the document unless given.
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    pub(crate) sites: Option<Vec<Host>>,
    /// Ends scheduled windows of these sites, too.
    pub(crate) scheduled: bool,
    /// Why.
    #[schema(max_length = 2000)]
    pub(crate) note: String,
}

// === impl CloseBody ===

impl CloseBody {
    /// What it asks for, if it can be meant.
    pub(crate) fn read(self) -> Result<(Closing, Vec<Host>)> {
        texts([self.message.as_deref(), Some(&self.note)])?;
        let sites = named(&self.sites)?;
        Ok((closing(self)?, sites))
    }
}

// === impl AmendBody ===

impl AmendBody {
    /// What it asks for.
    pub(crate) fn read(self) -> Result<Amendment> {
        texts([self.message.as_ref().and_then(|text| text.as_deref()), self.note.as_deref()])?;
        let extend = self.extend.map(|span| span.0);
        Ok(Amendment { end: self.end, extend, message: self.message, note: self.note })
    }
}

// === impl ReopenBody ===

impl ReopenBody {
    /// What becomes of scheduled windows.
    pub(crate) fn scheduled(&self) -> Scheduled {
        if self.scheduled { Scheduled::End } else { Scheduled::Stay }
    }
}

fn any() -> Vec<Host> {
    vec![Host::any()]
}

//! One closing, as the API shows it.

use backsoon::time::Timestamp;
use backsoon::{Host, Mode, Window};
use serde::Serialize;
use utoipa::ToSchema;

use super::ModeName;
use crate::api::since::Since;

/// One closing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct WindowView {
    /// By which it is ended.
    pub(crate) id: String,
    /// The site that it is written under.
    #[schema(value_type = String)]
    pub(crate) site: Host,
    /// How strict.
    #[schema(value_type = ModeName)]
    pub(crate) mode: Mode,
    /// Whether it is in force now.
    pub(crate) in_force: bool,
    /// From when on; none: it began when it was added.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) start: Option<Timestamp>,
    /// Since when it is in force, if it is and that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) since: Option<Timestamp>,
    /// When it ends by itself; none: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) end: Option<Timestamp>,
    /// What added it: operator, schedule, run or code.
    #[schema(value_type = String)]
    source: backsoon::document::Source,
    /// Who added it.
    pub(crate) by: String,
    /// Why, for operators only.
    pub(crate) note: String,
    /// What visitors are told.
    pub(crate) message: Option<String>,
    /// In `hold`, how long one request waits at most, in milliseconds.
    max_wait_ms: u64,
    /// In `hold`, how many wait at once on one server.
    max_held: usize,
    /// In `hold`, how many go on per second and server.
    release_per_s: Option<u32>,
    /// After how many milliseconds earlier requests are ended.
    cut_after_ms: Option<u64>,
}

// === impl WindowView ===

impl WindowView {
    pub(crate) fn of(host: &Host, window: &Window, since: &Since, now: Timestamp) -> Self {
        let in_force = window.in_force(now);
        Self {
            id: window.id.to_string(),
            site: host.clone(),
            mode: window.mode,
            in_force,
            start: window.start,
            since: in_force.then(|| window.start.or_else(|| since.added(&window.id))).flatten(),
            end: window.end,
            source: window.source,
            by: window.by.clone(),
            note: window.note.clone(),
            message: window.message.clone(),
            max_wait_ms: window.hold.max_wait_ms,
            max_held: window.hold.max_held,
            release_per_s: window.hold.release_per_s.map(std::num::NonZeroU32::get),
            cut_after_ms: window.cut_after_ms,
        }
    }
}

//! What was done, and what it answers.

use axum::response::{IntoResponse as _, Response};
use backsoon::control::Outcome;
use backsoon::snapshot::Closed;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State, Window};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::matching::etag;
use crate::api::state::{ModeName, WindowView, tagged};
use crate::console::Desk;

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeView {
    /// The revision that is in the store now.
    revision: u64,
    /// Its ETag.
    etag: String,
    /// Whether anything had to be changed.
    pub(crate) changed: bool,
    /// The windows that this is about: added, amended or ended.
    windows: Vec<WindowView>,
    /// What still keeps sites of this change closed.
    pub(crate) still_closed: Vec<ClosedView>,
}

/// A site that is not open.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosedView {
    /// The site.
    #[schema(value_type = String)]
    site: Host,
    /// How closed it is.
    #[schema(value_type = ModeName)]
    mode: Mode,
    /// Why.
    windows: Vec<WindowView>,
}

/// A change that was asked for, and the windows that it is about.
pub(crate) struct Done {
    pub(super) outcome: Outcome,
    pub(super) windows: Vec<(Host, Window)>,
}

// === impl Done ===

impl Done {
    /// What was done, and which of `hosts` is still closed.
    pub(crate) fn view(&self, desk: &Desk, hosts: Vec<Host>) -> ChangeView {
        let (state, now) = (self.outcome.state(), Timestamp::now());
        let view = |(host, window): &(Host, Window)| WindowView::of(host, window, &desk.since, now);
        let closed = hosts.iter().filter_map(|host| Closed::find(state, host, now));
        ChangeView {
            revision: state.revision,
            etag: etag(state),
            changed: matches!(self.outcome, Outcome::Written(_)),
            windows: self.windows.iter().map(view).collect(),
            still_closed: closed
                .map(|closed| ClosedView {
                    windows: closed.windows.iter().map(view).collect(),
                    site: closed.host,
                    mode: closed.mode,
                })
                .collect(),
        }
    }

    /// The outcome alone, of a change that is about no window in particular.
    pub(crate) fn plain(outcome: Outcome) -> Self {
        Self { outcome, windows: Vec::new() }
    }

    /// The State that is in the store now.
    pub(crate) fn state(&self) -> &State {
        self.outcome.state()
    }

    /// The same as a response of `status`.
    pub(crate) fn answer(self, desk: &Desk, status: StatusCode, hosts: Vec<Host>) -> Response {
        let mut answer = (status, axum::Json(self.view(desk, hosts))).into_response();
        tagged(&mut answer, &etag(self.outcome.state()));
        answer
    }
}

//! `GET /history`, with differences, and `POST /rollback`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Desks;
use axum::response::Response;
use backsoon::State;
use backsoon::control::Opens;
use backsoon::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::difference::{Difference, differences};
use super::impact::ImpactView;
use super::matching::IfMatch;
use super::receipt::all;
use super::windows::Done;
use crate::caller::{Admin, Caller, Viewer};
use crate::console::Desk;
use crate::form::{Asked, Json as Body};
use crate::problem::Result;

/// How many entries one page has unless told otherwise.
const USUAL: u8 = 20;
/// How many it has at most.
const MOST: u8 = 100;

/// Which page of the history.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct HistoryQuery {
    /// Only revisions before this one.
    before: Option<u64>,
    /// How many at most (20; not more than 100).
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u8>,
}

/// A page of the history, the newest change first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryView {
    pub(crate) changes: Vec<EntryView>,
    /// What to ask for as `before` to get the next page; none: this is the last one.
    pub(crate) next: Option<u64>,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryView {
    /// The revision that it made.
    pub(crate) revision: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    /// Who, and from where.
    pub(crate) by: String,
    /// What and why, in their words.
    pub(crate) note: String,
    /// What it did.
    #[schema(value_type = Vec<String>)]
    pub(crate) differences: Vec<Difference>,
    /// What the closings that it ended had done to visitors, where that was kept.
    pub(crate) impacts: Vec<ImpactView>,
}

/// An earlier revision that is to be in force again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollbackBody {
    /// The revision.
    pub(crate) revision: u64,
}

/// What was changed, by whom and why.
#[utoipa::path(get, path = "/api/v1/history", operation_id = "get_history", tag = "history", params(HistoryQuery),
    responses((status = 200, body = HistoryView)))]
pub(crate) async fn read(
    Desks(desk): Desks<Arc<Desk>>,
    _: Viewer,
    Asked(asked): Asked<HistoryQuery>,
) -> Result<Json<HistoryView>> {
    let limit = usize::from(asked.limit.unwrap_or(USUAL).clamp(1, MOST));
    Ok(Json(desk.history(asked.before, limit).await?))
}

/// Puts an earlier revision in force again, as a new one.
#[utoipa::path(post, path = "/api/v1/rollback", operation_id = "rollback", tag = "history", request_body = RollbackBody,
    params(("If-Match" = Option<String>, Header)),
    responses((status = 200, body = super::windows::ChangeView)))]
pub(crate) async fn rollback(
    Desks(desk): Desks<Arc<Desk>>,
    Admin(caller): Admin,
    seen: IfMatch,
    Body(body): Body<RollbackBody>,
) -> Result<Response> {
    let done = desk.roll_back(&caller, &seen, body.revision).await?;
    let hosts = all(done.state());
    Ok(done.answer(&desk, StatusCode::OK, hosts))
}

// === impl Desk ===

impl Desk {
    /// Puts an earlier revision in force again.
    pub(crate) async fn roll_back(&self, caller: &Caller, seen: &IfMatch, revision: u64) -> Result<Done> {
        let then = self.control(caller).at(revision).await?;
        let note = format!("rollback to revision {revision}");
        let outcome = self.open(caller, seen, Opens::Everything, &note, |state| {
            state.restore(&then);
            Ok(())
        });
        Ok(Done::plain(outcome.await?))
    }

    /// The `limit` newest changes, or those before a revision.
    pub(crate) async fn history(&self, before: Option<u64>, limit: usize) -> Result<HistoryView> {
        // One more, since a difference is one from the State before.
        let states = self.reader().page(before, limit + 1).await?;
        let empty = State::default();
        let start = states.len().saturating_sub(limit);
        let mut changes = Vec::new();
        for at in (start..states.len()).rev() {
            let (state, then) = (&states[at], at.checked_sub(1).map_or(&empty, |at| &states[at]));
            changes.push(EntryView {
                revision: state.revision,
                at: state.change.at,
                by: state.change.by.clone(),
                note: state.change.note.clone(),
                differences: differences(then, state),
                impacts: self.impacts(then, state).await?,
            });
        }
        let next = (start > 0).then(|| states[start].revision);
        Ok(HistoryView { changes, next })
    }
}

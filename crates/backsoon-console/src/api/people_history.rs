//! `GET /people-history`: what became of users and tokens. For admins alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Desks;
use backsoon::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::caller::Admin;
use crate::console::Desk;
use crate::form::Asked;
use crate::people::Role;
use crate::people::history::{Deed, Record};
use crate::problem::Result;

/// How many records one page has unless told otherwise.
pub(crate) const USUAL: u8 = 20;
/// How many it has at most.
const MOST: u8 = 100;

/// Which page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct PeopleHistoryQuery {
    /// Only what was done before this time: that of the last record of the page before.
    #[param(value_type = Option<String>)]
    before: Option<Timestamp>,
    /// How many at most (20; not more than 100).
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u8>,
}

/// One change of a user or a token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    /// Who, and from where.
    by: String,
    /// added, role-changed, password-changed, role-and-password-changed, removed, token-made, token-revoked, or not-done.
    #[schema(value_type = String)]
    what: Deed,
    /// The user's name, or the token's.
    whom: String,
    /// The token's id.
    token: Option<String>,
    /// The role that they have since.
    role: Option<Role>,
    /// The same in a sentence.
    sentence: String,
}

/// What became of users and tokens, the newest change first.
#[utoipa::path(get, path = "/api/v1/people-history", operation_id = "get_people_history", tag = "people",
    params(PeopleHistoryQuery), responses((status = 200, body = Vec<RecordView>)))]
pub(crate) async fn read(
    Desks(desk): Desks<Arc<Desk>>,
    _: Admin,
    Asked(asked): Asked<PeopleHistoryQuery>,
) -> Result<Json<Vec<RecordView>>> {
    let limit = asked.limit.unwrap_or(USUAL).clamp(1, MOST);
    Ok(Json(desk.people_history(asked.before, limit).await?))
}

// === impl Desk ===

impl Desk {
    /// The newest changes, or those before a time.
    pub(crate) async fn people_history(
        &self,
        before: Option<Timestamp>,
        limit: u8,
    ) -> Result<Vec<RecordView>> {
        let records = self.people.history().page(before, limit.into()).await?;
        Ok(records.into_iter().map(RecordView::of).collect())
    }
}

// === impl RecordView ===

impl RecordView {
    fn of(record: Record) -> Self {
        let sentence = record.sentence();
        let Record { at, by, what, whom, token, role } = record;
        Self { at, by, what, whom, token, role, sentence }
    }
}

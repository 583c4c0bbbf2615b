//! `/passes`: links through the closings of a site.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Desks;
use axum::response::{IntoResponse as _, Response};
use backsoon::Host;
use backsoon::document::{Pass, PassId};
use backsoon::pass::Invitation;
use backsoon::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::matching::{IfMatch, etag};
use super::span::Span;
use super::state::tagged;
use super::windows::Done;
use crate::caller::{Caller, Operator};
use crate::console::Desk;
use crate::form::{Json as Body, Part};
use crate::problem::{Problem, Result};

/// For how long a pass is valid unless told otherwise, as on the command line.
const USUAL: Duration = Duration::from_secs(2 * 3600);

/// A pass, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PassView {
    /// By which it is revoked.
    #[schema(value_type = String)]
    id: PassId,
    /// Whom it is for.
    #[serde(rename = "for")]
    bearer: String,
    /// The hosts that it opens.
    #[schema(value_type = String)]
    site: Host,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// The first moment at which it opens nothing any more.
    #[schema(value_type = String, format = DateTime)]
    expires: Timestamp,
    /// Whether that is over.
    expired: bool,
    /// Who made it.
    by: String,
}

/// A new pass.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InviteBody {
    /// Whom it is for, in words.
    #[serde(rename = "for")]
    #[schema(min_length = 1, max_length = 100)]
    pub(crate) bearer: String,
    /// The hosts that it opens; `*`, all of them, unless given.
    #[serde(default = "Host::any")]
    #[schema(value_type = String)]
    pub(crate) site: Host,
    /// For how long it is valid: `2h`; two hours unless given.
    #[serde(default, rename = "expires")]
    #[schema(value_type = Option<String>, example = "2h")]
    pub(crate) lasts: Option<Span>,
    /// The path that its link leads to; `/` unless given.
    #[serde(default)]
    pub(crate) to: Option<String>,
}

/// A pass that was made just now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitedView {
    #[serde(flatten)]
    pass: PassView,
    /// What its bearer opens, without scheme and host. Whoever has it has the pass; it is shown this once.
    path: String,
    /// The whole link, if the pass is for one host.
    link: Option<String>,
    /// The revision that is in the store now.
    revision: u64,
}

/// Every pass.
#[utoipa::path(get, path = "/api/v1/passes", operation_id = "list_passes", tag = "passes", responses((status = 200, body = Vec<PassView>)))]
pub(crate) async fn list(Desks(desk): Desks<Arc<Desk>>, _: Operator) -> Result<Json<Vec<PassView>>> {
    let ((state, _), now) = (desk.state().await?, Timestamp::now());
    Ok(Json(state.passes.iter().map(|pass| PassView::of(pass, now)).collect()))
}

/// Makes a pass.
#[utoipa::path(post, path = "/api/v1/passes", operation_id = "invite", tag = "passes", request_body = InviteBody,
    params(("If-Match" = Option<String>, Header)),
    responses((status = 201, body = InvitedView)))]
pub(crate) async fn invite(
    Desks(desk): Desks<Arc<Desk>>,
    Operator(caller): Operator,
    seen: IfMatch,
    Body(body): Body<InviteBody>,
) -> Result<(StatusCode, Json<InvitedView>)> {
    Ok((StatusCode::CREATED, Json(desk.invite(&caller, &seen, body).await?)))
}

/// Ends a pass, wherever its bearer is.
#[utoipa::path(delete, path = "/api/v1/passes/{id}", operation_id = "revoke_pass", tag = "passes",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204, description = "It opens nothing any more")))]
pub(crate) async fn revoke(
    Desks(desk): Desks<Arc<Desk>>,
    Operator(caller): Operator,
    seen: IfMatch,
    Part(id): Part,
) -> Result<Response> {
    let id =
        id.parse().map_err(|error: backsoon::document::NotAPass| Problem::not_found(error.to_string()))?;
    let done = desk.revoke(&caller, &seen, &id).await?;
    let mut answer = StatusCode::NO_CONTENT.into_response();
    tagged(&mut answer, &etag(done.state()));
    Ok(answer)
}

// === impl Desk ===

impl Desk {
    /// Makes a pass.
    pub(crate) async fn invite(
        &self,
        caller: &Caller,
        seen: &IfMatch,
        body: InviteBody,
    ) -> Result<InvitedView> {
        let wrong = |why: String| Problem::unprocessable(why);
        if body.bearer.chars().any(char::is_control) {
            return Err(wrong("a name has no control characters".to_owned()));
        }
        let (now, lasts) = (Timestamp::now(), body.lasts.map_or(USUAL, |span| span.0));
        let invitation = Invitation::new(&body.bearer, body.site, &caller.signature(), now, lasts)
            .map_err(|error| wrong(error.to_string()))?;
        let path = match &body.to {
            Some(to) => invitation.link.leading_to(to).map_err(|error| wrong(error.to_string()))?,
            None => invitation.link.path(),
        };
        let note = invitation.note();
        let outcome = self.change(caller, seen, &note, |state| {
            invitation.put_into(state);
            Ok(())
        });
        let revision = outcome.await?.state().revision;
        let pass = &invitation.pass;
        let link = (!pass.site.as_str().starts_with('*')).then(|| format!("https://{}{path}", pass.site));
        Ok(InvitedView { pass: PassView::of(pass, now), path, link, revision })
    }

    /// Ends a pass.
    pub(crate) async fn revoke(&self, caller: &Caller, seen: &IfMatch, id: &PassId) -> Result<Done> {
        let note = format!("revoke pass {id}");
        let outcome = self.change(caller, seen, &note, |state| {
            state.revoke(id).map(drop).ok_or_else(|| Problem::not_found(format!("there is no pass {id}")))
        });
        Ok(Done::plain(outcome.await?))
    }
}

// === impl PassView ===

impl PassView {
    pub(crate) fn of(pass: &Pass, now: Timestamp) -> Self {
        Self {
            id: pass.id.clone(),
            bearer: pass.bearer.clone(),
            site: pass.site.clone(),
            created: pass.created,
            expires: pass.expires,
            expired: pass.is_over(now),
            by: pass.by.clone(),
        }
    }
}

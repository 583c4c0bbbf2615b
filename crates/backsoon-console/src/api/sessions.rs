//! Sessions: one's own below `/me`, and for admins anybody's below `/people`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State as Desks};
use backsoon::time::Timestamp;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{Admin, Caller, How, Viewer};
use crate::console::Desk;
use crate::form::Part;
use crate::people::UserName;
use crate::problem::{Problem, Result};
use crate::sessions::{Listed, Session, Via};

/// A session, without what would let anybody go on with it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// By which it is ended.
    id: String,
    /// Whose it is.
    #[schema(value_type = String)]
    pub(crate) name: UserName,
    /// password or proxy.
    #[schema(value_type = String)]
    via: Via,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    /// When it was last used, to a minute.
    #[schema(value_type = String, format = DateTime)]
    seen: Timestamp,
    /// The address from which it was begun.
    #[schema(value_type = Option<String>)]
    from: Option<IpAddr>,
    /// What the browser said of itself.
    browser: Option<String>,
    /// The same in a few words.
    browser_in_words: String,
    /// Whether it is the one that asks.
    is_this: bool,
}

/// One's own sessions.
#[utoipa::path(get, path = "/api/v1/me/sessions", operation_id = "list_my_sessions", tag = "people",
    responses((status = 200, body = Vec<SessionView>)))]
pub(crate) async fn mine(
    Desks(desk): Desks<Arc<Desk>>,
    Viewer(caller): Viewer,
) -> Result<Json<Vec<SessionView>>> {
    let name = own_name(&caller)?;
    let all = desk.sessions(&caller).await?;
    Ok(Json(all.into_iter().filter(|session| session.name == name).collect()))
}

/// Ends one of one's own sessions.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", operation_id = "end_my_session", tag = "people",
    params(("id" = String, Path)), responses((status = 204, description = "It has ended")))]
pub(crate) async fn end_mine(
    Desks(desk): Desks<Arc<Desk>>,
    Viewer(caller): Viewer,
    Part(id): Part,
) -> Result<StatusCode> {
    desk.end_session(&caller, &own_name(&caller)?, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody's sessions.
#[utoipa::path(get, path = "/api/v1/people/{name}/sessions", operation_id = "list_sessions", tag = "people",
    params(("name" = String, Path)), responses((status = 200, body = Vec<SessionView>)))]
pub(crate) async fn of(
    Desks(desk): Desks<Arc<Desk>>,
    Admin(caller): Admin,
    Part(name): Part,
) -> Result<Json<Vec<SessionView>>> {
    let name = super::people::read(&name)?;
    let all = desk.sessions(&caller).await?;
    Ok(Json(all.into_iter().filter(|session| session.name == name).collect()))
}

/// Ends one of somebody's sessions.
#[utoipa::path(delete, path = "/api/v1/people/{name}/sessions/{id}", operation_id = "end_session", tag = "people",
    params(("name" = String, Path), ("id" = String, Path)), responses((status = 204, description = "It has ended")))]
pub(crate) async fn end(
    Desks(desk): Desks<Arc<Desk>>,
    Admin(caller): Admin,
    named: std::result::Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
) -> Result<StatusCode> {
    let Path((name, id)) = named?;
    desk.end_session(&caller, &super::people::read(&name)?, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The name under which somebody has sessions.
pub(crate) fn own_name(caller: &Caller) -> Result<UserName> {
    let is_person = !matches!(caller.how, How::Token(_));
    let name = caller.name.parse().ok().filter(|_| is_person);
    name.ok_or_else(|| Problem::not_found("a token has no sessions; DELETE /api/v1/tokens/ID ends it"))
}

// === impl Desk ===

impl Desk {
    /// Every session that is worth something, the one used last first.
    pub(crate) async fn sessions(&self, caller: &Caller) -> Result<Vec<SessionView>> {
        let users = self.people.list().await?;
        let is_good = |session: &Session| match users.iter().find(|user| user.name == session.name) {
            Some(user) => user.generation == session.generation,
            None => session.via == Via::Proxy && session.generation.is_empty(),
        };
        let own = match &caller.how {
            How::Session(secret) => Some(self.sessions.id(secret)),
            How::Token(_) | How::Proxy => None,
        };
        let all = self.sessions.list().await?.into_iter().filter(|listed| is_good(&listed.session));
        Ok(all.map(|listed| SessionView::of(listed, own.as_deref())).collect())
    }

    /// Ends one of `name`'s sessions.
    pub(crate) async fn end_session(&self, caller: &Caller, name: &UserName, id: &str) -> Result<()> {
        if self.sessions.end_listed(name, id).await?.is_none() {
            let detail = format!("{name} has no such session (any more); look at the list again");
            return Err(Problem::not_found(detail));
        }
        tracing::info!(user = %name, by = %caller.signature(), "a session was ended");
        Ok(())
    }
}

// === impl SessionView ===

impl SessionView {
    fn of(listed: Listed, own: Option<&str>) -> Self {
        let Listed { id, session } = listed;
        Self {
            is_this: own == Some(&id),
            id,
            name: session.name,
            via: session.via,
            created: session.created,
            seen: session.seen,
            browser_in_words: session.whence.browser_in_words(),
            from: session.whence.from,
            browser: session.whence.browser,
        }
    }
}

//! `/tokens`: what programs show. For admins alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Desks;
use backsoon::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::span::Span;
use crate::caller::Admin;
use crate::console::Desk;
use crate::form::{Json as Body, Part};
use crate::people::Role;
use crate::problem::Result;
use crate::tokens::Token;

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenView {
    /// By which it is revoked.
    id: String,
    /// What it is for.
    name: String,
    role: Role,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    created_by: String,
    /// When it was last used, to a day.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    expires: Option<Timestamp>,
}

/// A new token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssueBody {
    /// What it is for.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    #[serde(default)]
    role: Role,
    /// For how long it is valid: `90d`; for ever unless given.
    #[serde(rename = "for")]
    #[schema(value_type = Option<String>, example = "90d")]
    lasts: Option<Span>,
}

/// A token that was made just now.
#[derive(Serialize, ToSchema)]
pub(crate) struct IssuedView {
    #[serde(flatten)]
    token: TokenView,
    /// What its bearer sends. It is shown this once.
    secret: String,
}

/// Every token.
#[utoipa::path(get, path = "/api/v1/tokens", operation_id = "list_tokens", tag = "tokens", responses((status = 200, body = Vec<TokenView>)))]
pub(crate) async fn list(Desks(desk): Desks<Arc<Desk>>, _: Admin) -> Result<Json<Vec<TokenView>>> {
    Ok(Json(desk.tokens.list().await?.iter().map(TokenView::of).collect()))
}

/// Makes a token.
#[utoipa::path(post, path = "/api/v1/tokens", operation_id = "issue_token", tag = "tokens", request_body = IssueBody,
    responses((status = 201, body = IssuedView)))]
pub(crate) async fn issue(
    Desks(desk): Desks<Arc<Desk>>,
    Admin(caller): Admin,
    Body(body): Body<IssueBody>,
) -> Result<(StatusCode, Json<IssuedView>)> {
    let lasts = body.lasts.map(|span| span.0);
    let (token, secret) = desk.tokens.issue(&body.name, body.role, lasts, &caller.signature()).await?;
    tracing::info!(token = %token.id, role = %token.role, by = %caller.signature(), "a token was made");
    Ok((StatusCode::CREATED, Json(IssuedView { token: TokenView::of(&token), secret })))
}

/// Ends a token.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", operation_id = "revoke_token", tag = "tokens",
    params(("id" = String, Path)), responses((status = 204, description = "It is worth nothing any more")))]
pub(crate) async fn revoke(
    Desks(desk): Desks<Arc<Desk>>,
    Admin(caller): Admin,
    Part(id): Part,
) -> Result<StatusCode> {
    desk.tokens.revoke(&id, &caller.signature()).await?;
    tracing::info!(token = %id, by = %caller.signature(), "a token was revoked");
    Ok(StatusCode::NO_CONTENT)
}

// === impl TokenView ===

impl TokenView {
    pub(crate) fn of(token: &Token) -> Self {
        Self {
            id: token.id.clone(),
            name: token.name.clone(),
            role: token.role,
            created: token.created,
            created_by: token.created_by.clone(),
            last_used: token.last_used,
            expires: token.expires,
        }
    }
}

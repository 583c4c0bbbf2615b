//! `/people`: who may do what. For admins alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Desks;
use backsoon::time::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::caller::{Admin, Caller, How};
use crate::console::Desk;
use crate::form::{Json as Body, Part};
use crate::people::{Role, User, UserName};
use crate::problem::{Problem, Result};

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    #[schema(value_type = String)]
    name: UserName,
    role: Role,
    /// Whether they have a password here; without one they sign in at a trusted proxy alone.
    has_password: bool,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    created_by: String,
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddUserBody {
    /// 1 to 64 letters, digits, `.`, `_`, `-`, `+` and `@`.
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    #[serde(default)]
    role: Role,
    /// At least 12 characters; none: they sign in at a trusted proxy alone.
    #[schema(min_length = 12, max_length = 1024, format = Password)]
    password: Option<String>,
}

/// What is to change about a user; their sessions end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeUserBody {
    role: Option<Role>,
    #[schema(min_length = 12, max_length = 1024, format = Password)]
    password: Option<String>,
}

/// Everybody who may sign in.
#[utoipa::path(get, path = "/api/v1/people", operation_id = "list_people", tag = "people", responses((status = 200, body = Vec<UserView>)))]
pub(crate) async fn list(Desks(desk): Desks<Arc<Desk>>, _: Admin) -> Result<Json<Vec<UserView>>> {
    Ok(Json(desk.people.list().await?.iter().map(UserView::of).collect()))
}

/// Adds a user.
#[utoipa::path(post, path = "/api/v1/people", operation_id = "add_person", tag = "people", request_body = AddUserBody,
    responses((status = 201, body = UserView)))]
pub(crate) async fn add(
    Desks(desk): Desks<Arc<Desk>>,
    Admin(caller): Admin,
    Body(body): Body<AddUserBody>,
) -> Result<(StatusCode, Json<UserView>)> {
    let name = body
        .name
        .parse()
        .map_err(|error: crate::people::NotAUserName| Problem::unprocessable(error.to_string()))?;
    let user = desk.people.add(name, body.role, body.password, &caller.signature()).await?;
    tracing::info!(user = %user.name, role = %user.role, by = %caller.signature(), "a user was added");
    Ok((StatusCode::CREATED, Json(UserView::of(&user))))
}

/// Gives a user another role or password.
#[utoipa::path(patch, path = "/api/v1/people/{name}", operation_id = "change_person", tag = "people", request_body = ChangeUserBody,
    params(("name" = String, Path)), responses((status = 200, body = UserView)))]
pub(crate) async fn change(
    Desks(desk): Desks<Arc<Desk>>,
    Admin(caller): Admin,
    Part(name): Part,
    Body(body): Body<ChangeUserBody>,
) -> Result<Json<UserView>> {
    let name = read(&name)?;
    if body.role.is_some_and(|role| role != Role::Admin) {
        not_oneself(&caller, &name)?;
    }
    let user = desk.people.change(&name, body.role, body.password, &caller.signature()).await?;
    tracing::info!(user = %user.name, role = %user.role, by = %caller.signature(), "a user was changed");
    Ok(Json(UserView::of(&user)))
}

/// Removes a user; their sessions end.
#[utoipa::path(delete, path = "/api/v1/people/{name}", operation_id = "remove_person", tag = "people",
    params(("name" = String, Path)), responses((status = 204, description = "They are gone")))]
pub(crate) async fn remove(
    Desks(desk): Desks<Arc<Desk>>,
    Admin(caller): Admin,
    Part(name): Part,
) -> Result<StatusCode> {
    let name = read(&name)?;
    not_oneself(&caller, &name)?;
    desk.people.remove(&name, &caller.signature()).await?;
    tracing::info!(user = %name, by = %caller.signature(), "a user was removed");
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) fn read(name: &str) -> Result<UserName> {
    name.parse().map_err(|error: crate::people::NotAUserName| Problem::not_found(error.to_string()))
}

/// Else the last admin could shut everybody out by a slip.
pub(crate) fn not_oneself(caller: &Caller, name: &UserName) -> Result<()> {
    let is_person = !matches!(caller.how, How::Token(_));
    match is_person && caller.name == name.as_str() {
        true => {
            Err(Problem::new(StatusCode::CONFLICT, "nobody takes their own role away; another admin can"))
        }
        false => Ok(()),
    }
}

// === impl UserView ===

impl UserView {
    pub(crate) fn of(user: &User) -> Self {
        Self {
            name: user.name.clone(),
            role: user.role,
            has_password: user.password.is_some(),
            created: user.created,
            created_by: user.created_by.clone(),
        }
    }
}

//! Who may do what: users and tokens, for admins; and everybody's own sessions.

use std::sync::Arc;

use axum::extract::State as Desks;
use axum::response::{IntoResponse as _, Redirect, Response};
use backsoon::time::Timestamp;
use http::StatusCode;
use http::request::Parts;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

use super::visit::Visit;
use super::wish::in_query;
use crate::api::people::{UserView, not_oneself};
use crate::api::people_history::USUAL;
use crate::api::sessions::own_name;
use crate::api::span::Span;
use crate::api::tokens::TokenView;
use crate::caller::{How, client};
use crate::console::Desk;
use crate::form::{Asked, Checked};
use crate::people::{NotAUserName, Role, UserName};
use crate::problem::{Problem, Result};
use crate::sign_in::gone;

/// How many records of the history stand on one page.
const PAGE: u8 = 100;

/// A new user, or a changed one.
#[derive(Deserialize)]
pub(crate) struct UserForm {
    name: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    password: String,
}

/// A new token.
#[derive(Deserialize)]
pub(crate) struct TokenForm {
    name: String,
    role: String,
    #[serde(default)]
    lasts: String,
}

/// The token that is to end.
#[derive(Deserialize)]
pub(crate) struct RevokeForm {
    id: String,
}

/// The session that is to end.
#[derive(Deserialize)]
pub(crate) struct EndForm {
    /// Whose; not needed for one's own.
    #[serde(default)]
    name: String,
    id: String,
}

/// `GET /people`
pub(crate) async fn show(Desks(desk): Desks<Arc<Desk>>, visit: Visit) -> Result<Response> {
    visit.caller.must_be(Role::Admin)?;
    shown(&desk, visit, StatusCode::OK, context! {}).await
}

/// Which page of the history.
#[derive(Deserialize)]
pub(crate) struct Which {
    before: Option<Timestamp>,
}

/// `GET /people/history`: what became of users and tokens.
pub(crate) async fn history(
    Desks(desk): Desks<Arc<Desk>>,
    visit: Visit,
    Asked(which): Asked<Which>,
) -> Result<Response> {
    visit.caller.must_be(Role::Admin)?;
    let history = desk.people_history(which.before, PAGE).await?;
    let next = history.last().filter(|_| history.len() == usize::from(PAGE));
    let next = next.map(|record| in_query(&record.at.to_string()));
    let values = context! { history => Value::from(Serde(&history)), next };
    Ok(visit.page(&desk, StatusCode::OK, "people-history.html", values))
}

/// `POST /people/add`
pub(crate) async fn add(
    Desks(desk): Desks<Arc<Desk>>,
    Checked(caller, form): Checked<UserForm>,
) -> Result<Response> {
    caller.must_be(Role::Admin)?;
    let password = Some(form.password).filter(|text| !text.is_empty());
    let added = match (name(&form.name), role(&form.role)) {
        (Ok(name), Ok(role)) => {
            desk.people.add(name, role, password, &caller.signature()).await.map_err(Problem::from)
        }
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    };
    match added {
        Ok(user) => {
            tracing::info!(user = %user.name, role = %user.role, by = %caller.signature(), "a user was added");
            Ok(Redirect::to("/people").into_response())
        }
        Err(problem) if problem.status.is_client_error() => {
            let values = context! { why => problem.detail, typed => form.name };
            shown(&desk, Visit::of(caller), problem.status, values).await
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /people/change`: another role.
pub(crate) async fn change(
    Desks(desk): Desks<Arc<Desk>>,
    Checked(caller, form): Checked<UserForm>,
) -> Result<Response> {
    caller.must_be(Role::Admin)?;
    let (name, role) = (name(&form.name)?, role(&form.role)?);
    if role != Role::Admin {
        not_oneself(&caller, &name)?;
    }
    desk.people.change(&name, Some(role), None, &caller.signature()).await?;
    tracing::info!(user = %name, %role, by = %caller.signature(), "a user was changed");
    Ok(Redirect::to("/people").into_response())
}

/// `POST /people/remove`
pub(crate) async fn remove(
    Desks(desk): Desks<Arc<Desk>>,
    Checked(caller, form): Checked<UserForm>,
) -> Result<Response> {
    caller.must_be(Role::Admin)?;
    let name = name(&form.name)?;
    not_oneself(&caller, &name)?;
    desk.people.remove(&name, &caller.signature()).await?;
    tracing::info!(user = %name, by = %caller.signature(), "a user was removed");
    Ok(Redirect::to("/people").into_response())
}

/// `POST /tokens/new`: its text is shown this once.
pub(crate) async fn issue(
    Desks(desk): Desks<Arc<Desk>>,
    Checked(caller, form): Checked<TokenForm>,
) -> Result<Response> {
    caller.must_be(Role::Admin)?;
    let lasts = match form.lasts.trim() {
        "" => None,
        span => Some(span.parse::<Span>().map_err(Problem::unprocessable)?.0),
    };
    let role = role(&form.role)?;
    let (token, secret) = desk.tokens.issue(&form.name, role, lasts, &caller.signature()).await?;
    tracing::info!(token = %token.id, role = %token.role, by = %caller.signature(), "a token was made");
    let made = context! { name => token.name, secret };
    shown(&desk, Visit::of(caller), StatusCode::CREATED, context! { made }).await
}

/// `POST /tokens/revoke`
pub(crate) async fn revoke(
    Desks(desk): Desks<Arc<Desk>>,
    Checked(caller, form): Checked<RevokeForm>,
) -> Result<Response> {
    caller.must_be(Role::Admin)?;
    desk.tokens.revoke(&form.id, &caller.signature()).await?;
    tracing::info!(token = %form.id, by = %caller.signature(), "a token was revoked");
    Ok(Redirect::to("/people").into_response())
}

/// `GET /you`: one's own sessions.
pub(crate) async fn you(Desks(desk): Desks<Arc<Desk>>, visit: Visit) -> Result<Response> {
    let mut sessions = desk.sessions(&visit.caller).await?;
    let own = own_name(&visit.caller).ok();
    sessions.retain(|session| own.as_ref() == Some(&session.name));
    let address = visit.caller.from.to_string();
    let values = context! { sessions => Value::from(Serde(&sessions)), address };
    Ok(visit.page(&desk, StatusCode::OK, "you.html", values))
}

/// `POST /you/end`: one of one's own sessions.
pub(crate) async fn end_own(
    Desks(desk): Desks<Arc<Desk>>,
    parts: Parts,
    Checked(caller, form): Checked<EndForm>,
) -> Result<Response> {
    desk.end_session(&caller, &own_name(&caller)?, &form.id).await?;
    match &caller.how {
        How::Session(secret) if desk.sessions.id(secret) == form.id => Ok(gone(&client(&parts)?)),
        _ => Ok(Redirect::to("/you").into_response()),
    }
}

/// `POST /people/end`: one of somebody's sessions.
pub(crate) async fn end(
    Desks(desk): Desks<Arc<Desk>>,
    Checked(caller, form): Checked<EndForm>,
) -> Result<Response> {
    caller.must_be(Role::Admin)?;
    desk.end_session(&caller, &name(&form.name)?, &form.id).await?;
    Ok(Redirect::to("/people").into_response())
}

async fn shown(desk: &Desk, visit: Visit, status: StatusCode, values: Value) -> Result<Response> {
    let users: Vec<UserView> = desk.people.list().await?.iter().map(UserView::of).collect();
    let tokens: Vec<TokenView> = desk.tokens.list().await?.iter().map(TokenView::of).collect();
    let sessions = desk.sessions(&visit.caller).await?;
    let history = desk.people_history(None, USUAL).await?;
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let values = context! {
        users => Value::from(Serde(&users)), tokens => Value::from(Serde(&tokens)), roles,
        sessions => Value::from(Serde(&sessions)), history => Value::from(Serde(&history)), ..values
    };
    Ok(visit.page(desk, status, "people.html", values))
}

fn name(text: &str) -> Result<UserName> {
    text.trim().parse().map_err(|error: NotAUserName| Problem::unprocessable(error.to_string()))
}

fn role(text: &str) -> Result<Role> {
    text.parse().map_err(|error: crate::people::NotARole| Problem::unprocessable(error.to_string()))
}

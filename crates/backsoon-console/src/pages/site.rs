//! The one screen for now: every site, with what closes and reopens it.

use std::sync::Arc;

use axum::extract::State as Desks;
use axum::response::{IntoResponse as _, Redirect, Response};
use backsoon::time::Timestamp;
use backsoon::{Host, Mode};
use http::request::Parts;
use http::{StatusCode, header};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

use super::page;
use crate::api::matching::IfMatch;
use crate::api::state::{Source, public};
use crate::api::windows::{CloseBody, ReopenBody, window_id};
use crate::caller::{How, Viewer, client, role_at_proxy};
use crate::console::Desk;
use crate::form::{Asked, Checked};
use crate::people::Role;
use crate::problem::{Problem, Result};
use crate::sessions::Via;
use crate::sign_in;

/// What was done just before, in one of our own words.
#[derive(Deserialize, Default)]
pub(crate) struct Just {
    #[serde(default)]
    done: String,
}

/// The form that closes.
#[derive(Deserialize)]
pub(crate) struct CloseForm {
    site: String,
    mode: String,
    #[serde(default)]
    lasts: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    note: String,
}

/// The form that reopens.
#[derive(Deserialize)]
pub(crate) struct ReopenForm {
    site: String,
}

/// The form that ends one window.
#[derive(Deserialize)]
pub(crate) struct EndForm {
    id: String,
}

/// `GET /`
pub(crate) async fn show(
    Desks(desk): Desks<Arc<Desk>>,
    parts: Parts,
    Asked(just): Asked<Just>,
    Viewer(caller): Viewer,
) -> Result<Response> {
    let mut cookie = None;
    let mut csrf = caller.csrf().map(|digest| digest.as_str().to_owned());
    if let (How::Proxy, Ok(name)) = (&caller.how, caller.name.parse()) {
        // Forms need a session, whoever says who it is.
        let (_, generation) = role_at_proxy(&desk, &name).await?;
        // While the store is away there is none, and nothing to be changed either.
        let client = client(&parts)?;
        let session = sign_in::session(&desk, &client, name, generation, Via::Proxy);
        if let Ok((secret, set)) = session.await {
            (cookie, csrf) = (Some(set), Some(secret.digest("csrf").as_str().to_owned()));
        }
    }
    let (state, source) = desk.state().await?;
    let view = public(&state, source, &desk.since, Timestamp::now());
    let fleet = desk.roster(&state).await.unwrap_or_default();
    let late: Vec<_> = fleet.iter().filter(|member| !member.follows || !member.troubles.is_empty()).collect();
    let done = match just.done.as_str() {
        "closed" => "Closed: the state is written, and the servers follow.",
        "reopened" => "Reopened.",
        "ended" => "The window was ended.",
        _ => "",
    };
    let values = context! {
        me => caller.name, role => caller.role.as_str(),
        may_change => caller.role >= Role::Operator && source == Source::Store,
        is_away => source == Source::Instance,
        state => Value::from(Serde(&view)), servers => fleet.len(), late => Value::from(Serde(&late)), csrf, done,
        store => desk.store.url(),
    };
    let mut answer = page(&desk, StatusCode::OK, "site.html", values);
    if let Some(cookie) = cookie {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// `POST /close`
pub(crate) async fn close(
    Desks(desk): Desks<Arc<Desk>>,
    Checked(caller, form): Checked<CloseForm>,
) -> Result<Response> {
    caller.must_be(Role::Operator)?;
    let mode: Mode = form.mode.parse().map_err(|error: backsoon::document::NotAMode| wrong(error))?;
    let lasts = match form.lasts.trim() {
        "" => None,
        span => Some(span.parse().map_err(Problem::unprocessable)?),
    };
    let body = CloseBody {
        mode,
        sites: vec![host(&form.site)?],
        start: None,
        end: None,
        lasts,
        message: Some(form.message).filter(|text| !text.trim().is_empty()),
        note: form.note,
        max_wait: None,
        max_held: None,
        release_per_s: None,
        cut_after: None,
        new_site: false,
    };
    desk.close(&caller, &IfMatch::any(), body).await?;
    Ok(Redirect::to("/?done=closed").into_response())
}

/// `POST /reopen`
pub(crate) async fn reopen(
    Desks(desk): Desks<Arc<Desk>>,
    Checked(caller, form): Checked<ReopenForm>,
) -> Result<Response> {
    caller.must_be(Role::Operator)?;
    let body = ReopenBody { sites: Some(vec![host(&form.site)?]), ..ReopenBody::default() };
    desk.reopen(&caller, &IfMatch::any(), &body).await?;
    Ok(Redirect::to("/?done=reopened").into_response())
}

/// `POST /end`
pub(crate) async fn end(
    Desks(desk): Desks<Arc<Desk>>,
    Checked(caller, form): Checked<EndForm>,
) -> Result<Response> {
    caller.must_be(Role::Operator)?;
    desk.end(&caller, &IfMatch::any(), &window_id(&form.id)?).await?;
    Ok(Redirect::to("/?done=ended").into_response())
}

fn host(text: &str) -> Result<Host> {
    text.trim().parse().map_err(|error: backsoon::document::NotAHost| wrong(error))
}

fn wrong(error: impl std::fmt::Display) -> Problem {
    Problem::unprocessable(error.to_string())
}

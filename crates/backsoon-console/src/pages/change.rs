//! Changing something: the form, the rehearsal, the change itself, and the page that visitors would see.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Desks;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use backsoon::Mode;
use backsoon::fleet::Roster;
use http::{HeaderValue, StatusCode, header};
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

use super::visit::Visit;
use super::wish::{Tried, Verb, Wish};
use super::zones::zones;
use crate::api::difference::{differences, pieces};
use crate::api::matching::etag;
use crate::api::state::{Source, WindowView, windows};
use crate::api::windows::window_id;
use crate::console::Desk;
use crate::form::{Asked, Checked};
use crate::people::Role;
use crate::problem::{Problem, Result};
use backsoon::time::Timestamp;

/// What the page of a visitor may do inside the console's: be looked at.
const PREVIEW_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox";

/// Which window is to be changed.
#[derive(Deserialize)]
pub(crate) struct Which {
    #[serde(default)]
    id: String,
}

/// What is to be shown as visitors would see it.
#[derive(Deserialize)]
pub(crate) struct Shown {
    verb: String,
    #[serde(flatten)]
    wish: Wish,
}

/// `GET /change`: the form for a closing.
pub(crate) async fn form(
    Desks(desk): Desks<Arc<Desk>>,
    visit: Visit,
    Asked(wish): Asked<Wish>,
) -> Result<Response> {
    visit.caller.must_be(Role::Operator)?;
    let is_known = is_known(&desk, &wish).await?;
    let address = visit.caller.from.to_string();
    let values = context! { wish => Value::from(Serde(&wish)), zones => zones(), is_known, address };
    Ok(visit.page(&desk, StatusCode::OK, "change.html", values))
}

/// `GET /window`: the form for a window that is there.
pub(crate) async fn window(
    Desks(desk): Desks<Arc<Desk>>,
    visit: Visit,
    Asked(Which { id }): Asked<Which>,
) -> Result<Response> {
    visit.caller.must_be(Role::Operator)?;
    let (state, _) = desk.state().await?;
    let id = window_id(&id)?;
    let found = windows(&state).remove(&id.to_string());
    let (host, window) = found.ok_or_else(|| Problem::not_found(state.no_window(&id)))?;
    let view = WindowView::of(&host, &window, &desk.since, Timestamp::now());
    let values = context! { window => Value::from(Serde(&view)), zones => zones() };
    Ok(visit.page(&desk, StatusCode::OK, "window.html", values))
}

/// `POST /rehearse/VERB`: what it would do.
pub(crate) async fn rehearse(
    Desks(desk): Desks<Arc<Desk>>,
    verb: Verb,
    Checked(caller, wish): Checked<Wish>,
) -> Result<Response> {
    caller.must_be(verb.role())?;
    let visit = Visit::of(caller);
    match rehearsal(&desk, &visit, verb, &wish, "").await {
        Ok(values) => Ok(visit.page(&desk, StatusCode::OK, "rehearsal.html", values)),
        Err(problem) => again(&desk, visit, verb, &wish, problem).await,
    }
}

/// `POST /VERB`: does it.
pub(crate) async fn carry_out(
    Desks(desk): Desks<Arc<Desk>>,
    verb: Verb,
    Checked(caller, wish): Checked<Wish>,
) -> Result<Response> {
    caller.must_be(verb.role())?;
    let done = match desk.carry_out(&caller, verb, &wish).await {
        Ok(done) => done,
        Err(problem) if problem.status == StatusCode::PRECONDITION_FAILED => {
            // Somebody else was first: it is rehearsed with what they have done.
            let visit = Visit::of(caller);
            let why = "Somebody has changed something meanwhile. Nothing was done yet; this is what it would do now.";
            let values = rehearsal(&desk, &visit, verb, &wish, why).await?;
            return Ok(visit.page(&desk, StatusCode::PRECONDITION_FAILED, "rehearsal.html", values));
        }
        Err(problem) => return again(&desk, Visit::of(caller), verb, &wish, problem).await,
    };
    let view = done.view(&desk, Vec::new());
    let word = if view.changed { verb.as_str() } else { "nothing" };
    let to = match verb {
        Verb::Revoke => format!("/passes?done={word}"),
        _ => format!("/receipt?revision={}&done={word}", done.state().revision),
    };
    Ok(Redirect::to(&to).into_response())
}

/// `GET /preview`: the page as a visitor would see it, for a frame of ours and without any script.
pub(crate) async fn preview(
    Desks(desk): Desks<Arc<Desk>>,
    visit: Visit,
    Asked(shown): Asked<Shown>,
) -> Result<Response> {
    let verb = Verb::ALL.into_iter().find(|verb| verb.as_str() == shown.verb);
    let verb = verb.ok_or_else(|| Problem::not_found("there is nothing of that name to be shown"))?;
    visit.caller.must_be(verb.role())?;
    let tried = desk.try_out(&visit.caller, verb, &shown.wish).await?;
    let reply = tried.trial().view(&desk.options.local, &Roster::default(), &[], visit.caller.from).reply;
    let mut answer = Html(reply.html).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PREVIEW_POLICY));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    Ok(answer)
}

async fn rehearsal(desk: &Desk, visit: &Visit, verb: Verb, wish: &Wish, why: &str) -> Result<Value> {
    let tried = desk.try_out(&visit.caller, verb, wish).await?;
    // What is done is called as what is shown.
    let called = tried.new_window().filter(|_| verb == Verb::Close).map(|window| window.id.to_string());
    let wish = &Wish { called: called.unwrap_or_default(), ..wish.clone() };
    let named = wish.address()?;
    let address = named.unwrap_or(visit.caller.from);
    // Through a tunnel everybody has the gate's own address.
    let is_tunnel = named.is_none() && address.is_loopback();
    let roster = desk.looks.recent(&*desk.store).await.map(|look| look.roster).unwrap_or_default();
    let has_others = roster.0.len() > 1;
    let mut view = tried.trial().view(&desk.options.local, &roster, &[], address);
    if verb == Verb::Close {
        view.warnings.extend(desk.strangers(&tried.before, &tried.sites).await);
    }
    let is_shown = view.sites.first().is_some_and(|site| site.after != Mode::Off);
    let fields: Vec<_> = wish.fields();
    Ok(context! {
        verb => verb.as_str(), why, fields, query => wish.query(verb), seen => etag(&tried.before),
        title => title(verb, wish, &tried), is_shown, is_later => tried.then > Timestamp::now(),
        then => tried.then.to_string(), is_tunnel, has_others, from => wish.from.trim(),
        differences => Value::from(Serde(&pieces(&differences(&tried.before, &tried.after)))),
        view => Value::from(Serde(&view)),
    })
}

/// The form once more, with what is wrong; what has no form is said on a page of its own.
async fn again(desk: &Desk, visit: Visit, verb: Verb, wish: &Wish, problem: Problem) -> Result<Response> {
    if problem.status != StatusCode::UNPROCESSABLE_ENTITY || verb != Verb::Close {
        return Err(problem);
    }
    let values = context! {
        why => problem.detail, wish => Value::from(Serde(wish)), zones => zones(), is_known => is_known(desk, wish).await?,
        address => visit.caller.from.to_string(),
    };
    Ok(visit.page(desk, problem.status, "change.html", values))
}

/// Whether the State has the site already, or a server serves it.
async fn is_known(desk: &Desk, wish: &Wish) -> Result<bool> {
    let (state, source) = desk.state().await?;
    // While the store is away nobody waits for it here.
    let roster = match source {
        Source::Store => Roster::observe(&*desk.store, Duration::ZERO).await.unwrap_or_default(),
        Source::Instance => Roster::default(),
    };
    Ok(wish.site.is_empty() || wish.host().is_ok_and(|host| roster.knows(&state, &host).is_ok()))
}

/// What is to be done, in the words of its button.
fn title(verb: Verb, wish: &Wish, tried: &Tried) -> String {
    let site = tried.sites.first().map_or_else(String::new, |site| {
        if site.is_any() { "all sites".to_owned() } else { site.to_string() }
    });
    match (verb, wish.mode.as_str()) {
        (Verb::Close, "hold") => format!("Put {site} on hold"),
        (Verb::Close, "read-only") => format!("Make {site} read-only"),
        (Verb::Close, _) => format!("Close {site}"),
        (Verb::Reopen, _) if !wish.scheduled.is_empty() => {
            format!("Reopen {site}, and end what is scheduled there")
        }
        (Verb::Reopen, _) => format!("Reopen {site}"),
        (Verb::End, _) => format!("End window {}", wish.id),
        (Verb::Amend, _) if !wish.extend.is_empty() => {
            format!("Extend window {} by {}", wish.id, wish.extend)
        }
        (Verb::Amend, _) => format!("Change window {}", wish.id),
        (Verb::Rollback, _) => format!("Roll back to revision {}", wish.revision),
        (Verb::Revoke, _) => format!("Revoke pass {}", wish.id),
    }
}

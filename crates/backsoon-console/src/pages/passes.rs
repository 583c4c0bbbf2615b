//! Passes: who goes through closings.

use std::sync::Arc;

use axum::extract::State as Desks;
use axum::response::Response;
use backsoon::time::Timestamp;
use http::StatusCode;
use minijinja::value::Serde;
use minijinja::{Value, context};
use serde::Deserialize;

use super::visit::Visit;
use crate::api::matching::IfMatch;
use crate::api::passes::{InviteBody, PassView};
use crate::console::Desk;
use crate::form::{Asked, Checked};
use crate::people::Role;
use crate::problem::{Problem, Result};

/// What was done just before.
#[derive(Deserialize)]
pub(crate) struct Just {
    #[serde(default)]
    done: String,
}

/// The form for a new pass.
#[derive(Deserialize)]
pub(crate) struct InviteForm {
    bearer: String,
    #[serde(default)]
    site: String,
    #[serde(default)]
    lasts: String,
}

/// `GET /passes`
pub(crate) async fn show(
    Desks(desk): Desks<Arc<Desk>>,
    visit: Visit,
    Asked(just): Asked<Just>,
) -> Result<Response> {
    visit.caller.must_be(Role::Operator)?;
    let done = if just.done == "revoke" { "The pass was revoked: it opens nothing any more." } else { "" };
    shown(&desk, visit, StatusCode::OK, context! { done }).await
}

/// `POST /passes`: a new one, whose link is shown this once.
pub(crate) async fn invite(
    Desks(desk): Desks<Arc<Desk>>,
    Checked(caller, form): Checked<InviteForm>,
) -> Result<Response> {
    caller.must_be(Role::Operator)?;
    let site = match form.site.trim() {
        "" => Ok(backsoon::Host::any()),
        site => site
            .parse()
            .map_err(|error: backsoon::document::NotAHost| Problem::unprocessable(error.to_string())),
    };
    let lasts = match form.lasts.trim() {
        "" => Ok(None),
        span => span.parse().map(Some).map_err(Problem::unprocessable),
    };
    let body =
        site.and_then(|site| Ok(InviteBody { bearer: form.bearer.clone(), site, lasts: lasts?, to: None }));
    let made = match body {
        Ok(body) => desk.invite(&caller, &IfMatch::any(), body).await,
        Err(problem) => Err(problem),
    };
    let visit = Visit::of(caller);
    match made {
        Ok(made) => {
            shown(&desk, visit, StatusCode::CREATED, context! { made => Value::from(Serde(&made)) }).await
        }
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            let typed = context! { bearer => form.bearer, site => form.site, lasts => form.lasts };
            shown(&desk, visit, problem.status, context! { why => problem.detail, typed }).await
        }
        Err(problem) => Err(problem),
    }
}

async fn shown(desk: &Desk, visit: Visit, status: StatusCode, values: Value) -> Result<Response> {
    let (state, _) = desk.state().await?;
    let now = Timestamp::now();
    let passes: Vec<PassView> = state.passes.iter().map(|pass| PassView::of(pass, now)).collect();
    let values = context! { passes => Value::from(Serde(&passes)), ..values };
    Ok(visit.page(desk, status, "passes.html", values))
}

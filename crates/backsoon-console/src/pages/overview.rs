//! What an operator sees first: how each site stands, and whether the servers follow.

use std::sync::Arc;

use axum::extract::State as Desks;
use axum::response::Response;
use backsoon::Mode;
use backsoon::receipt::{Expect, Verdict};
use backsoon::time::Timestamp;
use http::StatusCode;
use minijinja::value::Serde;
use minijinja::{Value, context};

use super::pictures::{charts, timeline};
use super::visit::Visit;
use crate::api::receipt::all;
use crate::api::state::{Source, public};
use crate::console::Desk;
use crate::problem::Result;

/// How many sites, and how many servers that are late, are shown at once.
const MOST: usize = 100;

/// `GET /`
pub(crate) async fn show(Desks(desk): Desks<Arc<Desk>>, visit: Visit) -> Result<Response> {
    let (state, source) = desk.state().await?;
    let mut view = public(&state, source, &desk.since, Timestamp::now());
    let (charts, timeline) = (charts(&desk.figures, Timestamp::now()), timeline(&view, Timestamp::now()));
    let (count, shut) = (view.sites.len(), view.sites.iter().filter(|site| site.mode != Mode::Off).count());
    // Those that need a look first, and `*` before all.
    view.sites.sort_by_key(|site| (!site.site.is_any(), site.mode == Mode::Off));
    let hidden = view.sites.len().saturating_sub(MOST);
    view.sites.truncate(MOST);
    let members = desk.roster(&state).await.unwrap_or_default();
    let expect = Expect { sites: all(&state), instances: 1, ..Expect::default() };
    let receipt = match source {
        Source::Store if state.revision > 0 => desk.receipt(&state, &expect).await.ok(),
        _ => None,
    };
    let held: usize = members.iter().map(|member| member.held).sum();
    let draining: usize = members.iter().map(|member| member.draining).sum();
    let late: Vec<_> =
        receipt.iter().flat_map(|receipt| &receipt.servers).filter(|server| !server.confirmed).collect();
    let troubled: Vec<_> = members.iter().filter(|member| !member.troubles.is_empty()).take(MOST).collect();
    let confirmed = receipt.as_ref().is_some_and(|receipt| receipt.verdict != Verdict::NotConfirmed);
    let values = context! {
        state => Value::from(Serde(&view)), count, shut, hidden, servers => members.len(), held, draining,
        is_away => source == Source::Instance, store => desk.store.url(),
        late_count => late.len(), late => Value::from(Serde(&late[..late.len().min(MOST)])), troubled => Value::from(Serde(&troubled)),
        charts => Value::from(Serde(&charts)), timeline => Value::from(Serde(&timeline)),
        confirmed, can_change => source == Source::Store,
    };
    Ok(visit.page(&desk, StatusCode::OK, "overview.html", values))
}

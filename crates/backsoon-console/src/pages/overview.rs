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
use serde::{Deserialize, Serialize};

use super::pictures::{charts, timeline};
use super::visit::Visit;
use super::wish::in_query;
use crate::api::fleet::members;
use crate::api::receipt::{ReceiptView, all};
use crate::api::state::{SiteView, Source, public};
use crate::console::Desk;
use crate::figures::Present;
use crate::form::Asked;
use crate::problem::Result;

/// How many sites stand on one page.
const PAGE: usize = 50;
/// How many servers that are late or in trouble are shown at once.
const MOST: usize = 100;
/// Fewer sites than this need no search.
const MANY: usize = 10;

/// Which sites.
#[derive(Deserialize)]
pub(crate) struct Which {
    /// A part of the host.
    #[serde(default)]
    host: String,
    /// From 1 on.
    page: Option<usize>,
}

/// One page of the sites that were asked for.
#[derive(Serialize)]
struct Found {
    /// What they were looked for by.
    host: String,
    /// How many there are.
    count: usize,
    page: usize,
    pages: usize,
    /// Where the other pages are, but for their number.
    link: String,
    has_search: bool,
}

/// `GET /`
pub(crate) async fn show(
    Desks(desk): Desks<Arc<Desk>>,
    visit: Visit,
    Asked(which): Asked<Which>,
) -> Result<Response> {
    let (state, source) = desk.state().await?;
    let mut view = public(&state, source, &desk.since, Timestamp::now());
    let timeline = timeline(&view, Timestamp::now());
    let is_shut = |site: &&SiteView| site.mode != Mode::Off;
    let (count, shut) = (view.sites.len(), view.sites.iter().filter(is_shut).count());
    let only = view.sites.iter().find(is_shut).filter(|_| shut == 1);
    let only = only.map(|site| context! { site => site.site.to_string(), mode => site.mode.to_string() });
    let found = Found::narrow(&mut view.sites, &which);
    // While the store is away nobody waits for it here.
    let look = match source {
        Source::Store => desk.looks.recent_of(&*desk.store, &state).await.ok(),
        _ => None,
    };
    let present = look.as_ref().map(|look| Present::of(&look.roster.0));
    let charts = charts(&desk.figures, present, Timestamp::now());
    let members = look.as_ref().map(|look| members(look, &state)).unwrap_or_default();
    let expect = Expect { sites: all(&state), instances: 1, ..Expect::default() };
    let receipt = look
        .filter(|_| source == Source::Store && state.revision > 0)
        .map(|look| ReceiptView::of(&look.receipt(&*desk.store, &state, &expect)));
    let held: usize = members.iter().map(|member| member.held).sum();
    let draining: usize = members.iter().map(|member| member.draining).sum();
    let late: Vec<_> =
        receipt.iter().flat_map(|receipt| &receipt.servers).filter(|server| !server.confirmed).collect();
    let troubled: Vec<_> = members.iter().filter(|member| !member.troubles.is_empty()).take(MOST).collect();
    let confirmed = receipt.as_ref().is_some_and(|receipt| receipt.verdict != Verdict::NotConfirmed);
    let values = context! {
        state => Value::from(Serde(&view)), count, shut, only, found => Value::from(Serde(&found)),
        servers => members.len(), held, draining,
        is_away => source == Source::Instance, store => desk.store.url(),
        late_count => late.len(), late => Value::from(Serde(&late[..late.len().min(MOST)])), troubled => Value::from(Serde(&troubled)),
        charts => Value::from(Serde(&charts)), timeline => Value::from(Serde(&timeline)),
        confirmed, can_change => source == Source::Store,
    };
    Ok(visit.page(&desk, StatusCode::OK, "overview.html", values))
}

// === impl Found ===

impl Found {
    /// Leaves those of `sites` that stand on the page that is asked for.
    fn narrow(sites: &mut Vec<SiteView>, which: &Which) -> Self {
        let has_search = sites.len() >= MANY;
        let host = which.host.trim().to_ascii_lowercase();
        sites.retain(|site| site.site.as_str().contains(&host));
        // Those that need a look first, and `*` before all.
        sites.sort_by_key(|site| (!site.site.is_any(), site.mode == Mode::Off));
        let count = sites.len();
        let pages = count.div_ceil(PAGE).max(1);
        let page = which.page.unwrap_or(1).clamp(1, pages);
        sites.drain(..(page - 1) * PAGE);
        sites.truncate(PAGE);
        let link = match host.as_str() {
            "" => "/?page=".to_owned(),
            host => format!("/?host={}&page=", in_query(host)),
        };
        Self { host, count, page, pages, link, has_search }
    }
}

//! `GET /state` and `GET /sites`: what is asked for, and how each site stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Desks;
use axum::response::{IntoResponse as _, Response};
use backsoon::decide::Local;
use backsoon::document::{Page, Site, Window};
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State, control, store};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use super::matching::etag;
use super::since::Since;
use crate::caller::Viewer;
use crate::client::one;
use crate::console::Desk;
use crate::problem::{Problem, Result};

/// The State as anybody with a role may see it: no secrets, no sources of pages.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct StateView {
    /// The name of the document's history; none before anything was ever changed.
    lineage: Option<String>,
    /// Counts the changes.
    pub(crate) revision: u64,
    /// When the last change was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    changed_at: Option<Timestamp>,
    /// Who made it.
    changed_by: Option<String>,
    /// What it was, and why.
    note: Option<String>,
    /// Where this comes from.
    pub(crate) source: Source,
    /// Every site, `*` first.
    pub(crate) sites: Vec<SiteView>,
}

/// Where a State comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// Read from the store.
    Store,
    /// The store is away: what this server has in force.
    Instance,
}

/// How one site stands.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct SiteView {
    /// The host, `*.suffix` or `*`.
    #[schema(value_type = String)]
    pub(crate) site: Host,
    /// How closed it is.
    #[schema(value_type = ModeName)]
    pub(crate) mode: Mode,
    /// The window that makes it so, which may be written under a wider site.
    pub(crate) window: Option<String>,
    /// Since when that is in force.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) since: Option<Timestamp>,
    /// When visitors are let in again, if that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) until: Option<Timestamp>,
    /// Who added that window.
    pub(crate) by: Option<String>,
    /// Why, for operators only.
    pub(crate) why: Option<String>,
    /// What visitors are told.
    pub(crate) message: Option<String>,
    /// Every window written under this very site, past ones excepted.
    pub(crate) windows: Vec<WindowView>,
    /// The rules in force, in order.
    rules: Vec<RuleView>,
    /// Whether health paths are kept open.
    health: bool,
    /// How visitors are told, if this very site says so.
    page: Option<PageView>,
}

/// One closing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct WindowView {
    /// By which it is ended.
    pub(crate) id: String,
    /// The site that it is written under.
    #[schema(value_type = String)]
    pub(crate) site: Host,
    /// How strict.
    #[schema(value_type = ModeName)]
    pub(crate) mode: Mode,
    /// Whether it is in force now.
    pub(crate) in_force: bool,
    /// From when on; none: it began when it was added.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) start: Option<Timestamp>,
    /// Since when it is in force, if it is and that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) since: Option<Timestamp>,
    /// When it ends by itself; none: never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) end: Option<Timestamp>,
    /// What added it: operator, schedule, run or code.
    #[schema(value_type = String)]
    source: backsoon::document::Source,
    /// Who added it.
    pub(crate) by: String,
    /// Why, for operators only.
    pub(crate) note: String,
    /// What visitors are told.
    pub(crate) message: Option<String>,
    /// In `hold`, how long one request waits at most, in milliseconds.
    max_wait_ms: u64,
    /// In `hold`, how many wait at once on one server.
    max_held: usize,
    /// In `hold`, how many go on per second and server.
    release_per_s: Option<u32>,
    /// After how many milliseconds earlier requests are ended.
    cut_after_ms: Option<u64>,
}

/// An exception.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RuleView {
    /// What people call it.
    name: String,
    /// `open` or `closed`.
    then: String,
    /// What has to hold.
    #[schema(value_type = Object)]
    when: serde_json::Value,
}

/// How visitors are told.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct PageView {
    status: u16,
    title: Option<String>,
    message: Option<String>,
    /// Where visitors are sent instead.
    redirect: Option<String>,
    /// Whether the site has a page of its own in place of the built-in one.
    own: bool,
}

/// How closed a site is, from open to strictest.
#[derive(ToSchema)]
#[serde(rename_all = "kebab-case")]
#[allow(dead_code, reason = "only its schema is used: the library's own `Mode` is what is sent")]
pub(crate) enum ModeName {
    Off,
    ReadOnly,
    Hold,
    On,
}

/// The State as anybody with a role may see it. Everything that shows a State outside calls this.
pub(crate) fn public(state: &State, source: Source, since: &Since, now: Timestamp) -> StateView {
    let snapshot = Snapshot::settle(state, &Local::default(), now, None);
    let is_there = state.revision > 0;
    let sites = state.sites().filter_map(|(host, site)| {
        let settled = snapshot.exactly(&host)?;
        let windows = site.windows.iter().filter(|window| !window.is_over(now));
        let window = settled.window();
        Some(SiteView {
            mode: settled.mode(),
            window: window.map(|window| window.id.to_string()),
            since: window.and_then(|window| window.start.or_else(|| since.added(&window.id))),
            until: settled.reopens().or_else(|| window.and_then(|window| window.end)),
            by: window.map(|window| window.by.clone()),
            why: window.map(|window| window.note.clone()),
            message: window.and_then(|window| window.message.clone()),
            windows: windows.map(|window| WindowView::of(&host, window, since, now)).collect(),
            rules: settled.policy().rules.iter().map(RuleView::of).collect(),
            health: settled.policy().health == backsoon::document::Health::On,
            page: page(site),
            site: host,
        })
    });
    StateView {
        sites: sites.collect(),
        lineage: is_there.then(|| state.lineage.to_string()),
        revision: state.revision,
        changed_at: is_there.then_some(state.change.at),
        changed_by: is_there.then(|| state.change.by.clone()),
        note: is_there.then(|| state.change.note.clone()),
        source,
    }
}

/// What is asked for.
#[utoipa::path(get, path = "/api/v1/state", operation_id = "get_state", tag = "state", responses(
    (status = 200, body = StateView, headers(("ETag", description = "For If-Match"))),
    (status = 304, description = "It is the one named in If-None-Match"),
))]
pub(crate) async fn read(Desks(desk): Desks<Arc<Desk>>, _: Viewer, headers: HeaderMap) -> Result<Response> {
    let (state, source) = desk.state().await?;
    let tag = etag(&state);
    let is_known = one(&headers, header::IF_NONE_MATCH.as_str())
        .is_some_and(|tags| tags.split(',').map(str::trim).any(|known| known == tag));
    let mut answer = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        axum::Json(public(&state, source, &desk.since, Timestamp::now())).into_response()
    };
    tagged(&mut answer, &tag);
    Ok(answer)
}

/// How each site stands.
#[utoipa::path(get, path = "/api/v1/sites", operation_id = "list_sites", tag = "state", responses((status = 200, body = Vec<SiteView>)))]
pub(crate) async fn sites(Desks(desk): Desks<Arc<Desk>>, _: Viewer) -> Result<axum::Json<Vec<SiteView>>> {
    let (state, source) = desk.state().await?;
    Ok(axum::Json(public(&state, source, &desk.since, Timestamp::now()).sites))
}

pub(crate) fn tagged(answer: &mut Response, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
}

// === impl Desk ===

impl Desk {
    /// The State of the store, or while that is away the one that this server has in force.
    pub(crate) async fn state(&self) -> Result<(State, Source)> {
        let control = self.reader();
        match control.read().await {
            Ok(state) => {
                let state = state.unwrap_or_default();
                self.since.learn(&control, &state).await;
                Ok((state, Source::Store))
            }
            Err(
                error
                @ (control::Error::Store(store::Error::Away { .. }) | control::Error::Unreadable { .. }),
            ) => {
                self.looks.forget();
                let held = self.instance.state().ok_or_else(|| Problem::from(error))?;
                Ok((State::clone(&held), Source::Instance))
            }
            Err(error) => Err(error.into()),
        }
    }
}

// === impl WindowView ===

impl WindowView {
    pub(crate) fn of(host: &Host, window: &Window, since: &Since, now: Timestamp) -> Self {
        let in_force = window.in_force(now);
        Self {
            id: window.id.to_string(),
            site: host.clone(),
            mode: window.mode,
            in_force,
            start: window.start,
            since: in_force.then(|| window.start.or_else(|| since.added(&window.id))).flatten(),
            end: window.end,
            source: window.source,
            by: window.by.clone(),
            note: window.note.clone(),
            message: window.message.clone(),
            max_wait_ms: window.hold.max_wait_ms,
            max_held: window.hold.max_held,
            release_per_s: window.hold.release_per_s.map(std::num::NonZeroU32::get),
            cut_after_ms: window.cut_after_ms,
        }
    }
}

// === impl RuleView ===

impl RuleView {
    fn of(rule: &backsoon::Rule) -> Self {
        let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            name: rule.name.to_string(),
            then: word(serde_json::to_value(rule.then).unwrap_or_default()),
            when: serde_json::to_value(&rule.when).unwrap_or_default(),
        }
    }
}

fn page(site: &Site) -> Option<PageView> {
    let page: &Page = site.page.as_ref()?;
    Some(PageView {
        status: page.status.as_u16(),
        title: page.title.clone(),
        message: page.message.clone(),
        redirect: page.redirect.as_ref().map(|redirect| redirect.to().to_owned()),
        own: page.html.is_some(),
    })
}

/// Windows of every site, by id.
pub(crate) fn windows(state: &State) -> BTreeMap<String, (Host, Window)> {
    let all = state.sites().flat_map(|(host, site)| {
        site.windows.iter().map(move |window| (window.id.to_string(), (host.clone(), window.clone())))
    });
    all.collect()
}

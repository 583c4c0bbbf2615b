//! Closing, amending and reopening: `POST /windows`, `PATCH` and `DELETE /windows/{id}`, `POST /reopen`.
//!
//! It is long because each call stands here with what it takes, what it answers and what the OpenAPI document says of it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Desks;
use axum::response::{IntoResponse as _, Response};
use backsoon::control::Outcome;
use backsoon::document::{Added, Amendment, Closing, Ends, Hold, Scheduled, WindowId};
use backsoon::fleet::Roster;
use backsoon::snapshot::Closed;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State, Window};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::matching::{IfMatch, etag};
use super::span::{Span, said};
use super::state::{ModeName, WindowView, tagged};
use crate::caller::{Caller, Operator};
use crate::console::Desk;
use crate::form::{Json, Part};
use crate::problem::{Problem, Result};

/// The longest message or note, in characters.
const LONGEST: usize = 2_000;
/// The most sites that are named at once.
const MOST_SITES: usize = 100;

/// A closing, as it is asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseBody {
    /// How strict: `read-only`, `hold` or `on`.
    #[schema(value_type = ModeName)]
    pub(crate) mode: Mode,
    /// The sites; `*` unless given.
    #[serde(default = "any")]
    #[schema(value_type = Vec<String>, example = json!(["shop.example.com"]), min_items = 1, max_items = 100)]
    pub(crate) sites: Vec<Host>,
    /// From when on; at once unless given.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) start: Option<Timestamp>,
    /// Until when.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) end: Option<Timestamp>,
    /// For how long, in place of `end`: `30m`.
    #[serde(rename = "for")]
    #[schema(value_type = Option<String>, example = "30m")]
    pub(crate) lasts: Option<Span>,
    /// What visitors are told.
    #[schema(max_length = 2000)]
    pub(crate) message: Option<String>,
    /// Why, for operators only.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub(crate) note: String,
    /// In `hold`, how long one request waits at most: `30s`.
    #[schema(value_type = Option<String>, example = "30s")]
    pub(crate) max_wait: Option<Span>,
    /// In `hold`, how many wait at once on one server.
    #[schema(value_type = Option<u32>)]
    pub(crate) max_held: Option<u32>,
    /// In `hold`, how many go on per second and server after the reopening.
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub(crate) release_per_s: Option<NonZeroU32>,
    /// End what still runs so long after the closing, on servers that can: `30s`.
    #[schema(value_type = Option<String>, example = "30s")]
    pub(crate) cut_after: Option<Span>,
    /// Makes sites that nobody has heard of yet.
    #[serde(default)]
    pub(crate) new_site: bool,
    /// What the window is to be called, as a page has shown it; programs do not say.
    #[serde(skip)]
    pub(crate) called: Option<WindowId>,
}

/// What is to change about a window; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AmendBody {
    /// Puts the end off by so much: `15m`.
    #[schema(value_type = Option<String>, example = "15m")]
    pub(crate) extend: Option<Span>,
    /// Another end; `null`: until it is ended.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) end: Option<Option<Timestamp>>,
    /// Another message; `null`: none.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    pub(crate) message: Option<Option<String>>,
    /// Another reason.
    #[schema(max_length = 2000)]
    pub(crate) note: Option<String>,
}

/// What is to be reopened.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReopenBody {
    /// The sites; every site of the document unless given.
    #[schema(value_type = Option<Vec<String>>, max_items = 100)]
    pub(crate) sites: Option<Vec<Host>>,
    /// Ends scheduled windows of these sites, too.
    pub(crate) scheduled: bool,
    /// Why.
    #[schema(max_length = 2000)]
    pub(crate) note: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangeView {
    /// The revision that is in the store now.
    revision: u64,
    /// Its ETag.
    etag: String,
    /// Whether anything had to be changed.
    pub(crate) changed: bool,
    /// The windows that this is about: added, amended or ended.
    windows: Vec<WindowView>,
    /// What still keeps sites of this change closed.
    pub(crate) still_closed: Vec<ClosedView>,
}

/// A site that is not open.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosedView {
    /// The site.
    #[schema(value_type = String)]
    site: Host,
    /// How closed it is.
    #[schema(value_type = ModeName)]
    mode: Mode,
    /// Why.
    windows: Vec<WindowView>,
}

/// A change that was asked for, and the windows that it is about.
pub(crate) struct Done {
    outcome: Outcome,
    windows: Vec<(Host, Window)>,
}

/// Closes sites, now or at a time to come.
#[utoipa::path(post, path = "/api/v1/windows", operation_id = "close", tag = "windows", request_body = CloseBody,
    params(("If-Match" = Option<String>, Header, description = "The ETag of the State that was seen")),
    responses((status = 201, body = ChangeView), (status = 200, body = ChangeView, description = "It was so already")))]
pub(crate) async fn close(
    Desks(desk): Desks<Arc<Desk>>,
    Operator(caller): Operator,
    seen: IfMatch,
    Json(body): Json<CloseBody>,
) -> Result<Response> {
    let done = desk.close(&caller, &seen, body).await?;
    let status =
        if matches!(done.outcome, Outcome::Written(_)) { StatusCode::CREATED } else { StatusCode::OK };
    Ok(done.answer(&desk, status, Vec::new()))
}

/// Extends a window, or changes its end, its message or its note.
#[utoipa::path(patch, path = "/api/v1/windows/{id}", operation_id = "amend_window", tag = "windows", request_body = AmendBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = ChangeView)))]
pub(crate) async fn amend(
    Desks(desk): Desks<Arc<Desk>>,
    Operator(caller): Operator,
    seen: IfMatch,
    Part(id): Part,
    Json(body): Json<AmendBody>,
) -> Result<Response> {
    let done = desk.amend(&caller, &seen, &window_id(&id)?, body).await?;
    Ok(done.answer(&desk, StatusCode::OK, Vec::new()))
}

/// Ends exactly one window, whoever added it.
#[utoipa::path(delete, path = "/api/v1/windows/{id}", operation_id = "end_window", tag = "windows",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, body = ChangeView)))]
pub(crate) async fn end(
    Desks(desk): Desks<Arc<Desk>>,
    Operator(caller): Operator,
    seen: IfMatch,
    Part(id): Part,
) -> Result<Response> {
    let done = desk.end(&caller, &seen, &window_id(&id)?).await?;
    let hosts = done.windows.iter().map(|(host, _)| host.clone()).collect();
    Ok(done.answer(&desk, StatusCode::OK, hosts))
}

/// Reopens sites: ends the windows that operators have added.
#[utoipa::path(post, path = "/api/v1/reopen", operation_id = "reopen", tag = "windows", request_body = ReopenBody,
    params(("If-Match" = Option<String>, Header)),
    responses((status = 200, body = ChangeView)))]
pub(crate) async fn reopen(
    Desks(desk): Desks<Arc<Desk>>,
    Operator(caller): Operator,
    seen: IfMatch,
    Json(body): Json<ReopenBody>,
) -> Result<Response> {
    let (done, hosts) = desk.reopen(&caller, &seen, &body).await?;
    Ok(done.answer(&desk, StatusCode::OK, hosts))
}

// === impl CloseBody ===

impl CloseBody {
    /// What it asks for, if it can be meant.
    pub(crate) fn read(self) -> Result<(Closing, Vec<Host>)> {
        texts([self.message.as_deref(), Some(&self.note)])?;
        let sites = named(&self.sites)?;
        Ok((closing(self)?, sites))
    }
}

// === impl ReopenBody ===

impl ReopenBody {
    /// What becomes of scheduled windows.
    pub(crate) fn scheduled(&self) -> Scheduled {
        if self.scheduled { Scheduled::End } else { Scheduled::Stay }
    }
}

// === impl AmendBody ===

impl AmendBody {
    /// What it asks for.
    pub(crate) fn read(self) -> Result<Amendment> {
        texts([self.message.as_ref().and_then(|text| text.as_deref()), self.note.as_deref()])?;
        let extend = self.extend.map(|span| span.0);
        Ok(Amendment { end: self.end, extend, message: self.message, note: self.note })
    }
}

// === impl Desk ===

impl Desk {
    /// Adds a window to each site.
    pub(crate) async fn close(&self, caller: &Caller, seen: &IfMatch, body: CloseBody) -> Result<Done> {
        let now = Timestamp::now();
        let (may_be_new, called) = (body.new_site, body.called.clone());
        let (closing, sites) = body.read()?;
        let wanted = closing
            .window(&caller.signature(), now)
            .map_err(|why| Problem::unprocessable(why.to_string()))?;
        let roster = Roster::observe(&*self.store, Duration::ZERO).await?;
        let mut windows = Vec::new();
        let line = closing.line(&sites);
        let outcome = self.change(caller, seen, &line, |state| {
            windows.clear();
            for host in &sites {
                if !may_be_new {
                    roster
                        .knows(state, host)
                        .map_err(|why| Problem::unprocessable(format!("{why} (`new_site` makes it)")))?;
                }
                windows.push((host.clone(), close_as(state, host, &wanted, called.as_ref(), now)));
            }
            Ok(())
        });
        let outcome = outcome.await?;
        Ok(Done { outcome, windows })
    }

    /// Changes what is named about one window.
    pub(crate) async fn amend(
        &self,
        caller: &Caller,
        seen: &IfMatch,
        id: &WindowId,
        body: AmendBody,
    ) -> Result<Done> {
        let (amendment, now) = (body.read()?, Timestamp::now());
        let mut windows = Vec::new();
        let line = format!("amend window {id}");
        let outcome = self.change(caller, seen, &line, |state| {
            windows = vec![amended(state, id, &amendment, now)?];
            Ok(())
        });
        let outcome = outcome.await?;
        Ok(Done { outcome, windows })
    }

    /// Ends one window.
    pub(crate) async fn end(&self, caller: &Caller, seen: &IfMatch, id: &WindowId) -> Result<Done> {
        let mut windows = Vec::new();
        let line = format!("off, window {id}");
        let outcome = self.change(caller, seen, &line, |state| {
            windows = vec![state.end_window(id).ok_or_else(|| Problem::not_found(state.no_window(id)))?];
            Ok(())
        });
        let outcome = outcome.await?;
        Ok(Done { outcome, windows })
    }

    /// Ends the operators' windows of the sites named, or of all.
    pub(crate) async fn reopen(
        &self,
        caller: &Caller,
        seen: &IfMatch,
        body: &ReopenBody,
    ) -> Result<(Done, Vec<Host>)> {
        let now = Timestamp::now();
        texts([Some(&body.note), None])?;
        let asked = body.sites.as_deref().map(named).transpose()?;
        let line = match &asked {
            Some(sites) => format!("off {}", sites.iter().map(Host::as_str).collect::<Vec<_>>().join(", ")),
            None => "off, all sites".to_owned(),
        };
        let line = if body.note.is_empty() { line } else { format!("{line}: {}", body.note) };
        let scheduled = body.scheduled();
        let roster = Roster::observe(&*self.store, Duration::ZERO).await?;
        let (mut windows, mut hosts) = (Vec::new(), Vec::new());
        let outcome = self.change(caller, seen, &line, |state| {
            windows.clear();
            hosts = asked.clone().unwrap_or_else(|| state.sites().map(|(host, _)| host).collect());
            for host in &hosts {
                roster.knows(state, host).map_err(|why| Problem::unprocessable(why.to_string()))?;
                windows.extend(
                    state.reopen(host, scheduled, now).into_iter().map(|window| (host.clone(), window)),
                );
            }
            Ok(())
        });
        let outcome = outcome.await?;
        Ok((Done { outcome, windows }, hosts))
    }
}

// === impl Done ===

impl Done {
    /// What was done, and which of `hosts` is still closed.
    pub(crate) fn view(&self, desk: &Desk, hosts: Vec<Host>) -> ChangeView {
        let (state, now) = (self.outcome.state(), Timestamp::now());
        let view = |(host, window): &(Host, Window)| WindowView::of(host, window, &desk.since, now);
        let closed = hosts.iter().filter_map(|host| Closed::find(state, host, now));
        ChangeView {
            revision: state.revision,
            etag: etag(state),
            changed: matches!(self.outcome, Outcome::Written(_)),
            windows: self.windows.iter().map(view).collect(),
            still_closed: closed
                .map(|closed| ClosedView {
                    windows: closed.windows.iter().map(view).collect(),
                    site: closed.host,
                    mode: closed.mode,
                })
                .collect(),
        }
    }

    /// The outcome alone, of a change that is about no window in particular.
    pub(crate) fn plain(outcome: Outcome) -> Self {
        Self { outcome, windows: Vec::new() }
    }

    /// The State that is in the store now.
    pub(crate) fn state(&self) -> &State {
        self.outcome.state()
    }

    pub(crate) fn answer(self, desk: &Desk, status: StatusCode, hosts: Vec<Host>) -> Response {
        let mut answer = (status, axum::Json(self.view(desk, hosts))).into_response();
        tagged(&mut answer, &etag(self.outcome.state()));
        answer
    }
}

/// The window that closes `host` as `wanted` says; a new one is called `called`, unless another one is.
pub(crate) fn close_as(
    state: &mut State,
    host: &Host,
    wanted: &Window,
    called: Option<&WindowId>,
    now: Timestamp,
) -> Window {
    let is_free = called.is_some_and(|id| state.window(id).is_none());
    let mut window = match state.close(host, wanted, now) {
        Added::Already(window) => return window,
        Added::New(window) => window,
    };
    if let Some(id) = called.filter(|_| is_free)
        && let Some(there) = state.site_mut(host).windows.iter_mut().find(|there| there.id == window.id)
    {
        (there.id, window.id) = (id.clone(), id.clone());
    }
    window
}

/// The window called `id` as it is after the amendment, which has been made to `state`.
pub(crate) fn amended(
    state: &mut State,
    id: &WindowId,
    amendment: &Amendment,
    now: Timestamp,
) -> Result<(Host, Window)> {
    if state.window(id).is_none() {
        return Err(Problem::not_found(state.no_window(id)));
    }
    state.amend(id, amendment, now).map_err(|why| Problem::unprocessable(why.to_string()))
}

fn any() -> Vec<Host> {
    vec![Host::any()]
}

fn closing(body: CloseBody) -> Result<Closing> {
    let usual = Hold::default();
    if body.mode == Mode::Off {
        return Err(Problem::unprocessable("`off` closes nothing; reopen with POST /api/v1/reopen"));
    }
    let for_hold = body.max_wait.is_some() || body.max_held.is_some() || body.release_per_s.is_some();
    if for_hold && body.mode != Mode::Hold {
        return Err(Problem::unprocessable("max_wait, max_held and release_per_s are for the mode `hold`"));
    }
    let ends = match (body.end, body.lasts) {
        (Some(_), Some(_)) => return Err(Problem::unprocessable("name `end` or `for`, not both")),
        (Some(end), None) => Ends::At(end),
        (None, Some(span)) => Ends::After(span.0),
        (None, None) => Ends::Never,
    };
    let millis = |span: Span| span.0.as_millis().try_into().unwrap_or(u64::MAX);
    Ok(Closing {
        at: body.start,
        ends,
        hold: Hold {
            max_wait_ms: body.max_wait.map_or(usual.max_wait_ms, millis),
            max_held: body.max_held.map_or(usual.max_held, |most| most as usize),
            release_per_s: body.release_per_s,
        },
        cut_after: body.cut_after.map(|span| span.0),
        message: body.message.filter(|text| !text.is_empty()),
        note: body.note,
        ..Closing::new(body.mode)
    })
}

fn named(sites: &[Host]) -> Result<Vec<Host>> {
    if sites.is_empty() || sites.len() > MOST_SITES {
        return Err(Problem::unprocessable(format!("name 1 to {MOST_SITES} sites")));
    }
    let mut sites = sites.to_vec();
    sites.sort();
    sites.dedup();
    Ok(sites)
}

fn texts<const N: usize>(texts: [Option<&str>; N]) -> Result<()> {
    match texts.into_iter().flatten().any(|text| text.chars().count() > LONGEST) {
        true => Err(Problem::unprocessable(format!("a message or a note has at most {LONGEST} characters"))),
        false => Ok(()),
    }
}

pub(crate) fn window_id(text: &str) -> Result<WindowId> {
    text.parse().map_err(|error: backsoon::document::NotAWindow| Problem::not_found(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_contradicts_itself_is_refused() {
        let read = |text: &str| closing(serde_json::from_str::<CloseBody>(text).unwrap());
        assert!(read(r#"{"mode":"off"}"#).is_err());
        assert!(read(r#"{"mode":"on","max_held":1}"#).is_err());
        assert!(read(r#"{"mode":"on","for":"1h","end":"2030-01-01T00:00:00Z"}"#).is_err());
        assert_eq!(read(r#"{"mode":"hold","max_wait":"5s"}"#).unwrap().hold.max_wait_ms, 5000);
    }
}

//! `GET /state` and `GET /sites`: what is asked for, and how each site stands.

mod policy;
mod view;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Desks;
use axum::response::{IntoResponse as _, Response};
use backsoon::document::Window;
use backsoon::time::Timestamp;
use backsoon::{Host, State, control, store};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::view::{SiteView, StateView, public};
pub(crate) use self::window::WindowView;
use super::matching::etag;
use crate::caller::Viewer;
use crate::client::one;
use crate::console::Desk;
use crate::problem::{Problem, Result};

/// Where a State comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// Read from the store.
    Store,
    /// The store is away: what this server has in force.
    Instance,
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

pub(crate) fn tagged(answer: &mut Response, tag: &str) {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
}

/// Windows of every site, by id.
pub(crate) fn windows(state: &State) -> BTreeMap<String, (Host, Window)> {
    let all = state.sites().flat_map(|(host, site)| {
        site.windows.iter().map(move |window| (window.id.to_string(), (host.clone(), window.clone())))
    });
    all.collect()
}

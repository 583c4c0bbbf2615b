//! `GET /fleet`: who follows the store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State as Desks;
use backsoon::fleet::{self, Lookout, Member};
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::state::ModeName;
use crate::caller::Viewer;
use crate::console::Desk;
use crate::looks::Look;
use crate::problem::Result;

/// Everybody on the roster.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct FleetView {
    /// The store's URL, without secrets.
    store: String,
    /// The revision that they should have.
    revision: u64,
    /// Who they are, by name.
    pub(crate) instances: Vec<MemberView>,
    /// Windows of programs that nobody stands behind any more.
    lapsed: Vec<String>,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct MemberView {
    /// Its name.
    pub(crate) name: String,
    /// gate, web, worker or job.
    #[schema(value_type = String)]
    kind: fleet::Kind,
    /// live, unheard, lost, fenced or dead.
    #[schema(value_type = String)]
    pub(crate) life: fleet::Life,
    /// The version of Backsoon in it.
    program: String,
    /// The machine that it runs on.
    host: String,
    /// Its process.
    pid: u32,
    /// The revision that it has.
    revision: u64,
    /// Whether that is the State's, or a later one.
    pub(crate) follows: bool,
    /// The sites that are not open there.
    #[schema(value_type = BTreeMap<String, ModeName>)]
    closings: BTreeMap<Host, Mode>,
    /// The hosts that it is known to serve; none: any.
    #[schema(value_type = Vec<String>)]
    serves: Vec<Host>,
    /// Requests that still run under what was replaced.
    pub(crate) draining: usize,
    /// Requests that wait.
    pub(crate) held: usize,
    /// How many requests it has cut since it started.
    cut_total: u64,
    /// How long ago it last heard from the store, in milliseconds; none: never.
    age_ms: Option<u64>,
    /// For how long its beat has not moved, in milliseconds, by this server's clock.
    silent_ms: u64,
    /// Its clock less ours, in milliseconds, the way of the report included.
    #[serde(skip_serializing_if = "Option::is_none")]
    skew_ms: Option<i64>,
    /// What is not as it should be.
    pub(crate) troubles: Vec<String>,
}

/// Who follows the store.
#[utoipa::path(get, path = "/api/v1/fleet", operation_id = "get_fleet", tag = "fleet", responses((status = 200, body = FleetView)))]
pub(crate) async fn read(Desks(desk): Desks<Arc<Desk>>, _: Viewer) -> Result<Json<FleetView>> {
    let (state, _) = desk.state().await?;
    let mut instances = desk.roster(&state).await?;
    instances.sort_by(|a, b| a.name.cmp(&b.name));
    let lapsed = fleet::lapsed(&*desk.store, &state, Duration::ZERO).await?;
    Ok(Json(FleetView {
        store: desk.store.url(),
        revision: state.revision,
        instances,
        lapsed: lapsed.iter().map(ToString::to_string).collect(),
    }))
}

// === impl Desk ===

impl Desk {
    /// The roster as it is, or was a moment ago.
    pub(crate) async fn roster(&self, state: &State) -> Result<Vec<MemberView>> {
        Ok(members(&self.looks.recent(&*self.store).await?, state))
    }
}

/// Everybody whom a look has found.
pub(crate) fn members(look: &Look, state: &State) -> Vec<MemberView> {
    look.roster.0.iter().map(|member| MemberView::of(member, state, &look.lookout)).collect()
}

// === impl MemberView ===

impl MemberView {
    fn of(member: &Member, state: &State, lookout: &Lookout) -> Self {
        let report = &member.report;
        let silent = lookout.silence(&report.name).as_millis().try_into().unwrap_or(u64::MAX);
        Self {
            name: report.name.clone(),
            kind: report.kind,
            life: member.life,
            program: report.program.clone(),
            host: report.place.host.clone(),
            pid: report.place.pid,
            revision: report.revision,
            follows: state.revision == 0 || report.has(state),
            closings: report.closings.clone(),
            serves: report.serves.clone(),
            draining: report.draining.values().sum(),
            held: report.held,
            cut_total: report.cut_total,
            age_ms: Some(report.age_ms).filter(|age| *age != u64::MAX),
            silent_ms: silent,
            skew_ms: (silent < 1000).then(|| report.clock.as_millis() - Timestamp::now().as_millis()),
            troubles: report.complaints().map(str::to_owned).collect(),
        }
    }

    /// The same without what moves by itself.
    pub(crate) fn settled(&self) -> Self {
        Self { silent_ms: 0, skew_ms: None, age_ms: None, ..self.clone() }
    }
}

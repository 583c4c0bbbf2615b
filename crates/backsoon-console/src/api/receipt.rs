//! `GET /receipt`: one look whether a revision is in force everywhere.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State as Desks;
use backsoon::fleet::Kind;
use backsoon::receipt::{Expect, Late, Lost, Receipt, Verdict};
use backsoon::{Host, Mode, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::state::ModeName;
use crate::caller::Viewer;
use crate::console::Desk;
use crate::form::Asked;
use crate::problem::{Problem, Result};

/// What is to be proven.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReceiptQuery {
    /// The revision; the current one unless given.
    revision: Option<u64>,
    /// The site; all of them unless given.
    #[param(value_type = Option<String>)]
    site: Option<Host>,
    /// Fewer instances than this confirm nothing (1).
    instances: Option<u32>,
    /// Confirm without servers that are lost or fenced.
    accept_lost: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ReceiptView {
    /// confirmed, forced (some requests were cut, or left behind by a server that has ended), in-force, scheduled, or
    /// not-confirmed.
    #[schema(value_type = String)]
    pub(crate) verdict: Verdict,
    /// The document's history.
    lineage: String,
    /// The revision that this is about.
    pub(crate) revision: u64,
    /// The sites concerned, and the mode asked for on each.
    #[schema(value_type = BTreeMap<String, ModeName>)]
    sites: BTreeMap<Host, Mode>,
    /// Everybody on the roster.
    pub(crate) servers: Vec<ServerView>,
    /// What is let in all the same, by the State's rules.
    admits: Vec<String>,
    /// Requests that were cut for the sake of this change.
    cut: Vec<CutView>,
    /// Servers that have ended without a farewell within the last 15 minutes, in sentences: what they had handed on may still
    /// run.
    ended: Vec<String>,
}

/// One instance, and what keeps it from confirming.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ServerView {
    /// Its name.
    pub(crate) name: String,
    /// gate, web, worker or job.
    #[schema(value_type = String)]
    kind: Kind,
    /// Whether it has confirmed.
    pub(crate) confirmed: bool,
    /// What is in the way: behind, lost, fenced, refuses, less-strict or draining.
    #[schema(value_type = Option<String>)]
    late: Option<String>,
    /// The same in a sentence.
    pub(crate) why: Option<String>,
    /// What its own rules and marks let in all the same.
    admits: Vec<String>,
    /// What its own rules refuse all the same.
    refuses: Vec<String>,
}

/// A request that was cut.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct CutView {
    server: String,
    method: String,
    path: String,
    age_ms: u64,
}

/// Whether a revision is in force everywhere, and who is late and why.
#[utoipa::path(get, path = "/api/v1/receipt", operation_id = "get_receipt", tag = "fleet", params(ReceiptQuery),
    responses((status = 200, body = ReceiptView)))]
pub(crate) async fn read(
    Desks(desk): Desks<Arc<Desk>>,
    _: Viewer,
    Asked(asked): Asked<ReceiptQuery>,
) -> Result<Json<ReceiptView>> {
    let state = match asked.revision {
        Some(revision) => desk.reader().at(revision).await?,
        None => {
            desk.reader().read().await?.ok_or_else(|| Problem::not_found("nothing was ever changed here"))?
        }
    };
    let expect = Expect {
        sites: asked.site.map_or_else(|| all(&state), |site| vec![site]),
        instances: asked.instances.unwrap_or(1) as usize,
        lost: if asked.accept_lost { Lost::Accepted } else { Lost::Blocks },
        // Whoever names a change wants to know of that; of what is in force, how it stands now.
        asked: asked.revision.map(|_| state.change.at),
    };
    Ok(Json(desk.receipt(&state, &expect).await?))
}

/// Every site of a State.
pub(crate) fn all(state: &State) -> Vec<Host> {
    state.sites().map(|(host, _)| host).collect()
}

// === impl Desk ===

impl Desk {
    /// What the roster proves now, or did a moment ago.
    pub(crate) async fn receipt(&self, state: &State, expect: &Expect) -> Result<ReceiptView> {
        let look = self.looks.recent_of(&*self.store, state).await?;
        Ok(ReceiptView::of(&look.receipt(&*self.store, state, expect)))
    }
}

// === impl ReceiptView ===

impl ReceiptView {
    pub(crate) fn of(receipt: &Receipt) -> Self {
        let server = |server: &backsoon::receipt::Server| ServerView {
            name: server.name.clone(),
            kind: server.kind,
            confirmed: server.late.is_none(),
            late: server.late.as_ref().and_then(word),
            why: server.late.as_ref().map(ToString::to_string),
            admits: server.admits.clone(),
            refuses: server.refuses.clone(),
        };
        let cut = |cut: &backsoon::receipt::ServerCut| CutView {
            server: cut.server.clone(),
            method: cut.request.method.clone(),
            path: cut.request.path.clone(),
            age_ms: cut.request.age_ms,
        };
        Self {
            verdict: receipt.verdict,
            lineage: receipt.lineage.to_string(),
            revision: receipt.revision,
            sites: receipt.sites.clone(),
            servers: receipt.servers.iter().map(server).collect(),
            admits: receipt.admits.clone(),
            cut: receipt.cut.iter().map(cut).collect(),
            ended: receipt.ended.iter().map(|ended| format!("{} {ended}", ended.server)).collect(),
        }
    }
}

fn word(late: &Late) -> Option<String> {
    serde_json::to_value(late).ok()?.get("why")?.as_str().map(str::to_owned)
}

//! What closings have done to visitors: kept when they end, shown in the history.

use std::time::Duration;

use backsoon::impact::{self, Impact};
use backsoon::time::Timestamp;
use backsoon::{Control, Host, Mode, State, Window, control};
use serde::Serialize;
use utoipa::ToSchema;

use super::state::ModeName;
use crate::console::Desk;
use crate::problem::Result;

/// How long it is waited for what servers have to say of a closing that was ended here. Nobody waits for it meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one closing has done to visitors.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImpactView {
    /// The window.
    window: String,
    /// The site that it was written under.
    #[schema(value_type = String)]
    site: Host,
    /// How closed it made the site.
    #[schema(value_type = ModeName)]
    mode: Mode,
    /// From when on.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Until when.
    #[schema(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Who closed.
    closed_by: String,
    /// Who reopened; none: its time was over.
    reopened_by: Option<String>,
    /// Requests that were refused because of it; those that had waited in vain are among them.
    refused: u64,
    /// Requests that waited.
    held: u64,
    /// For how long the half of them did, in milliseconds, off by at most a thirty-second; none: nobody waited.
    held_p50_ms: Option<u64>,
    /// How long 99 of 100 waited at most, likewise.
    held_p99_ms: Option<u64>,
    /// Earlier requests that were ended.
    cut: u64,
    /// The passes that were used.
    passes: Vec<UseView>,
    /// How many servers say so.
    servers: usize,
    /// What is missing in the numbers, in sentences.
    doubts: Vec<String>,
}

/// How often a pass was used during a closing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UseView {
    /// The pass.
    pass: String,
    /// The requests that it let through.
    requests: u64,
}

// === impl Desk ===

impl Desk {
    /// What was kept of the closings that are in `before` and not in `after`.
    pub(super) async fn impacts(&self, before: &State, after: &State) -> Result<Vec<ImpactView>> {
        let mut impacts = Vec::new();
        for (_, window) in impact::ended(before, after) {
            impacts
                .extend(impact::filed(&*self.store, &window.id, after.revision).await?.map(ImpactView::from));
        }
        Ok(impacts)
    }

    /// Keeps what the windows have done that `state` has `ended`, once servers have said so. The change is made whatever
    /// becomes of this.
    pub(super) fn keep_impacts(&self, ended: Vec<(Host, Window)>, state: State) {
        if ended.is_empty() {
            return;
        }
        let control = self.reader();
        tokio::spawn(async move {
            if let Err(error) = keep(&control, &ended, &state).await {
                tracing::warn!("the impact of a closing is not kept for the history: {error}");
            }
        });
    }
}

async fn keep(
    control: &Control,
    ended: &[(Host, Window)],
    state: &State,
) -> std::result::Result<(), control::Error> {
    for impact in impact::gather(control, ended, state, PATIENCE).await? {
        impact::file(&**control.store(), &impact).await?;
    }
    Ok(())
}

// === impl ImpactView ===

impl From<Impact> for ImpactView {
    fn from(impact: Impact) -> Self {
        let doubts = impact.doubts();
        // Whom a pass was made for is for those who may see passes.
        let uses = impact.passes.into_iter();
        let uses = uses.map(|used| UseView { pass: used.pass.to_string(), requests: used.requests });
        Self {
            window: impact.window.to_string(),
            site: impact.site,
            mode: impact.mode,
            from: impact.from,
            to: impact.to,
            closed_by: impact.closed_by,
            reopened_by: impact.reopened_by,
            refused: impact.refused,
            held: impact.held,
            held_p50_ms: impact.held_p50_ms,
            held_p99_ms: impact.held_p99_ms,
            cut: impact.cut,
            passes: uses.collect(),
            servers: impact.servers,
            doubts,
        }
    }
}

//! The State as anybody with a role may see it: no secrets, no sources of pages.

use backsoon::decide::Local;
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::policy::{PageView, RuleView, page};
use super::{ModeName, Source, WindowView};
use crate::api::since::Since;

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

//! Which sites there are: those of the document, and those that instances serve.

use super::{Life, Roster};
use crate::document::{Host, State};

/// Neither the document nor an instance knows the site; with the one that may be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nobody knows the site `{site}`{}", .meant.as_ref().map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default())]
pub struct UnknownSite {
    /// The site asked for.
    pub site: Host,
    /// The known one that is most like it.
    pub meant: Option<String>,
}

// === impl Roster ===

impl Roster {
    /// Checks that the document or an instance on the roster knows `host`, so that a slip of the pen closes nothing.
    ///
    /// # Errors
    /// When nobody does.
    pub fn knows(&self, state: &State, host: &Host) -> Result<(), UnknownSite> {
        let there = self.0.iter().filter(|member| member.life != Life::Dead);
        // What is closed there is known there, whatever the store has lost.
        let reports = there.map(|member| &member.report);
        let served: Vec<&Host> =
            reports.flat_map(|report| report.serves.iter().chain(report.closings.keys())).collect();
        if state.site(host).is_some() || served.contains(&host) {
            return Ok(());
        }
        let likeness = |name: &Host| strsim::jaro_winkler(host.as_str(), name.as_str());
        let near = state.sites.keys().chain(served).filter(|name| likeness(name) > 0.7);
        let meant = near.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).map(Host::to_string);
        Err(UnknownSite { site: host.clone(), meant })
    }
}

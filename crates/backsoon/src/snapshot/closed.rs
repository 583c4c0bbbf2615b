//! What keeps a site closed, by name.

use super::Snapshot;
use crate::decide::Local;
use crate::document::{Host, Mode, State, Window};
use crate::time::Timestamp;

/// A site that is not open, and the windows in force on it and on wider sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The site.
    pub host: Host,
    /// How closed it is.
    pub mode: Mode,
    /// Why, each window with the site that it is written under.
    pub windows: Vec<(Host, Window)>,
}

// === impl Closed ===

impl Closed {
    /// What keeps `host` from being open at `now`, if anything does.
    pub fn find(state: &State, host: &Host, now: Timestamp) -> Option<Self> {
        let snapshot = Snapshot::settle(state, &Local::default(), now, None);
        let site = snapshot.exactly(host).unwrap_or_else(|| snapshot.site(host.as_str()));
        let over = state.sites().filter(|(wide, _)| wide.covers(host));
        let windows = over.flat_map(|(wide, site)| {
            let in_force =
                site.windows.iter().filter(|window| window.mode > Mode::Off && window.in_force(now));
            in_force.map(move |window| (wide.clone(), window.clone())).collect::<Vec<_>>()
        });
        let windows = windows.collect();
        (site.mode() > Mode::Off).then(|| Self { host: host.clone(), mode: site.mode(), windows })
    }

    /// The same for those windows alone that are stricter than `mode`, if there are any.
    #[must_use]
    pub fn stricter_than(mut self, mode: Mode) -> Option<Self> {
        self.windows.retain(|(_, window)| window.mode > mode);
        (!self.windows.is_empty()).then_some(self)
    }
}

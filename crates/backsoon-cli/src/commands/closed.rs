//! What keeps a site closed, by name, with the way out.

use backsoon::decide::Local;
use backsoon::snapshot::Snapshot;
use backsoon::time::Timestamp;
use backsoon::{Host, Mode, State, Window};

use super::Desk;
use super::words::{how, is_operators, of};

/// A site that is not open, and the windows in force on it and on wider sites.
pub(super) struct Closed {
    host: Host,
    pub(super) mode: Mode,
    windows: Vec<(Host, Window)>,
}

// === impl Closed ===

impl Closed {
    /// What keeps `host` from being open at `now`, if anything does.
    pub(super) fn find(state: &State, host: &Host, now: Timestamp) -> Option<Self> {
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
    pub(super) fn stricter_than(mut self, mode: Mode) -> Option<Self> {
        self.windows.retain(|(_, window)| window.mode > mode);
        (!self.windows.is_empty()).then_some(self)
    }

    /// In a sentence that says how each window can be ended.
    pub(super) fn why(&self, desk: &Desk) -> String {
        let ways = self.windows.iter().map(|(wide, window)| {
            let named = format!("window {}{} on {wide}", window.id, of(&window.by));
            let by_id = || desk.command(&format!("off --window {}", window.id));
            match is_operators(window) {
                true => format!("{named} (`{}` ends it)", desk.command_off(wide)),
                false => format!("{named}, added by a program (`{}` ends it all the same)", by_id()),
            }
        });
        format!("{} is {} because of {}", self.host, how(self.mode), ways.collect::<Vec<_>>().join(" and "))
    }
}

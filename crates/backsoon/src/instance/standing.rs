//! What an instance says of its sites and of itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Instance, Upcoming};
use crate::document::{Host, Mode, State, Window};
use crate::time::Timestamp;

/// How a site stands, for handlers and banners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How closed it is.
    pub mode: Mode,
    /// The window that makes it so. Its `note` and `by` are for operators only.
    pub window: Option<Window>,
    /// From when on no known window shuts visitors out.
    pub reopens: Option<Timestamp>,
    /// The windows still to come, the next one first.
    pub upcoming: Vec<Window>,
    /// The closing to come that visitors may be told about by now.
    pub announced: Option<Upcoming>,
}

// === impl Instance ===

impl Instance {
    /// The State that is in force, if any was ever applied.
    pub fn state(&self) -> Option<Arc<State>> {
        self.read(|door| door.state.clone())
    }

    /// The mode for an authority or `Host` header as sent.
    pub fn mode(&self, host: &str) -> Mode {
        self.in_force(|snapshot| snapshot.site(host).mode())
    }

    /// How the site of `host` stands.
    pub fn standing(&self, host: &str) -> Standing {
        self.in_force(|snapshot| {
            let site = snapshot.site(host);
            Standing {
                mode: site.mode(),
                window: site.window().cloned(),
                reopens: site.reopens(),
                upcoming: site.upcoming().to_vec(),
                announced: site.announced().cloned(),
            }
        })
    }

    /// Every site that is not open, with its mode.
    pub fn closings(&self) -> BTreeMap<Host, Mode> {
        self.in_force(|snapshot| {
            let closed = snapshot.sites().filter(|site| site.mode() > Mode::Off);
            closed.map(|site| (site.host().clone(), site.mode())).collect()
        })
    }

    /// How many requests wait.
    pub fn held(&self) -> usize {
        self.queue.held()
    }

    /// Why the pages of some sites are not shown as written.
    pub fn troubles(&self) -> Vec<String> {
        self.read(|door| {
            let troubled =
                door.snapshot.sites().filter_map(|site| site.trouble().map(|why| (site.host(), why)));
            troubled.map(|(host, why)| format!("{host}: {why}")).collect()
        })
    }

    /// The next moment at which a window begins or ends, or a pass expires.
    pub fn next_edge(&self) -> Option<Timestamp> {
        self.read(|door| door.snapshot.next_edge())
    }
}

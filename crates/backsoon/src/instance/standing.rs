//! What an instance says of its sites and of itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Instance, Upcoming};
use crate::document::{Host, Mode, State, Window};
use crate::running::Running;
use crate::snapshot::Snapshot;
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

/// What is in force, and what still runs from before, all of one moment: a report that pairs two moments may say of a site that
/// was reopened in between that it is closed and that nobody is in it.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) state: Option<Arc<State>>,
    pub(crate) closings: BTreeMap<Host, Mode>,
    pub(crate) draining: BTreeMap<Host, usize>,
    pub(crate) oldest: BTreeMap<Host, Running>,
}

// === impl Instance ===

impl Instance {
    pub(crate) fn picture(&self) -> Picture {
        let fenced = self.is_fenced();
        self.read(|door| Picture {
            state: door.state.clone(),
            closings: closings(door.in_force(fenced)),
            draining: door.draining(),
            oldest: self.oldest_of(door),
        })
    }

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
        self.in_force(closings)
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

fn closings(snapshot: &Snapshot) -> BTreeMap<Host, Mode> {
    let closed = snapshot.sites().filter(|site| site.mode() > Mode::Off);
    closed.map(|site| (site.host().clone(), site.mode())).collect()
}

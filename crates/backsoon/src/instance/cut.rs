//! Ending what still runs under a replaced site, where a window says when.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::time::Instant as Moment;

use super::door::{Door, id};
use super::draining::{Retired, running};
use super::{Instance, Permit};
use crate::decide::{Cause, Reason};
use crate::document::{Host, WindowId};
use crate::reply::Reply;
use crate::request::{NO_HEADERS, Request};
use crate::running::{BrokenOff, Cut, Left};
use crate::snapshot::{Settled, Snapshot};
use crate::tally::Counters;

/// When what still runs under a replaced site is to end, and for which site's sake.
#[derive(Debug, Clone)]
pub(super) struct Deadline {
    after: Duration,
    at: Moment,
    for_site: Host,
    window: Option<WindowId>,
    pub(super) ordered: Ordered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ordered {
    NotYet,
    Yes,
}

/// A closing that ends by its time leaves no revision behind: so long after a cut it is another closing's no more.
const LONG_AGO: Duration = Duration::from_secs(15 * 60);

// === impl Instance ===

impl Instance {
    /// The newest requests that were ended because a window said so, and how many there ever were. Nobody knows when
    /// whoever worked on one stops: it counts for every closing until its site has been open in between.
    pub fn cuts(&self) -> (Vec<Cut>, u64) {
        let (revision, closings) = self.read(|door| (door.revision(), door.snapshot.closings()));
        self.register.forget_cuts(|cut, ago| {
            let is_open = !closings.keys().any(|host| host.covers(&cut.site));
            is_open && (cut.revision < revision || ago > LONG_AGO)
        });
        self.register.cuts()
    }

    /// The answer to a request that is ended before its own answer began.
    pub fn cut_short(&self, permit: &Permit) -> (Reply, Cause) {
        let host = permit.site().map_or("*", |site| site.host().as_str());
        let running = permit.running();
        let (method, path) =
            running.as_ref().map_or(("GET", "/"), |running| (running.method.as_str(), running.path.as_str()));
        let request = Request::new(method, host, path, &NO_HEADERS);
        let site = self.in_force(|snapshot| Arc::clone(snapshot.site(host)));
        self.refusal(&site, &request, Reason::Mode(site.mode(), site.window().map(|window| &window.id)))
    }

    /// A request of `site` ended before whoever has it began to answer: if it was to drain, that is told as a cut.
    pub(super) fn abandoned(&self, site: &Weak<Settled>, left: &Left) {
        let told = self.read(|door| {
            let is_it = |retired: &&Retired| std::ptr::eq(Arc::as_ptr(&retired.site), site.as_ptr());
            let (host, counters) = door.outdated_by(&door.retired.iter().find(is_it)?.site)?;
            Some((host, door.revision(), counters))
        });
        if let Some((host, revision, counters)) = told {
            self.register.abandoned(left, host, revision, counters);
        }
    }

    /// Tells everything that still runs as cut, since this process is about to end, and returns how many requests that
    /// are. Whoever asks ends them; [`Instance::leave`] then leaves the last report, which names them, on the roster.
    pub fn break_off(&self) -> usize {
        self.read(|door| {
            let retired = door.retired.iter().map(|retired| {
                let site = &retired.site;
                (id(site), door.outdated_by(site).unwrap_or_else(|| (site.host().clone(), None)))
            });
            let sites = door.snapshot.sites().chain(door.fenced.iter().flat_map(Snapshot::sites));
            let in_force = sites.map(|site| (id(site), (site.host().clone(), None)));
            let sites: FxHashMap<_, _> = in_force.chain(retired).collect();
            self.register.break_off(door.revision(), |id| {
                sites.get(&id).cloned().unwrap_or_else(|| (Host::any(), None))
            })
        })
    }

    /// What [`Instance::break_off`] has told as cut, if anything.
    pub(crate) fn broken_off(&self) -> Option<BrokenOff> {
        self.register.broken_off()
    }

    /// When requests are to be cut next.
    pub(crate) fn next_cut(&self) -> Option<Moment> {
        self.read(|door| {
            let open = |retired: &Retired| {
                let cut = retired.cut.as_ref().filter(|cut| cut.ordered == Ordered::NotYet)?;
                (running(&retired.site) > 0).then_some(cut.at)
            };
            door.retired.iter().filter_map(open).min()
        })
    }

    /// Tells those requests to end whose time has come.
    pub(crate) fn cut_overdue(&self) {
        let mut door = self.door.write().unwrap_or_else(PoisonError::into_inner);
        let revision = door.revision();
        let mut due = Vec::new();
        for retired in &mut door.retired {
            if let Some(cut) = retired.cut.as_mut().filter(|cut| cut.at <= Moment::now()) {
                if cut.ordered == Ordered::NotYet && running(&retired.site) > 0 {
                    due.push((id(&retired.site), cut.for_site.clone(), cut.window.clone()));
                }
                cut.ordered = Ordered::Yes;
            }
        }
        drop(door);
        for (site, host, window) in due {
            let counters = window.and_then(|window| self.tallies.counters(&window));
            self.register.cut(site, &host, revision, counters);
        }
    }
}

// === impl Door ===

impl Door {
    fn revision(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.revision)
    }

    /// For which site's sake what runs under `older` is to drain, if it is, and who counts what is cut there.
    fn outdated_by(&self, older: &Arc<Settled>) -> Option<(Host, Option<Arc<Counters>>)> {
        let mut stricter = self.snapshot.sites().filter(|site| site.outdates(older));
        let first = stricter.next()?;
        // Which of several it belongs to is not known, so it stands in the way of all of them.
        let host = if stricter.next().is_some() { older.host() } else { first.host() };
        Some((host.clone(), first.counters().cloned()))
    }

    /// A deadline runs from the moment at which the sites in force began to state it, whatever else changes later.
    pub(super) fn set_deadlines(&mut self) {
        for retired in &mut self.retired {
            let stricter = self.snapshot.sites().filter(|site| site.outdates(&retired.site));
            let wanted =
                stricter.filter_map(|site| Some((site.cut_after()?, site.host(), site.cut_by()))).min();
            let before = retired.cut.take();
            retired.cut = wanted.map(|(after, host, window)| match before {
                Some(before) if before.after == after => Deadline { window: window.cloned(), ..before },
                _ => Deadline {
                    after,
                    at: Moment::now() + after,
                    for_site: host.clone(),
                    window: window.cloned(),
                    ordered: Ordered::NotYet,
                },
            });
        }
    }
}

//! The door itself: what is in force, read with every request and replaced by every change.

use std::sync::{Arc, PoisonError};

use super::Instance;
use super::draining::{Retired, running};
use super::fence::behind_the_fence;
use crate::document::State;
use crate::running::SiteId;
use crate::snapshot::{Settled, Snapshot};
use crate::time::Timestamp;

/// What is in force, and what still runs under what was.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) state: Option<Arc<State>>,
    pub(super) snapshot: Snapshot,
    /// What is in force in its place once the fence has fallen.
    pub(super) fenced: Option<Snapshot>,
    /// Sites that were replaced while requests ran under them.
    pub(super) retired: Vec<Retired>,
}

// === impl Instance ===

impl Instance {
    pub(super) fn in_force<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        let fenced = self.is_fenced();
        self.read(|door| look(door.in_force(fenced)))
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&Door) -> T) -> T {
        look(&self.door.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts what `state` says in the place of what is in force; `held` is what [`Instance::state`] says from then on.
    pub(super) fn swap(&self, state: &State, held: Option<Arc<State>>, now: Timestamp) {
        let settle =
            |state: &State, before: Option<&Snapshot>| Snapshot::settle(state, &self.local, now, before);
        let next = self.read(|door| settle(state, Some(&door.snapshot)));
        // Before it is in force, so that no refusal is missed.
        if let Some(held) = &held {
            self.tallies.follow(held, now);
            self.tallies.attach(&next);
        }
        let fenced = self.fence.get().map(|_| {
            let state = behind_the_fence(state.clone());
            self.read(|door| settle(&state, door.fenced.as_ref()))
        });
        fenced.iter().for_each(|fenced| self.tallies.attach(fenced));
        let mut door = self.door.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut door.snapshot, next);
        let before_fenced = std::mem::replace(&mut door.fenced, fenced);
        door.state = held;
        let replaced: Vec<_> = {
            let kept = |old: &Arc<Settled>, new: &Snapshot| {
                new.exactly(old.host()).is_some_and(|new| Arc::ptr_eq(old, new))
            };
            let open = before.sites().filter(|old| !kept(old, &door.snapshot));
            let fenced = before_fenced.iter().flat_map(Snapshot::sites);
            let fenced = fenced.filter(|old| !door.fenced.as_ref().is_some_and(|new| kept(old, new)));
            open.chain(fenced).cloned().collect()
        };
        drop((before, before_fenced));
        replaced.iter().for_each(|site| site.retire());
        door.retired.extend(replaced.into_iter().map(|site| Retired { site, cut: None }));
        door.retired.retain(|retired| running(&retired.site) > 0);
        door.set_deadlines();
        drop(door);
        self.changed.send_modify(|count| *count += 1);
    }
}

// === impl Door ===

impl Door {
    /// The one of both snapshots that counts.
    pub(super) fn in_force(&self, fenced: bool) -> &Snapshot {
        match &self.fenced {
            Some(closed) if fenced => closed,
            _ => &self.snapshot,
        }
    }
}

/// The same for as long as a request of the site runs.
pub(super) fn id(site: &Arc<Settled>) -> SiteId {
    Arc::as_ptr(site).addr()
}

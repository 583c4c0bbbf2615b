//! The closings that an instance counts: those in force, and those that ended lately.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;
use tokio::time::Instant as Moment;

use super::Instance;
use crate::document::{Mode, State, WindowId};
use crate::snapshot::Snapshot;
use crate::tally::{Counters, KEPT, Seen, Tally};
use crate::time::Timestamp;

/// How many closings are told of at once: the newest.
const TOLD: usize = 64;

/// What one instance counts.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    /// Every request that was refused, for whatever reason.
    refused: AtomicU64,
    /// A [`Seen`], of closings that come into force from now on.
    seen: AtomicU8,
    kept: Mutex<FxHashMap<WindowId, Kept>>,
}

#[derive(Debug)]
struct Kept {
    counters: Arc<Counters>,
    begun: Moment,
    ended: Option<Moment>,
}

/// Until the store was heard from, whatever is in force was so before this instance came.
const NEW_HERE: u8 = 0;
const SETTLED_IN: u8 = 1;

// === impl Instance ===

impl Instance {
    /// How many requests were refused, for whatever reason; the answer to the link of a pass is none.
    pub fn refused(&self) -> u64 {
        self.tallies.total_refused()
    }

    /// What was counted of the closings in force and of those that ended within the last 15 minutes, if anything was:
    /// of the newest 64, the newest first; and of how many more.
    pub fn tallies(&self) -> (Vec<Tally>, usize) {
        self.tallies.tell()
    }

    /// The store was heard from: whatever comes into force from now on is counted from its beginning.
    pub(crate) fn settle_in(&self) {
        self.tallies.settle_in();
    }
}

// === impl Tallies ===

impl Tallies {
    pub(super) fn refused(&self, counters: Option<&Arc<Counters>>) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if let Some(counters) = counters {
            counters.refused();
        }
    }

    pub(super) fn total_refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// What comes into force from now on is seen from its beginning.
    pub(super) fn settle_in(&self) {
        self.seen.store(SETTLED_IN, Ordering::Relaxed);
    }

    /// Opens tallies for the windows of `state` that are in force at `now`, and closes those of all others.
    pub(super) fn follow(&self, state: &State, now: Timestamp) {
        let seen = if self.seen.load(Ordering::Relaxed) == NEW_HERE { Seen::Joined } else { Seen::Whole };
        let moment = Moment::now();
        let mut kept = self.kept();
        let mut before = std::mem::take(&mut *kept);
        let windows = state.sites().flat_map(|(_, site)| &site.windows);
        for window in windows.filter(|window| window.mode > Mode::Off && window.in_force(now)) {
            // One that had ended and was brought back counts from nothing: its numbers were told.
            let had = before.remove(&window.id).filter(|had| had.ended.is_none());
            let counters = || Arc::new(Counters::new(window.id.clone(), seen));
            let entry = had.unwrap_or_else(|| Kept { counters: counters(), begun: moment, ended: None });
            kept.insert(window.id.clone(), entry);
        }
        for (id, over) in before {
            let ended = over.ended.unwrap_or(moment);
            if moment.duration_since(ended) < KEPT {
                kept.insert(id, Kept { ended: Some(ended), ..over });
            }
        }
    }

    /// Has the sites of `snapshot` count for their windows.
    pub(super) fn attach(&self, snapshot: &Snapshot) {
        let kept = self.kept();
        for site in snapshot.sites() {
            if let Some(kept) = site.window().and_then(|window| kept.get(&window.id)) {
                site.count_for(&kept.counters);
            }
        }
    }

    pub(super) fn counters(&self, window: &WindowId) -> Option<Arc<Counters>> {
        self.kept().get(window).map(|kept| Arc::clone(&kept.counters))
    }

    /// What there is to tell, the newest first, and how many others there were no room for.
    pub(super) fn tell(&self) -> (Vec<Tally>, usize) {
        let now = Moment::now();
        let kept = self.kept();
        let recent = kept.values().filter(|kept| kept.ended.is_none_or(|at| now.duration_since(at) < KEPT));
        let tallies = recent.map(|kept| (kept.ended.unwrap_or(kept.begun), kept.counters.tally()));
        let mut tallies: Vec<(Moment, Tally)> = tallies.filter(|(_, tally)| !tally.is_empty()).collect();
        drop(kept);
        tallies.sort_by(|(one, a), (other, b)| (other, &b.window).cmp(&(one, &a.window)));
        let left_out = tallies.len().saturating_sub(TOLD);
        (tallies.into_iter().take(TOLD).map(|(_, tally)| tally).collect(), left_out)
    }

    fn kept(&self) -> MutexGuard<'_, FxHashMap<WindowId, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

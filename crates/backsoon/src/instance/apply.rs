//! Putting a State in force, unless the one that is held wins over it.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Instance, lock};
use crate::document::{Lineage, State};
use crate::time::Timestamp;

/// What became of a State that an instance was given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// It is in force.
    Now,
    /// It was in force already.
    Already,
    /// The one that is held is newer, so it stays.
    Older {
        /// The revision that is held.
        held: u64,
    },
    /// It belongs to another history and does not say that it replaces this one.
    Foreign {
        /// The lineage that is held.
        held: Lineage,
    },
}

// === impl Instance ===

impl Instance {
    /// Puts a State in force at `now`, unless the one that is held wins over it.
    ///
    /// A higher revision of the same lineage wins, and so does a document that says that it replaces the one held.
    /// An older one never does, wherever it comes from. Of two changes with one revision the later comer wins: the
    /// store was repaired from its history while nobody who knew better was there.
    pub fn apply(&self, state: &State, now: Timestamp) -> Applied {
        let _turn = lock(&self.turn);
        if let Some(held) = self.state() {
            if held.lineage == state.lineage {
                match held.revision.cmp(&state.revision) {
                    Ordering::Greater => return Applied::Older { held: held.revision },
                    Ordering::Equal if held.change.id == state.change.id => return Applied::Already,
                    Ordering::Equal | Ordering::Less => {}
                }
            }
            if held.lineage != state.lineage && state.replaces.as_ref() != Some(&held.lineage) {
                return Applied::Foreign { held: held.lineage.clone() };
            }
        }
        self.swap(state, Some(Arc::new(state.clone())), now);
        Applied::Now
    }

    /// Opens or closes by a State that nobody asked for, until one is known. It is not held: any real one wins over
    /// it.
    pub(crate) fn settle_unknown(&self, assumed: &State, now: Timestamp) {
        let _turn = lock(&self.turn);
        self.swap(assumed, None, now);
    }

    /// Settles the held State anew, because a window has begun or ended or the clock was set.
    pub fn turn_edge(&self, now: Timestamp) {
        let _turn = lock(&self.turn);
        if let Some(state) = self.state() {
            self.swap(&Arc::clone(&state), Some(state), now);
        }
    }
}

//! Every State that there was: pages of the history, and the way back to one of them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::{Control, Error, Opens, Outcome};
use crate::document::{Lineage, State, WindowId};
use crate::time::Timestamp;

/// Where States are filed that were replaced.
pub(super) const FILED: &str = "history/";
/// How many States are read at once by whoever goes back in the history.
const STEP: usize = 16;

// === impl Control ===

impl Control {
    /// Every State of this lineage that there was, the oldest first and the one in force last.
    ///
    /// # Errors
    /// As [`Control::read`].
    pub async fn history(&self) -> Result<Vec<State>, Error> {
        let Some(current) = self.read().await? else { return Ok(Vec::new()) };
        let entries = self.store.list(&format!("{FILED}{}/", current.lineage)).await?;
        let mut states: Vec<State> =
            entries.iter().filter_map(|entry| State::from_bytes(&entry.value).ok()).collect();
        // A writer that was stopped between filing and replacing leaves the current one there too.
        states.retain(|state| state.revision < current.revision);
        states.push(current);
        Ok(states)
    }

    /// The newest `limit` States of this lineage, or of those before revision `before`; the oldest first.
    ///
    /// It asks for single ones, a few at once, so a page of a long history costs no more than one of a short history. Only where
    /// a number was left out (after a disaster) the whole history is read.
    ///
    /// # Errors
    /// As [`Control::read`].
    pub async fn page(&self, before: Option<u64>, limit: usize) -> Result<Vec<State>, Error> {
        let Some(current) = self.read().await? else { return Ok(Vec::new()) };
        let end = before.unwrap_or(u64::MAX).min(current.revision.saturating_add(1));
        let mut states = Vec::new();
        let current = &current;
        let read = |revision: u64| async move {
            if revision == current.revision {
                return Ok::<_, Error>(Some(current.clone()));
            }
            let entry = self.store.get(&filed_under(&current.lineage, revision)).await?;
            Ok(entry.and_then(|entry| State::from_bytes(&entry.value).ok()))
        };
        let mut revision = end;
        while revision > 1 && states.len() < limit {
            // Several at once, since each may be a way over the network.
            let step = (limit - states.len()).min(STEP) as u64;
            let first = revision.saturating_sub(step).max(1);
            let found = join_all((first..revision).rev().map(&read)).await;
            for state in found {
                let Some(state) = state? else {
                    let mut all = self.history().await?;
                    all.retain(|state| state.revision < end);
                    return Ok(all.split_off(all.len().saturating_sub(limit)));
                };
                states.push(state);
            }
            revision = first;
        }
        states.reverse();
        Ok(states)
    }

    /// Puts the windows, rules and pages of an earlier revision in force again, as a new revision. Passes stay as they
    /// are: one that was revoked is not to come back.
    ///
    /// # Errors
    /// [`Error::NoRevision`] when the history does not have it; otherwise as [`Control::update`].
    pub async fn rollback(&self, revision: u64) -> Result<Outcome, Error> {
        let then = self.at(revision).await?;
        // It says of every site what is to be.
        let control = self.opening(Opens::Everything);
        let note = format!("rollback to revision {revision}");
        let update = control.update(&note, |state| {
            state.restore(&then);
            Ok::<_, String>(())
        });
        update.await
    }

    /// The State as it was at `revision`.
    ///
    /// # Errors
    /// [`Error::NoRevision`] when the history does not have it; otherwise as [`Control::read`].
    pub async fn at(&self, revision: u64) -> Result<State, Error> {
        if let Some(state) = self.page(revision.checked_add(1), 1).await?.pop()
            && state.revision == revision
        {
            return Ok(state);
        }
        let history = self.history().await?;
        let known =
            history.first().zip(history.last()).map(|(a, b)| format!("{} to {}", a.revision, b.revision));
        Err(Error::NoRevision { revision, known })
    }

    /// When each window of `state` that has no start was added, as the history tells. It is read from its end, and only
    /// as far back as needed: one that came back by a rollback was added by that.
    ///
    /// # Errors
    /// As [`Control::read`].
    pub async fn added(&self, state: &State) -> Result<Vec<(WindowId, Timestamp)>, Error> {
        let windows = |state: &State| -> BTreeSet<WindowId> {
            state.sites().flat_map(|(_, site)| &site.windows).map(|window| window.id.clone()).collect()
        };
        let all = state.sites().flat_map(|(_, site)| &site.windows);
        let mut open: BTreeSet<WindowId> =
            all.filter(|window| window.start.is_none()).map(|window| window.id.clone()).collect();
        let mut added: BTreeMap<WindowId, Timestamp> = BTreeMap::new();
        let mut before = state.revision.checked_add(1);
        while !open.is_empty() {
            let page = self.page(before, STEP).await?;
            let Some(first) = page.first() else { break };
            before = Some(first.revision);
            for then in page.iter().rev() {
                let there = windows(then);
                open.retain(|id| there.contains(id));
                added.extend(open.iter().map(|id| (id.clone(), then.change.at)));
            }
        }
        Ok(added.into_iter().collect())
    }
}

pub(super) fn history_key(state: &State) -> String {
    filed_under(&state.lineage, state.revision)
}

fn filed_under(lineage: &Lineage, revision: u64) -> String {
    format!("{FILED}{lineage}/{revision:020}")
}

//! What an instance is told to say of itself, by whoever it belongs to.

use std::collections::BTreeMap;

use super::lock;
use crate::document::{Host, Lineage, Mode, State};
use crate::fleet::{Place, Report};
use crate::instance::Instance;

/// What others have been told by an instance that does not decide by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) lineage: Option<Lineage>,
    pub(super) revision: u64,
    pub(super) closings: BTreeMap<Host, Mode>,
    pub(super) ignores: Vec<String>,
}

// === impl Instance ===

impl Instance {
    /// Says farewell, so that nobody waits for this instance. It goes on deciding by its last State.
    ///
    /// After an [`Instance::break_off`] that has told something as cut there is no farewell: the last report stays on the
    /// roster and names it, so that no receipt says that it has ended.
    pub async fn leave(&self) {
        let Some(membership) = self.membership() else { return };
        match self.broken_off() {
            Some(broken_off) => membership.last_report(self, broken_off).await,
            None => membership.farewell().await,
        }
    }

    /// Says from now on that it lives as long as the process `pid` of this machine does: that does its work, and would
    /// go on with it without this one.
    pub async fn stands_for(&self, pid: u32) {
        if let Some(membership) = self.membership() {
            *lock(&membership.place) = Place::of(pid);
            membership.report(self).await;
        }
    }

    /// Says that `state` is in force for those who decide by what this instance tells them, with these `closings`; the
    /// rules in `ignores` are not, since they cannot be told. Counts with
    /// [`TakesEffect::WhenSaid`](super::TakesEffect::WhenSaid) alone.
    pub fn carried_out(&self, state: Option<&State>, closings: BTreeMap<Host, Mode>, ignores: Vec<String>) {
        if let Some(membership) = self.membership() {
            let (lineage, revision) =
                (state.map(|state| state.lineage.clone()), state.map(|state| state.revision));
            *lock(&membership.told) = Told { lineage, revision: revision.unwrap_or(0), closings, ignores };
            membership.news.notify_one();
        }
    }

    /// Says in the report what is wrong with carrying the State out, or that nothing is.
    pub fn complain(&self, trouble: Option<String>) {
        if let Some(membership) = self.membership() {
            *lock(&membership.complaint) = trouble;
            membership.news.notify_one();
        }
    }

    /// Says in the report what is wrong with something that keeps no State from being carried out, or that nothing is.
    pub fn remark(&self, remark: Option<String>) {
        if let Some(membership) = self.membership() {
            *lock(&membership.remark) = remark;
            membership.news.notify_one();
        }
    }

    /// What this instance says of itself; an instance that has not joined has nothing to say.
    pub fn report(&self) -> Option<Report> {
        self.membership().map(|membership| membership.describe(self))
    }
}

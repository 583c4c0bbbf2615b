//! What a closing has done to visitors: how many it refused, let wait and cut, and who went through by a pass.
//!
//! The numbers are the sum of what the instances on the roster say. Those of one that has said farewell or died are
//! gone with its report; where that can be known, [`Impact`] says so.

mod filed;
mod gather;
mod pass_use;
mod said;
mod sum;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::filed::{all_filed, file, filed};
pub use self::gather::gather;
pub use self::pass_use::PassUse;
use crate::document::{Host, Mode, State, Window, WindowId};
use crate::fleet::Roster;
use crate::tally::KEPT;
use crate::time::Timestamp;

/// What one window has done to visitors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// The window.
    pub window: WindowId,
    /// The revision by which this is told: of the change that ended the window, or, of one that is in force, of the State.
    #[serde(default)]
    pub revision: u64,
    /// The site that it was written under.
    pub site: Host,
    /// How closed it made the site.
    pub mode: Mode,
    /// Who closed.
    pub closed_by: String,
    /// From when on; none: the history does not tell.
    pub from: Option<Timestamp>,
    /// Until when; none: it is in force.
    pub to: Option<Timestamp>,
    /// Who reopened; none: nobody has, or its time was over.
    pub reopened_by: Option<String>,
    /// Requests that were refused because of it; those that had waited in vain are among them.
    pub refused: u64,
    /// Requests that waited, or still do.
    pub held: u64,
    /// For how long the half of them did, in milliseconds, off by at most a thirty-second; none: nobody has waited.
    pub held_p50_ms: Option<u64>,
    /// How long 99 of 100 waited at most, likewise.
    pub held_p99_ms: Option<u64>,
    /// Those of them that still wait.
    pub waiting: u64,
    /// Earlier requests that were ended.
    pub cut: u64,
    /// The passes that were used.
    pub passes: Vec<PassUse>,
    /// How many servers say so.
    pub servers: usize,
    /// Servers that have not reported since it ended: they may have more to say.
    pub awaited: Vec<String>,
    /// Servers that stopped reporting before it ended: only what they had said by then is in the numbers.
    pub gone: Vec<String>,
    /// Servers that have joined since it began: what ran in their place before, if anything did, took its numbers along.
    pub joined: Vec<String>,
    /// Servers that do not say how many: they are too old, or have more closings to tell of than a report has room for.
    pub untold: Vec<String>,
}

/// The windows of `before` that are not in `after` any more, with their sites: those that the change in between has ended
/// or called off, and those whose time was over.
pub fn ended(before: &State, after: &State) -> Vec<(Host, Window)> {
    let windows = |state: &State| -> Vec<(Host, Window)> {
        let of = |(host, windows): (Host, Vec<Window>)| {
            windows.into_iter().map(move |window| (host.clone(), window))
        };
        state.sites().map(|(host, site)| (host, site.windows.clone())).flat_map(of).collect()
    };
    let left: BTreeSet<WindowId> = windows(after).into_iter().map(|(_, window)| window.id).collect();
    windows(before).into_iter().filter(|(_, window)| !left.contains(&window.id)).collect()
}

// === impl Impact ===

impl Impact {
    /// What `window` of `site` has done until `by` ended it, as far as `roster` tells. `from` is when it came into
    /// force, for one that has no start ([`Control::added`](crate::Control::added)). None: it never
    /// was in force, or was over so long before that nobody remembers ([`KEPT`]).
    pub fn of(
        site: &Host,
        window: &Window,
        from: Option<Timestamp>,
        by: &State,
        roster: &Roster,
    ) -> Option<Self> {
        let own_end = window.end.filter(|end| *end <= by.change.at);
        let to = own_end.unwrap_or(by.change.at);
        let reopened_by = own_end.is_none().then(|| by.change.by.clone());
        let ending = Some((to, reopened_by));
        let from = window.start.or(from);
        let was_in_force = window.mode > Mode::Off && window.start.is_none_or(|start| start < to);
        let is_remembered = by.change.at.since(to) < KEPT;
        (was_in_force && is_remembered).then(|| Self::sum(site, window, from, ending, by, roster))
    }

    /// What `window` of `site`, which is in force by `state`, has done so far; otherwise as [`Impact::of`].
    pub fn so_far(
        site: &Host,
        window: &Window,
        from: Option<Timestamp>,
        state: &State,
        roster: &Roster,
    ) -> Self {
        Self::sum(site, window, window.start.or(from), None, state, roster)
    }

    /// Whether everybody has said the last word about it: no later look brings more.
    pub fn is_complete(&self) -> bool {
        self.to.is_some() && self.awaited.is_empty() && self.waiting == 0
    }

    /// Whether anybody has counted anything.
    pub fn is_nothing(&self) -> bool {
        self.refused == 0 && self.held == 0 && self.cut == 0 && self.passes.is_empty()
    }
}

#[cfg(test)]
mod tests;

//! What a change may open of what instances hold closed by a State that the store has lost.

use std::collections::BTreeMap;

use super::Control;
use crate::document::{Host, Mode, State};
use crate::fleet::{Life, Report};
use crate::inspect::modes;
use crate::time::Timestamp;

/// What a change is made to open, of those sites that are held closed by a State that the store does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Opens {
    /// Nothing: it is about something else.
    #[default]
    Nothing,
    /// These sites.
    Sites(Vec<Host>),
    /// Whatever it says nothing of.
    Everything,
}

// === impl Control ===

impl Control {
    /// The same control for changes that are made to open sites: where the store has gone back to an older State, they
    /// reach those that are still held closed, and others do not.
    #[must_use]
    pub fn opening(&self, opens: Opens) -> Self {
        Self { opens, ..self.clone() }
    }
}

// === impl Opens ===

impl Opens {
    /// Whether it says of `host`, as `held` has it, that it is to be open. One that is as closed as a wider site that is to be
    /// open may be so by that alone: a report does not tell.
    fn names(&self, host: &Host, held: &BTreeMap<Host, Mode>) -> bool {
        match self {
            Self::Nothing => false,
            Self::Sites(sites) => sites.iter().any(|site| {
                site == host || site.covers(host) && held.get(site).is_some_and(|mode| *mode >= held[host])
            }),
            Self::Everything => true,
        }
    }
}

/// The site that one of `strays` would open if it followed `next`, without `opens` naming it.
pub(super) fn opened<'a>(strays: &[&'a Report], next: &State, opens: &Opens) -> Option<(&'a Report, Host)> {
    let living: Vec<_> = strays.iter().filter(|stray| stray.place.lives() != Some(Life::Dead)).collect();
    if living.iter().all(|stray| stray.closings.is_empty()) {
        return None;
    }
    let mode = modes(next, Timestamp::now());
    living.into_iter().find_map(|stray| {
        let mut closed = stray.closings.iter().filter(|(host, held)| mode(host) < **held);
        closed.find(|(host, _)| !opens.names(host, &stray.closings)).map(|(host, _)| (*stray, host.clone()))
    })
}

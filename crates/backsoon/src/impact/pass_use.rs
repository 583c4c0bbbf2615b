//! How often each pass was used during a closing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::document::{PassId, State};
use crate::tally::Tally;

/// How often a pass was used during a closing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassUse {
    /// The pass.
    pub pass: PassId,
    /// Whom it was made for; none: it is there no more.
    pub bearer: Option<String>,
    /// The requests that it let through.
    pub requests: u64,
}

/// The uses of every pass that `tallies` name, with its bearer where `state` still has it.
pub(super) fn passes(tallies: &[Tally], state: &State) -> Vec<PassUse> {
    let mut used: BTreeMap<&PassId, u64> = BTreeMap::new();
    for (pass, requests) in tallies.iter().flat_map(|tally| &tally.passes) {
        let sum = used.entry(pass).or_default();
        *sum = sum.saturating_add(*requests);
    }
    let bearer =
        |id: &PassId| state.passes.iter().find(|pass| pass.id == *id).map(|pass| pass.bearer.clone());
    used.into_iter()
        .map(|(pass, requests)| PassUse { pass: pass.clone(), bearer: bearer(pass), requests })
        .collect()
}

//! Whom this console has known lately: while the store is away they may go on looking, and nobody else may.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::caller::Caller;
use crate::people::Role;

/// How long somebody is remembered.
const MEMORY: Duration = Duration::from_secs(3600);
/// How many are.
const MOST: usize = 1_000;

/// Callers by the digest of what they showed.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<String, Somebody>>);

#[derive(Debug)]
struct Somebody {
    at: Instant,
    caller: Caller,
    by: Vouched,
}

/// Who vouched for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vouched {
    /// The store alone: their secret is enough.
    Here,
    /// A trusted proxy, too, who has to say so with every request.
    ByProxy,
}

// === impl Known ===

impl Known {
    /// The store vouches for `caller`.
    pub(crate) fn remember(&self, shown: &str, caller: &Caller, by: Vouched) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, somebody| somebody.at.elapsed() < MEMORY);
        }
        if known.len() < MOST || known.contains_key(shown) {
            let somebody = Somebody { at: Instant::now(), caller: caller.clone(), by };
            known.insert(shown.to_owned(), somebody);
        }
    }

    /// The store does not.
    pub(crate) fn forget(&self, shown: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(shown);
    }

    /// Who that was, while nobody can say who it is: somebody who may look.
    pub(crate) fn recall(&self, shown: &str) -> Option<(Caller, Vouched)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let somebody = known.get(shown).filter(|somebody| somebody.at.elapsed() < MEMORY)?;
        Some((Caller { role: Role::Viewer, ..somebody.caller.clone() }, somebody.by))
    }
}

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
pub(crate) struct Known(Mutex<HashMap<String, (Instant, Caller)>>);

// === impl Known ===

impl Known {
    /// The store vouches for `caller`.
    pub(crate) fn remember(&self, shown: &str, caller: &Caller) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.retain(|_, (at, _)| at.elapsed() < MEMORY);
        }
        if known.len() < MOST || known.contains_key(shown) {
            known.insert(shown.to_owned(), (Instant::now(), caller.clone()));
        }
    }

    /// The store does not.
    pub(crate) fn forget(&self, shown: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(shown);
    }

    /// Who that was, while nobody can say who it is: somebody who may look.
    pub(crate) fn recall(&self, shown: &str) -> Option<Caller> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, caller) = known.get(shown).filter(|(at, _)| at.elapsed() < MEMORY)?;
        Some(Caller { role: Role::Viewer, ..caller.clone() })
    }
}

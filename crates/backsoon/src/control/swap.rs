//! Putting a State in the place of another: filed before it is replaced, and read back where the answer was lost.

use std::time::Duration;

use bytes::Bytes;

use super::history::history_key;
use super::{Control, Error, KEPT, Outcome, STATE};
use crate::document::State;
use crate::store::{self, PutMode};

/// What became of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Swap {
    Landed,
    /// Somebody else's came first; nothing was written.
    Overtaken,
}

/// A store that took so long to say no may do it yet: one of the two writes may only be late.
const SLOW: Duration = Duration::from_secs(2);

// === impl Control ===

impl Control {
    pub(super) async fn file(&self, state: &State, bytes: Bytes) -> Result<(), Error> {
        match self.store.put(&history_key(state), bytes, PutMode::Create).await {
            Ok(_) | Err(store::Error::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts `ours` in the State's place, and finds out whether it landed if its answer was lost.
    pub(super) async fn swap(&self, ours: &State, bytes: Bytes, mode: PutMode) -> Result<Swap, Error> {
        let begun = tokio::time::Instant::now();
        let put = || self.store.put(STATE, bytes.clone(), mode.clone());
        match put().await {
            Ok(_) => return Ok(Swap::Landed),
            Err(store::Error::Conflict { .. }) => return Ok(Swap::Overtaken),
            Err(store::Error::Away { .. }) if self.is_there(ours).await? => return Ok(Swap::Landed),
            Err(store::Error::Away { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // It may still be on its way. Whichever of the two comes first, the other one is a conflict.
        match put().await {
            Ok(_) => Ok(Swap::Landed),
            Err(_) if self.is_there(ours).await? => Ok(Swap::Landed),
            Err(store::Error::Conflict { .. }) => Ok(Swap::Overtaken),
            Err(source @ store::Error::Away { .. }) if begun.elapsed() >= SLOW => {
                Err(Error::Unknown { store: self.store.url(), source })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whether `ours` landed although its answer was lost: it lies there, or was filed by whoever replaced it.
    async fn is_there(&self, ours: &State) -> Result<bool, Error> {
        let unknown = |source| Error::Unknown { store: self.store.url(), source };
        for key in [STATE, &history_key(ours)] {
            let Some(entry) = self.store.get(key).await.map_err(unknown)? else { continue };
            match State::from_bytes(&entry.value) {
                Ok(found) if found.change.id == ours.change.id => return Ok(true),
                Ok(_) => {}
                // It may be ours, garbled on its way here.
                Err(why) => return Err(unknown(self.away(&format!("reading `{key}` back"), &why))),
            }
        }
        Ok(false)
    }

    pub(super) async fn landed(&self, state: State) -> Result<Outcome, Error> {
        // They have done their part and go into their histories. Should this fail, the next change does it, and the
        // next recovery still takes the newest.
        for entry in self.store.list(KEPT).await.unwrap_or_default() {
            // One with a number of this history that is still to come is none of its past.
            if let Ok(kept) = State::from_bytes(&entry.value)
                && (kept.lineage != state.lineage || kept.revision < state.revision)
                && self.file(&kept, entry.value).await.is_ok()
            {
                let _ = self.store.delete(&entry.key).await;
            }
        }
        Ok(Outcome::Written(state))
    }
}

//! Changing the State until the change lands, signed and numbered so that everyone follows.

use std::time::Duration;

use super::swap::Swap;
use super::{Control, Error};
use crate::document::{Change, Lineage, State, random_name};
use crate::fleet;
use crate::inspect::inspect;
use crate::time::Timestamp;

/// What an update did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This State is in the store now.
    Written(State),
    /// The edit changed nothing, so nothing was written; this State is in the store.
    Unchanged(State),
}

/// Whether the instances hold what lies in the store, or an earlier revision of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Followers {
    Along,
    /// One of them holds another history or a later revision, and will not follow by itself.
    Astray,
}

/// A writer retries for this long before it gives up against other writers.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

// === impl Control ===

impl Control {
    /// Changes the State by `edit`, again and again until the change lands on what was read.
    ///
    /// An edit that changes nothing writes nothing, unless some instance has strayed from this history: then the same
    /// wishes are written again, numbered so that it will follow.
    ///
    /// What is replaced is filed in the history first. Bytes that are no State are set aside under `damaged/`, and
    /// the last known State is taken in their place; a State of a newer schema is never replaced.
    ///
    /// # Errors
    /// When `edit` says no ([`Error::Refused`]), when nothing could be written, or when nobody knows whether it was
    /// ([`Error::Unknown`]).
    pub async fn update<E: ToString>(
        &self,
        note: &str,
        mut edit: impl FnMut(&mut State) -> Result<(), E>,
    ) -> Result<Outcome, Error> {
        let begun = tokio::time::Instant::now();
        for attempt in 0_u32.. {
            let base = self.base().await?;
            let mut next = base.state.clone();
            edit(&mut next).map_err(|error| Error::Refused(error.to_string()))?;
            let idle = base.lies_there.is_some() && next == base.state;
            let followers = self.number(&mut next, note).await?;
            if idle && followers == Followers::Along {
                return Ok(Outcome::Unchanged(base.state));
            }
            // Flaws that lie there already must not keep anybody from closing a site.
            let known = inspect(&base.state);
            if let Some(flaw) = inspect(&next).into_iter().find(|flaw| !known.contains(flaw)) {
                return Err(Error::Refused(flaw.to_string()));
            }
            let written = legible(&next)?;
            if let Some(bytes) = base.lies_there {
                self.file(&base.state, bytes).await?;
            }
            if self.swap(&next, written.into(), base.mode).await? == Swap::Landed {
                return self.landed(next).await;
            }
            if begun.elapsed() > PATIENCE {
                break;
            }
            // Up to half a second: with hundreds of writers, most attempts would be in vain otherwise.
            let ceiling = 2_u64 << attempt.min(8);
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=ceiling))).await;
        }
        Err(Error::Contended { store: self.store.url() })
    }

    /// Signs `next` and numbers it above everything that any instance holds, so that all of them will follow.
    async fn number(&self, next: &mut State, note: &str) -> Result<Followers, Error> {
        let now = Timestamp::now();
        let mut followers = Followers::Along;
        for report in fleet::reports(&*self.store).await? {
            let Some(lineage) = report.lineage else { continue };
            if lineage == next.lineage && report.revision > next.revision {
                (next.revision, followers) = (report.revision, Followers::Astray);
            } else if lineage != next.lineage && next.replaces.as_ref() != Some(&lineage) {
                (next.replaces, followers) = (Some(lineage), Followers::Astray);
            }
        }
        // Nothing comes after the last number but another history.
        next.revision = next.revision.checked_add(1).unwrap_or_else(|| {
            next.replaces = Some(std::mem::replace(&mut next.lineage, Lineage::random()));
            1
        });
        next.forget_past(now);
        next.schema = next.schema_needed();
        next.change = Change { id: random_name(), at: now, by: self.signed().await?, note: note.to_owned() };
        Ok(followers)
    }

    async fn signed(&self) -> Result<String, Error> {
        Ok(match self.store.signature().await? {
            Some(signature) => format!("{}, {signature}", self.by),
            None => self.by.clone(),
        })
    }
}

// === impl Outcome ===

impl Outcome {
    /// The State that is in the store now.
    pub fn state(&self) -> &State {
        match self {
            Self::Written(state) | Self::Unchanged(state) => state,
        }
    }
}

/// The bytes of `state`, if they can be read again: what a program puts together need not be what a file may say.
fn legible(state: &State) -> Result<Vec<u8>, Error> {
    let bytes = state.to_bytes();
    match State::from_bytes(&bytes) {
        Ok(_) => Ok(bytes),
        Err(why) => Err(Error::Refused(format!("the changed state could not be read again: {why}"))),
    }
}

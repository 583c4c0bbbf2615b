//! Changing the State until the change lands, signed and numbered so that everyone follows.

use std::time::Duration;

use super::opens::opened;
use super::swap::Swap;
use super::{Control, Error, STATE};
use crate::document::{Change, Host, Lineage, State, random_name};
use crate::fleet::{self, Life, Report};
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

/// What to do about instances that hold another history than the store, or a later revision, and will not follow by
/// themselves: the store was lost, or went back to an older backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strays {
    /// They join, unless that would open what they hold closed and [`Opens`](super::Opens) does not name: an operator says
    /// what is to be in force, and looks at what comes of it.
    Join,
    /// Nothing is written while there are any: joining might open what they have closed, and nobody is watching.
    Refuse,
    /// They stay as they are: who ends a window of the store's has nothing to say about theirs.
    Leave,
}

/// A writer retries for this long before it gives up against other writers.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

// === impl Control ===

impl Control {
    /// Changes the State by `edit`, again and again until the change lands on what was read.
    ///
    /// An edit that changes nothing writes nothing, unless some instance has strayed from this history: then the same
    /// wishes are written again, numbered so that it will follow. Where the store has gone back to an older State, a change
    /// that would thereby open what others hold closed is refused, unless it was made to open that
    /// ([`Control::opening`]).
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
        edit: impl FnMut(&mut State) -> Result<(), E>,
    ) -> Result<Outcome, Error> {
        self.change(note, Strays::Join, edit).await
    }

    /// [`Control::update`] with a word about strays.
    pub(crate) async fn change<E: ToString>(
        &self,
        note: &str,
        about: Strays,
        mut edit: impl FnMut(&mut State) -> Result<(), E>,
    ) -> Result<Outcome, Error> {
        let begun = tokio::time::Instant::now();
        for attempt in 0_u32.. {
            let base = self.base().await?;
            let mut next = base.state.clone();
            edit(&mut next).map_err(|error| Error::Refused(error.to_string()))?;
            let idle = base.lies_there.is_some() && next == base.state;
            let reports = fleet::reports(&*self.store).await?;
            if base.lies_there.is_none() && !base.knows(&reports) && begun.elapsed() <= PATIENCE {
                // Somebody has come back meanwhile with what was not known yet.
                continue;
            }
            let strays: Vec<&Report> = reports.iter().filter(|report| is_astray(report, &next)).collect();
            if idle && (strays.is_empty() || about != Strays::Join) {
                return Ok(Outcome::Unchanged(base.state));
            }
            // What took the place of a State that was gone was chosen among all that anybody held.
            let may_join = about == Strays::Join || base.lies_there.is_none();
            let living = strays.iter().find(|report| report.place.lives() != Some(Life::Dead));
            if let Some(stray) = living.filter(|_| !may_join && about == Strays::Refuse) {
                // It may be ahead because somebody was quicker than this.
                let there = self.store.get(STATE).await?.map(|entry| entry.value);
                if there == base.lies_there {
                    return Err(self.not_alone(stray, &next));
                }
                continue;
            }
            if may_join && let Some((stray, host)) = opened(&strays, &next, &self.opens) {
                let there = self.store.get(STATE).await?.map(|entry| entry.value);
                if there == base.lies_there {
                    return Err(self.would_open(stray, &host));
                }
                continue;
            }
            number(&mut next, if may_join { &strays } else { &[] });
            next.forget_past(slowest(&reports));
            self.sign(&mut next, note).await?;
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

    async fn sign(&self, next: &mut State, note: &str) -> Result<(), Error> {
        let (at, by) = (Timestamp::now(), self.signed().await?);
        next.schema = next.schema_needed();
        next.change = Change { id: random_name(), at, by, note: note.to_owned() };
        Ok(())
    }

    fn not_alone(&self, stray: &Report, next: &State) -> Error {
        Error::Refused(format!(
            "{} holds revision {} of another state than the one in {}, which has revision {}: the store was lost, or went back to a backup. Nothing was written, since nobody may be watching this change: look with `backsoon status`, and let `backsoon on` or `off` say which one it is",
            stray.name,
            stray.revision,
            self.store.url(),
            next.revision,
        ))
    }

    fn would_open(&self, stray: &Report, host: &Host) -> Error {
        let site = if host.is_any() { String::new() } else { format!(" --site {host}") };
        Error::Refused(format!(
            "{} holds {host} closed by revision {}, which {} does not have: it was lost, or went back to a backup. This change would reopen {host}, and nothing was written: type `backsoon on{site}` if it is to stay closed, or `backsoon off{site}` if it is to be open",
            stray.name,
            stray.revision,
            self.store.url(),
        ))
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

/// Whether the instance of `report` would not follow what comes after `state`.
fn is_astray(report: &Report, state: &State) -> bool {
    report.lineage.as_ref().is_some_and(|lineage| {
        let is_same = *lineage == state.lineage;
        is_same && report.revision > state.revision || !is_same && state.replaces.as_ref() != Some(lineage)
    })
}

/// The time by the clock that is furthest behind, ours or that of somebody who lives: what is over by it is over for everybody.
/// A clock that is ahead must not end for all what it alone takes for past.
fn slowest(reports: &[Report]) -> Timestamp {
    let living = reports.iter().filter(|report| report.place.lives() != Some(Life::Dead));
    living.map(|report| report.clock).fold(Timestamp::now(), Ord::min)
}

/// Numbers `next` above what lies in the store and above everything that `strays` hold, so that all of them will follow.
fn number(next: &mut State, strays: &[&Report]) {
    for stray in strays {
        match &stray.lineage {
            Some(lineage) if *lineage == next.lineage => next.revision = next.revision.max(stray.revision),
            Some(lineage) => next.replaces = Some(lineage.clone()),
            None => {}
        }
    }
    // Nothing comes after the last number but another history.
    next.revision = next.revision.checked_add(1).unwrap_or_else(|| {
        next.replaces = Some(std::mem::replace(&mut next.lineage, Lineage::random()));
        1
    });
}

/// The bytes of `state`, if they can be read again: what a program puts together need not be what a file may say.
fn legible(state: &State) -> Result<Vec<u8>, Error> {
    let bytes = state.to_bytes();
    match State::from_bytes(&bytes) {
        Ok(_) => Ok(bytes),
        Err(why) => Err(Error::Refused(format!("the changed state could not be read again: {why}"))),
    }
}

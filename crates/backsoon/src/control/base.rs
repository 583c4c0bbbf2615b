//! What a change starts from: the State in the store, or the last one that anybody knew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;

use super::history::FILED;
use super::{Control, Error, KEPT, STATE};
use crate::document::{Lineage, State, Unreadable};
use crate::fleet::{self, Life, Report};
use crate::store::{self, Entry, PutMode, Store, Version};
use crate::time::Timestamp;

/// What an update starts from.
pub(super) struct Base {
    pub(super) state: State,
    pub(super) mode: PutMode,
    /// It was read as it lies in the store, so it belongs into the history, and writing it again would be idle.
    pub(super) lies_there: Option<Bytes>,
    /// What the instances were known to hold when the State was not there: all of it was looked at.
    heard: Heard,
}

/// Where bytes go that were found in the State's place and are none.
const DAMAGED: &str = "damaged/";

/// How long a writer who finds no State waits for the instances to hand over those that they hold: they ask for it
/// once in 5.5 s at least after the store was away, and then look.
const HANDING_OVER: Duration = Duration::from_secs(15);

/// How long a writer who finds that the State is gone waits for instances to come back to the roster, which may be gone
/// as well: until then a receipt would prove nothing of them.
const MUSTERING: Duration = Duration::from_secs(6);

/// The newest revision of each history that a report names.
type Heard = BTreeMap<Lineage, u64>;

// === impl Control ===

impl Control {
    pub(super) async fn base(&self) -> Result<Base, Error> {
        let entry = match self.entry().await {
            Ok(Some(entry)) => entry,
            Ok(None) => return self.recover(PutMode::Create).await,
            Err(store::Error::TooLarge { .. }) => {
                // The store sets values aside that are too large to be read; see `FileStore`.
                self.store.delete(STATE).await?;
                return self.recover(PutMode::Create).await;
            }
            Err(error) => return Err(error.into()),
        };
        match State::from_bytes(&entry.value) {
            Ok(state) => {
                let mode = PutMode::Update(entry.version);
                Ok(Base { state, mode, lies_there: Some(entry.value), heard: Heard::new() })
            }
            Err(why @ Unreadable::Newer { .. }) => Err(Error::Unreadable { store: self.store.url(), why }),
            Err(Unreadable::Damaged { .. }) => {
                let version = self.set_aside(entry).await?;
                self.recover(PutMode::Update(version)).await
            }
        }
    }

    /// What lies in the State's place. Damage may have been done on the way here, so it must be read twice.
    async fn entry(&self) -> store::Result<Option<Entry>> {
        let Some(entry) = self.store.get(STATE).await? else { return Ok(None) };
        let Err(Unreadable::Damaged { .. }) = State::from_bytes(&entry.value) else { return Ok(Some(entry)) };
        // In another way, since what garbles an answer may garble its repetition alike; a list may leave it out.
        let again = match self.store.list(STATE).await?.into_iter().find(|entry| entry.key == STATE) {
            Some(listed) => Some(listed),
            None => self.store.get(STATE).await?,
        };
        let is_good = |again: &Entry| again.value == entry.value || State::from_bytes(&again.value).is_ok();
        let why = "it reads differently each time: look at the network between here and there, and try again";
        again
            .filter(is_good)
            .map_or_else(|| Err(self.away(&format!("reading `{STATE}`"), &why)), |it| Ok(Some(it)))
    }

    pub(super) fn away(&self, doing: &str, why: &dyn std::fmt::Display) -> store::Error {
        store::Error::Away {
            store: self.store.url(),
            doing: doing.to_owned(),
            source: why.to_string().into(),
        }
    }

    async fn set_aside(&self, entry: Entry) -> Result<Version, Error> {
        let key = format!("{DAMAGED}{}-{}", Timestamp::now().as_millis(), fastrand::u16(..));
        tracing::warn!(store = %self.store.url(), bytes = entry.value.len(), "the state is damaged; its bytes are kept under {key}");
        self.store.put(&key, entry.value, PutMode::Create).await?;
        Ok(entry.version)
    }

    /// The last State that anyone knew, an instance or the history; or else an empty one.
    ///
    /// Whatever an instance says that it holds has to lie here first: nobody opens a site because the one who closed it
    /// was slow to hand its State over.
    async fn recover(&self, mode: PutMode) -> Result<Base, Error> {
        let begun = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            // In this order: who reports a State after the list of reports was read, reports it to whoever numbers.
            let reports = fleet::reports(&*self.store).await?;
            let mut known = readable(&*self.store, KEPT).await?;
            known.extend(readable(&*self.store, FILED).await?);
            let mut missing = reports.iter().filter(|report| {
                report.place.lives() != Some(Life::Dead)
                    && report.lineage.as_ref().is_some_and(|lineage| {
                        let has =
                            |state: &State| state.lineage == *lineage && state.revision >= report.revision;
                        report.revision > 0 && !known.iter().any(has)
                    })
            });
            let is_lost = mode == PutMode::Create && !known.is_empty();
            match missing.next() {
                None if !is_lost || begun.elapsed() >= MUSTERING => {
                    let heard = heard(&reports);
                    let state = last(known).unwrap_or_default();
                    return Ok(Base { state, mode, lies_there: None, heard });
                }
                Some(report) if begun.elapsed() > HANDING_OVER => {
                    return Err(Error::Refused(format!(
                        "the state is gone from {}, and {} has not handed over revision {}, which it holds, for {} s; nothing was written: try again, or type `backsoon fleet forget {}` if it is gone for good",
                        self.store.url(),
                        report.name,
                        report.revision,
                        HANDING_OVER.as_secs(),
                        report.name,
                    )));
                }
                _ => tokio::time::sleep(pause).await,
            }
            // Each look lists the whole history, which may be long.
            pause = (pause * 2).min(Duration::from_millis(500));
        }
    }
}

/// The newest readable State below `prefix`.
pub(crate) async fn newest(store: &dyn Store, prefix: &str) -> store::Result<Option<State>> {
    Ok(last(readable(store, prefix).await?))
}

async fn readable(store: &dyn Store, prefix: &str) -> store::Result<Vec<State>> {
    let entries = store.list(prefix).await?;
    Ok(entries.iter().filter_map(|entry| State::from_bytes(&entry.value).ok()).collect())
}

/// The one that was in force last. Within a history the revisions tell, for clocks may be wrong; of several histories that
/// did not take each other's place, the times of their last changes.
fn last(states: Vec<State>) -> Option<State> {
    let mut newest: BTreeMap<Lineage, State> = BTreeMap::new();
    for state in states {
        let is_newer = |there: &State| (state.revision, state.change.at) > (there.revision, there.change.at);
        if newest.get(&state.lineage).is_none_or(is_newer) {
            newest.insert(state.lineage.clone(), state);
        }
    }
    let replaced: BTreeSet<Lineage> = newest.values().filter_map(|state| state.replaces.clone()).collect();
    newest.into_values().max_by_key(|state| (!replaced.contains(&state.lineage), state.change.at))
}

fn heard(reports: &[Report]) -> Heard {
    let mut heard = Heard::new();
    for report in reports {
        if let Some(lineage) = &report.lineage {
            let newest = heard.entry(lineage.clone()).or_default();
            *newest = report.revision.max(*newest);
        }
    }
    heard
}

// === impl Base ===

impl Base {
    /// Whether `reports` name nothing that was not looked at when the State was not there.
    pub(super) fn knows(&self, reports: &[Report]) -> bool {
        heard(reports)
            .iter()
            .all(|(lineage, revision)| self.heard.get(lineage).is_some_and(|known| known >= revision))
    }
}

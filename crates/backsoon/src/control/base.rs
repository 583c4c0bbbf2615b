//! What a change starts from: the State in the store, or the last one that anybody knew.

use std::time::Duration;

use bytes::Bytes;

use super::{Control, Error, KEPT, STATE};
use crate::document::{State, Unreadable};
use crate::fleet::{self, Life};
use crate::store::{self, Entry, PutMode, Store, Version};
use crate::time::Timestamp;

/// What an update starts from.
pub(super) struct Base {
    pub(super) state: State,
    pub(super) mode: PutMode,
    /// It was read as it lies in the store, so it belongs into the history, and writing it again would be idle.
    pub(super) lies_there: Option<Bytes>,
}

/// Where bytes go that were found in the State's place and are none.
const DAMAGED: &str = "damaged/";

/// How long a writer who finds no State waits for an instance to hand over the one that it holds.
const HANDING_OVER: Duration = Duration::from_secs(3);

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
                Ok(Base { state, mode: PutMode::Update(entry.version), lies_there: Some(entry.value) })
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
    async fn recover(&self, mode: PutMode) -> Result<Base, Error> {
        let begun = tokio::time::Instant::now();
        loop {
            let kept = newest(&*self.store, KEPT).await?;
            // An instance that holds a State looks once a second, and knows more than the history.
            if kept.is_some() || begun.elapsed() > HANDING_OVER || !self.is_held_by_someone().await? {
                // Unless it is behind.
                let filed = newest(&*self.store, "history/").await?;
                let last = kept.into_iter().chain(filed).max_by_key(age);
                return Ok(Base { state: last.unwrap_or_default(), mode, lies_there: None });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn is_held_by_someone(&self) -> Result<bool, Error> {
        let reports = fleet::reports(&*self.store).await?;
        Ok(reports.iter().any(|report| report.lineage.is_some() && report.place.lives() != Some(Life::Dead)))
    }
}

/// The newest readable State below `prefix`.
pub(crate) async fn newest(store: &dyn Store, prefix: &str) -> store::Result<Option<State>> {
    let entries = store.list(prefix).await?;
    let states = entries.iter().filter_map(|entry| State::from_bytes(&entry.value).ok());
    Ok(states.max_by_key(age))
}

/// By which the later of two States is told, of whatever history they are.
fn age(state: &State) -> (Timestamp, u64) {
    (state.change.at, state.revision)
}

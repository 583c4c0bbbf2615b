//! How far the news of a store was announced: what a gate goes on from that was down, so that it leaves nothing out.

use backsoon::State;
use backsoon::document::Lineage;
use backsoon::store::{self, PutMode, Store};
use backsoon::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Where it lies; no delivery is called so.
const MARK: &str = "webhooks/announced";

/// How far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The history that the revision is of; none: nobody had asked for anything.
    pub(crate) lineage: Option<Lineage>,
    /// The last revision that was announced.
    pub(crate) revision: u64,
    /// Up to when the edges of windows were.
    pub(crate) at: Timestamp,
}

// === impl Mark ===

impl Mark {
    /// Where news begin for whoever announces for the first time: what is there already is no news.
    pub(crate) fn first(state: Option<&State>, now: Timestamp) -> Self {
        Self {
            lineage: state.map(|state| state.lineage.clone()),
            revision: state.map_or(0, |state| state.revision),
            at: now,
        }
    }

    /// The one in the store; the `first` of all writes its own.
    pub(crate) async fn find(store: &dyn Store, first: Self) -> store::Result<Self> {
        for _ in 0..2 {
            if let Some(entry) = store.get(MARK).await?
                && let Ok(mark) = serde_json::from_slice(&entry.value)
            {
                return Ok(mark);
            }
            match store.put(MARK, first.bytes().into(), PutMode::Create).await {
                // Somebody else's is there now, or one that is damaged.
                Err(store::Error::Conflict { .. }) => {}
                written => return written.map(|_| first),
            }
        }
        store.put(MARK, first.bytes().into(), PutMode::Overwrite).await.map(|_| first)
    }

    /// Moves the one in the store on to this, and never back.
    pub(crate) async fn write(&self, store: &dyn Store) -> store::Result<()> {
        loop {
            let mode = match store.get(MARK).await? {
                None => PutMode::Create,
                Some(entry) => match serde_json::from_slice::<Self>(&entry.value) {
                    Ok(there) if there.is_past(self) => return Ok(()),
                    _ => PutMode::Update(entry.version),
                },
            };
            match store.put(MARK, self.bytes().into(), mode).await {
                Err(store::Error::Conflict { .. }) => {}
                written => return written.map(drop),
            }
        }
    }

    fn is_past(&self, other: &Self) -> bool {
        self.lineage == other.lineage && (self.revision, self.at) >= (other.revision, other.at)
    }

    fn bytes(&self) -> Vec<u8> {
        // An object of plain fields always serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

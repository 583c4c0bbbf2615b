//! One event for one hook, as a record in the store: so that several gates send it once, and none forgets it.

use std::time::Duration;

use backsoon::store::{self, Entry, PutMode, Store, Version};
use backsoon::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::Event;
use super::hook::{Hook, digest};

/// Where the records lie.
pub(crate) const RECORDS: &str = "webhooks/";

/// A claim that has not moved for so long, by the clock of whoever watches, is nobody's: longer than a try takes.
pub(crate) const CLAIM: Duration = Duration::from_secs(30);

/// What lies in the store. A reader ignores what a newer program adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    /// The event's id.
    pub(crate) id: String,
    /// The hook's name.
    pub(crate) hook: String,
    /// When it was filed, by the clock of whoever did.
    pub(crate) created: Timestamp,
    /// What is sent.
    pub(crate) body: String,
    pub(crate) standing: Standing,
    /// How often it was tried, tries that nobody told the end of included.
    pub(crate) tries: u32,
    /// Who tries just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) claimed_by: Option<String>,
    /// When it is to be tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<Timestamp>,
    /// The pause that led there, in milliseconds: whoever has another clock waits no longer.
    #[serde(default)]
    pub(crate) pause_ms: u64,
    /// What came back of the last try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Timestamp>,
}

/// How far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Standing {
    /// It is tried, or will be.
    Waiting,
    /// The receiver has it.
    Delivered,
    /// It was tried for long enough, or the receiver wants no more.
    GivenUp,
}

/// The key of the record of the event called `id` for the hook with this digest.
pub(crate) fn key(id: &str, hook: &Hook) -> String {
    format!("{RECORDS}{id}-{}", hook.digest())
}

/// Every readable record with its entry.
pub(crate) async fn all(store: &dyn Store) -> store::Result<Vec<(Entry, Delivery)>> {
    let entries = store.list(RECORDS).await?;
    let read = |entry: Entry| {
        let delivery = serde_json::from_slice::<Delivery>(&entry.value).ok()?;
        Some((entry, delivery))
    };
    Ok(entries.into_iter().filter_map(read).collect())
}

// === impl Delivery ===

impl Delivery {
    pub(crate) fn new(event: &Event, hook: &Hook, now: Timestamp) -> Self {
        Self {
            id: event.id.clone(),
            hook: hook.name.clone(),
            created: now,
            body: event.body(),
            standing: Standing::Waiting,
            tries: 0,
            claimed_by: None,
            next: None,
            pause_ms: 0,
            answer: None,
            ended: None,
        }
    }

    /// Files it, unless somebody has found the same event out before.
    pub(crate) async fn file(&self, store: &dyn Store, key: &str) -> store::Result<()> {
        match store.put(key, self.bytes().into(), PutMode::Create).await {
            Ok(_) | Err(store::Error::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The record under `key`; one that is damaged is nobody's.
    pub(crate) async fn read(store: &dyn Store, key: &str) -> store::Result<Option<(Self, Version)>> {
        let found = store.get(key).await?;
        Ok(found.and_then(|entry| Some((serde_json::from_slice(&entry.value).ok()?, entry.version))))
    }

    /// Writes it in the place of exactly what was read; nothing is written if somebody was there before.
    pub(crate) async fn replace(
        &self,
        store: &dyn Store,
        key: &str,
        version: Version,
    ) -> store::Result<Option<Version>> {
        match store.put(key, self.bytes().into(), PutMode::Update(version)).await {
            Ok(version) => Ok(Some(version)),
            Err(store::Error::Conflict { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// For how long whoever has just read it leaves it alone.
    pub(crate) fn rest(&self, now: Timestamp) -> Duration {
        if self.claimed_by.is_some() {
            return CLAIM;
        }
        self.next.map_or(Duration::ZERO, |next| next.since(now)).min(Duration::from_millis(self.pause_ms))
    }

    /// Whether it is of this hook; a name may come back with another meaning, but never another name.
    pub(crate) fn is_of(&self, hook: &Hook) -> bool {
        digest(&self.hook) == hook.digest()
    }

    /// Whether its last try has failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.standing == Standing::GivenUp || self.standing == Standing::Waiting && self.answer.is_some()
    }

    fn bytes(&self) -> Vec<u8> {
        // An object of plain fields always serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

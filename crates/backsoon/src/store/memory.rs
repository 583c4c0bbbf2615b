//! The reference store: a map in this process, gone when the process ends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use tokio::sync::broadcast;

use super::{Entry, Error, PutMode, Result, Store, Version, check_key, check_prefix, check_size};

/// How many changes a reader of [`Store::hints`] may fall behind before they melt into one hint.
const BACKLOG: usize = 64;

/// Values in this process's memory. Clones share them: a clone is a second handle of the same store.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    entries: Arc<Mutex<Entries>>,
    changes: broadcast::Sender<Arc<str>>,
}

#[derive(Debug, Default)]
struct Entries {
    by_key: BTreeMap<String, (Bytes, Version)>,
    /// Counts every write to this store, so that a version never comes back, not even after a delete.
    writes: u64,
}

// === impl MemoryStore ===

impl MemoryStore {
    /// An empty store that nobody else holds.
    #[must_use]
    pub fn new() -> Self {
        Self { entries: Arc::default(), changes: broadcast::Sender::new(BACKLOG) }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // No code that runs under the lock can leave a half-done change behind, so a poisoned lock is sound.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, key: &str) {
        // An error only says that nobody listens.
        let _ = self.changes.send(Arc::from(key));
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        check_key(key)?;
        Ok(self.entries().by_key.get(key).map(|(value, version)| entry(key, value, version)))
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        check_key(key)?;
        check_size(key, &value, || self.url())?;
        let version = {
            let mut entries = self.entries();
            let allowed = match (&mode, entries.by_key.get(key)) {
                (PutMode::Overwrite, _) | (PutMode::Create, None) => true,
                (PutMode::Update(expected), Some((_, held))) => expected == held,
                (PutMode::Create, Some(_)) | (PutMode::Update(_), None) => false,
            };
            if !allowed {
                return Err(Error::Conflict { key: key.to_owned() });
            }
            entries.writes += 1;
            let version = Version(entries.writes.to_string());
            entries.by_key.insert(key.to_owned(), (value, version.clone()));
            version
        };
        self.tell(key);
        Ok(version)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let removed = self.entries().by_key.remove(key);
        if removed.is_some() {
            self.tell(key);
        }
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        check_prefix(prefix)?;
        let entries = self.entries();
        let from_prefix = entries.by_key.range(prefix.to_owned()..);
        let under = from_prefix.take_while(|(key, _)| key.starts_with(prefix));
        Ok(under.map(|(key, (value, version))| entry(key, value, version)).collect())
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        let key = key.to_owned();
        let changes = self.changes.subscribe();
        Box::pin(futures_util::stream::unfold((changes, key), |(mut changes, key)| async move {
            loop {
                match changes.recv().await {
                    Ok(changed) if *changed != *key => continue,
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return Some(((), (changes, key))),
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        }))
    }

    fn url(&self) -> String {
        "memory:".to_owned()
    }
}

fn entry(key: &str, value: &Bytes, version: &Version) -> Entry {
    Entry { key: key.to_owned(), value: value.clone(), version: version.clone() }
}

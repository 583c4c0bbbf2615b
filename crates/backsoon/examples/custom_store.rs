//! A store of your own in fifty lines: a map under a lock, and a line on standard error for every write.
//!
//! `cargo run --example custom_store --features testing` shows that it keeps the contract.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use backsoon::store::{Entry, Error, PutMode, Result, Store, VALUE_LIMIT, Version, check_key, check_prefix};
use bytes::Bytes;

/// The entries, and a count of all writes that serves as the version of the next one.
#[derive(Debug, Default)]
struct LoggedStore(Mutex<(BTreeMap<String, Entry>, u64)>);

#[async_trait]
impl Store for LoggedStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        check_key(key)?;
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).0.get(key).cloned())
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        check_key(key)?;
        let size = value.len() as u64;
        if size > VALUE_LIMIT {
            return Err(Error::TooLarge { key: key.to_owned(), store: self.url(), size, limit: VALUE_LIMIT });
        }
        // One lock around both the look and the write: that is the whole of compare-and-swap.
        let (entries, writes) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let allowed = match (&mode, entries.get(key)) {
            (PutMode::Overwrite, _) | (PutMode::Create, None) => true,
            (PutMode::Update(expected), Some(held)) => *expected == held.version,
            (PutMode::Create, Some(_)) | (PutMode::Update(_), None) => false,
        };
        if !allowed {
            return Err(Error::Conflict { key: key.to_owned() });
        }
        *writes += 1;
        eprintln!("write {writes}: {key} ({size} bytes)");
        let version = Version(writes.to_string());
        entries.insert(key.to_owned(), Entry { key: key.to_owned(), value, version: version.clone() });
        Ok(version)
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        check_prefix(prefix)?;
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(held.0.values().filter(|entry| entry.key.starts_with(prefix)).cloned().collect())
    }

    fn url(&self) -> String {
        "logged:".to_owned()
    }
}

#[tokio::main]
async fn main() {
    let store = Arc::new(LoggedStore::default());
    backsoon::testing::store::conformance(async || store.clone() as Arc<dyn Store>).await;
    eprintln!("`logged:` keeps the store contract");
}

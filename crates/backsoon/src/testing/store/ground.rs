//! Where one check plays: two handles of the store, and a corner of its keys that nobody else uses.

use std::sync::Arc;

use bytes::Bytes;

use crate::store::{Entry, Error, PutMode, Store, Version};

pub(super) struct Ground {
    pub(super) one: Arc<dyn Store>,
    pub(super) other: Arc<dyn Store>,
    prefix: String,
}

/// Fails the check with a sentence unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($sentence:tt)+) => {
        if !$condition {
            return Err(format!($($sentence)+));
        }
    };
}
pub(super) use ensure;

// === impl Ground ===

impl Ground {
    pub(super) fn new(one: &Arc<dyn Store>, other: &Arc<dyn Store>, check: &str) -> Self {
        let prefix = format!("conformance/{:08x}/{check}/", fastrand::u32(..));
        Self { one: Arc::clone(one), other: Arc::clone(other), prefix }
    }

    /// The two handles, for checks that hold for each of them.
    pub(super) fn both(&self) -> [&Arc<dyn Store>; 2] {
        [&self.one, &self.other]
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    pub(super) async fn get(&self, key: &str) -> Result<Option<Entry>, String> {
        get(&*self.one, key).await
    }

    /// The entry under `key`, which must be there.
    pub(super) async fn entry(&self, key: &str) -> Result<Entry, String> {
        self.get(key).await?.ok_or_else(|| format!("get of `{key}` found nothing, though it was put"))
    }

    pub(super) async fn put(&self, key: &str, value: &[u8], mode: PutMode) -> Result<Version, String> {
        put(&*self.one, key, value, mode).await
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), String> {
        self.one.delete(key).await.map_err(|error| format!("delete of `{key}` failed: {error}"))
    }

    /// Puts what must be refused with [`Error::Conflict`], and looks that nothing was written.
    pub(super) async fn refused(&self, key: &str, mode: PutMode, why: &str) -> Result<(), String> {
        let before = self.get(key).await?;
        let shown = format!("{mode:?}");
        match self.one.put(key, Bytes::from_static(b"intruder"), mode).await {
            Err(Error::Conflict { key: named }) => {
                ensure!(named == key, "the conflict on `{key}` names `{named}`");
            }
            Err(error) => return Err(format!("{shown} {why} must be a conflict, and was: {error}")),
            Ok(_) => return Err(format!("{shown} {why} must be a conflict, and was written")),
        }
        let after = self.get(key).await?;
        ensure!(before == after, "{shown} {why} was refused, and yet changed {before:?} to {after:?}");
        Ok(())
    }

    pub(super) async fn clean_up(&self) -> Result<(), String> {
        let left = self.one.list(&self.prefix).await;
        for entry in left.map_err(|error| format!("list of what to clean up failed: {error}"))? {
            self.delete(&entry.key).await?;
        }
        Ok(())
    }
}

pub(super) async fn get(store: &dyn Store, key: &str) -> Result<Option<Entry>, String> {
    store.get(key).await.map_err(|error| format!("get of `{key}` failed: {error}"))
}

pub(super) async fn put(
    store: &dyn Store,
    key: &str,
    value: &[u8],
    mode: PutMode,
) -> Result<Version, String> {
    let shown = format!("put of `{key}` with {mode:?}");
    store
        .put(key, Bytes::copy_from_slice(value), mode)
        .await
        .map_err(|error| format!("{shown} failed: {error}"))
}

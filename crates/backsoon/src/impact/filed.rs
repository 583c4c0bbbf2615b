//! Impacts that are kept in the store.

use super::Impact;
use crate::document::WindowId;
use crate::store::{self, Error, PutMode, Store};

/// Where they are filed, by window and by the revision that ended it: a rollback may close it again.
const IMPACT: &str = "impact/";

/// Files `impact`, for the history, unless it is there. One that is not
/// [complete](Impact::is_complete), or that no server has counted, is not filed.
///
/// # Errors
/// When the store is away.
pub async fn file(store: &dyn Store, impact: &Impact) -> store::Result<()> {
    if !impact.is_complete() || impact.servers == 0 {
        return Ok(());
    }
    // An impact is an object of plain fields and always serialises.
    let bytes = serde_json::to_vec(impact).unwrap_or_default();
    match store.put(&key(&impact.window, impact.revision), bytes.into(), PutMode::Create).await {
        Ok(_) | Err(Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What was filed of `window`, which `revision` has ended, if anything was that can be read.
///
/// # Errors
/// When the store is away.
pub async fn filed(store: &dyn Store, window: &WindowId, revision: u64) -> store::Result<Option<Impact>> {
    let entry = store.get(&key(window, revision)).await?;
    Ok(entry.and_then(|entry| serde_json::from_slice(&entry.value).ok()))
}

/// Every impact that was filed and can be read.
///
/// # Errors
/// When the store is away.
pub async fn all_filed(store: &dyn Store) -> store::Result<Vec<Impact>> {
    let entries = store.list(IMPACT).await?;
    Ok(entries.iter().filter_map(|entry| serde_json::from_slice(&entry.value).ok()).collect())
}

fn key(window: &WindowId, revision: u64) -> String {
    format!("{IMPACT}{window}-{revision:020}")
}

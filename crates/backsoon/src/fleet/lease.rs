//! The leases of programs on the windows that they have added, and the windows that nobody stands behind any more.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Life, Place};
use crate::document::{Source, State, WindowId};
use crate::store::{self, PutMode, Store};

/// A program's word that it still stands behind a window which it has added and will end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The window.
    pub window: WindowId,
    /// Where the program runs.
    pub place: Place,
    /// Counts the renewals: while this moves, the lease holds.
    pub beat: u64,
    /// After this many milliseconds without a new beat the window is lapsed.
    pub lease_ms: u64,
}

/// Where leases on windows are filed.
const LEASES: &str = "leases/";

// === impl Lease ===

impl Lease {
    /// Files it, in place of the one before.
    pub(crate) async fn renew(&self, store: &dyn Store) -> store::Result<()> {
        // A lease is an object of plain fields and always serialises.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        store.put(&format!("{LEASES}{}", self.window), bytes.into(), PutMode::Overwrite).await.map(drop)
    }

    /// The lease on `window`, if there is one that can be read.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn of(store: &dyn Store, window: &WindowId) -> store::Result<Option<Self>> {
        let found = store.get(&format!("{LEASES}{window}")).await?;
        Ok(found.and_then(|entry| serde_json::from_slice(&entry.value).ok()))
    }

    /// Takes the lease on `window` away.
    pub(crate) async fn give_up(store: &dyn Store, window: &WindowId) -> store::Result<()> {
        store.delete(&format!("{LEASES}{window}")).await
    }
}

/// Every readable lease; one that is damaged is nobody's.
async fn leases(store: &dyn Store) -> store::Result<Vec<Lease>> {
    let entries = store.list(LEASES).await?;
    Ok(entries.iter().filter_map(|entry| serde_json::from_slice(&entry.value).ok()).collect())
}

/// The windows of commands and of code in `state` that nobody stands behind any more: they stay in force, and only an
/// operator will end them.
///
/// A window without a lease is lapsed, and so is one whose process has ended on this machine. Others are watched
/// until their beat moves, at most for `patience`: only one that was watched for its whole lease and did not move is
/// lapsed. So with no patience at all the answer comes at once and is true, but may leave some out.
///
/// # Errors
/// When the store is away.
pub async fn lapsed(store: &dyn Store, state: &State, patience: Duration) -> store::Result<Vec<WindowId>> {
    let begun = tokio::time::Instant::now();
    let first = leases(store).await?;
    let windows = || state.sites().flat_map(|(_, site)| &site.windows);
    let by_programs = || windows().filter(|window| matches!(window.source, Source::Run | Source::Code));
    let mut now = first.clone();
    loop {
        let waited = begun.elapsed();
        let is_stopped =
            |lease: &Lease| first.iter().any(|b| b.window == lease.window && b.beat == lease.beat);
        let is_over = |lease: &Lease| waited >= Duration::from_millis(lease.lease_ms);
        let is_dead = |lease: &Lease| lease.place.lives() == Some(Life::Dead);
        let find = |id: &WindowId| now.iter().find(|lease| lease.window == *id);
        let is_open = |id: &WindowId| find(id).is_some_and(|l| is_stopped(l) && !is_dead(l) && !is_over(l));
        if waited >= patience || !by_programs().any(|window| is_open(&window.id)) {
            let held = |id: &WindowId| find(id).is_some_and(|l| !(is_dead(l) || is_stopped(l) && is_over(l)));
            return Ok(by_programs().map(|window| &window.id).filter(|id| !held(id)).cloned().collect());
        }
        tokio::time::sleep(Duration::from_millis(200).min(patience - waited)).await;
        now = leases(store).await?;
    }
}

//! Windows whose program has gone: nobody but an operator will end them, so the metrics say how many there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use backsoon::document::Source;
use backsoon::store::Store;
use backsoon::{Instance, fleet};
use tokio_util::task::AbortOnDropHandle;

/// The pause between two looks. A window of a program is in force for minutes, and its lease lasts seconds.
const PAUSE: Duration = Duration::from_secs(5);

/// Longer than any lease: a shorter look could not tell.
const PATIENCE: Duration = Duration::from_secs(8);

/// How many windows have lapsed, as of the last look.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lapsed(Arc<AtomicUsize>);

// === impl Lapsed ===

impl Lapsed {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Looks again and again until the handle is dropped. Without a window that a program has added the store is not
    /// asked.
    pub(crate) fn watch(&self, store: Arc<dyn Store>, instance: Arc<Instance>) -> AbortOnDropHandle<()> {
        let found = self.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                found.look(&*store, &instance).await;
                tokio::time::sleep(PAUSE).await;
            }
        }))
    }

    async fn look(&self, store: &dyn Store, instance: &Instance) {
        let state = instance.state();
        let by_programs = |state: &&Arc<backsoon::State>| {
            let mut windows = state.sites().flat_map(|(_, site)| &site.windows);
            windows.any(|window| matches!(window.source, Source::Run | Source::Code))
        };
        let Some(state) = state.as_ref().filter(by_programs) else {
            return self.0.store(0, Ordering::Relaxed);
        };
        // While the store is away nobody can renew a lease either: what was known stays.
        if let Ok(lapsed) = fleet::lapsed(store, state, PATIENCE).await {
            let now = instance.state();
            let there = |id: &backsoon::document::WindowId| {
                let sites = now.iter().flat_map(|state| state.sites().collect::<Vec<_>>());
                sites.flat_map(|(_, site)| &site.windows).any(|window| window.id == *id)
            };
            // A window that ended while we watched is over, not lapsed.
            self.0.store(lapsed.iter().filter(|id| there(id)).count(), Ordering::Relaxed);
        }
    }
}

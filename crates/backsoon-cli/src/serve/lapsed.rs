//! Windows whose program has gone: nobody but an operator will end them, so the metrics say how many there are.

use std::sync::Arc;
use std::time::Duration;

use backsoon::document::{Source, WindowId};
use backsoon::store::Store;
use backsoon::{Instance, fleet};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// The pause between two looks. A window of a program is in force for minutes, and its lease lasts seconds.
const PAUSE: Duration = Duration::from_secs(5);

/// Longer than any lease: a shorter look could not tell.
const PATIENCE: Duration = Duration::from_secs(8);

/// Which windows have lapsed, as of the last look.
#[derive(Debug, Clone)]
pub(crate) struct Lapsed(watch::Sender<Vec<WindowId>>);

// === impl Lapsed ===

impl Lapsed {
    pub(crate) fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// Tells of every look that finds others.
    #[cfg(feature = "webhooks")]
    pub(crate) fn follow(&self) -> watch::Receiver<Vec<WindowId>> {
        self.0.subscribe()
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
            return self.found(Vec::new());
        };
        // While the store is away nobody can renew a lease either: what was known stays.
        if let Ok(lapsed) = fleet::lapsed(store, state, PATIENCE).await {
            let now = instance.state();
            let there = |id: &WindowId| {
                let sites = now.iter().flat_map(|state| state.sites().collect::<Vec<_>>());
                sites.flat_map(|(_, site)| &site.windows).any(|window| window.id == *id)
            };
            // A window that ended while we watched is over, not lapsed.
            self.found(lapsed.into_iter().filter(there).collect());
        }
    }

    fn found(&self, lapsed: Vec<WindowId>) {
        self.0.send_if_modified(|known| std::mem::replace(known, lapsed) != *known);
    }
}

impl Default for Lapsed {
    fn default() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }
}

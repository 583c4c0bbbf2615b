//! Since when windows without a start are in force: the history tells, and is read once for each of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use backsoon::document::WindowId;
use backsoon::time::Timestamp;
use backsoon::{Control, State};

/// More windows than this are forgotten.
const MANY: usize = 10_000;

/// When windows were added.
#[derive(Debug, Default)]
pub(crate) struct Since(Mutex<HashMap<WindowId, Timestamp>>);

// === impl Since ===

impl Since {
    /// Learns of every window of `state` that is not known yet. While the store is away they stay unknown.
    pub(crate) async fn learn(&self, control: &Control, state: &State) {
        let is_new = {
            let known = self.known();
            let mut windows = state.sites().flat_map(|(_, site)| &site.windows);
            windows.any(|window| window.start.is_none() && !known.contains_key(&window.id))
        };
        if is_new && let Ok(added) = control.added(state).await {
            let mut known = self.known();
            if known.len() > MANY {
                known.clear();
            }
            known.extend(added);
        }
    }

    /// When it was added, if that is known.
    pub(crate) fn added(&self, window: &WindowId) -> Option<Timestamp> {
        self.known().get(window).copied()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<WindowId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

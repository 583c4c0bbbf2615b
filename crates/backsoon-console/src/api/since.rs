//! Since when windows without a start are in force: the history tells, and is read once for each of them.
//!
//! A window may be as old as the history is long. Nobody waits for all of it to be read: it goes on beside, and pages that are
//! live show the time once it is known.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backsoon::document::WindowId;
use backsoon::time::Timestamp;
use backsoon::{Control, State};

/// More windows than this are forgotten.
const MANY: usize = 10_000;
/// How long whoever asks waits for the history.
const PATIENCE: Duration = Duration::from_millis(8);

/// When windows were added.
#[derive(Debug, Default)]
pub(crate) struct Since(Mutex<Learned>);

#[derive(Debug, Default)]
struct Learned {
    known: HashMap<WindowId, Timestamp>,
    /// Somebody reads about these just now, or has found nothing: the history may have lost its beginning.
    asked: HashSet<WindowId>,
}

// === impl Since ===

impl Since {
    /// Learns of every window of `state` that is not known yet. While the store is away they stay unknown.
    pub(crate) async fn learn(self: &Arc<Self>, control: &Control, state: &State) {
        let open: Vec<WindowId> = {
            let mut learned = self.learned();
            if learned.asked.len() > MANY {
                *learned = Learned::default();
            }
            let windows = state.sites().flat_map(|(_, site)| &site.windows);
            let open = windows.filter(|window| window.start.is_none()).map(|window| &window.id);
            open.filter(|id| learned.asked.insert((*id).clone())).cloned().collect()
        };
        if open.is_empty() {
            return;
        }
        let (this, control, state) = (Arc::clone(self), control.clone(), state.clone());
        let reading = tokio::spawn(async move {
            let added = control.added(&state).await;
            let mut learned = this.learned();
            match added {
                Ok(added) => learned.known.extend(added),
                Err(_) => learned.asked.retain(|id| !open.contains(id)),
            }
        });
        let _ = tokio::time::timeout(PATIENCE, reading).await;
    }

    /// When it was added, if that is known.
    pub(crate) fn added(&self, window: &WindowId) -> Option<Timestamp> {
        self.learned().known.get(window).copied()
    }

    fn learned(&self) -> std::sync::MutexGuard<'_, Learned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The lease on serving: an instance that cannot say that it lives closes itself.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// A moment that is put off again and again; when it comes the door is closed, whatever the State says.
#[derive(Debug)]
pub(crate) struct Fence {
    epoch: Instant,
    /// In milliseconds since the epoch.
    falls: AtomicU64,
}

// === impl Fence ===

impl Fence {
    /// A fence that has fallen: whoever has never said that it lives does not serve.
    pub(super) fn fallen() -> Self {
        Self { epoch: Instant::now(), falls: AtomicU64::new(0) }
    }

    /// Puts it off until `moment`.
    pub(super) fn put_off(&self, moment: Instant) {
        let falls = moment.saturating_duration_since(self.epoch).as_millis();
        self.falls.fetch_max(falls.try_into().unwrap_or(u64::MAX), Ordering::Release);
    }

    pub(super) fn has_fallen(&self) -> bool {
        self.epoch.elapsed().as_millis() >= u128::from(self.falls.load(Ordering::Acquire))
    }
}

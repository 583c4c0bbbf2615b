//! The pauses between two tries to listen.

use std::time::{Duration, Instant};

/// The longest of them.
const LONGEST: Duration = Duration::from_secs(10);

/// The first one. Between it and twice as much, so that a fleet does not come back as one.
pub(super) const SHORTEST: Duration = Duration::from_millis(250);

/// What was heard for this long was good: the next pause is a short one again.
const GOOD: Duration = Duration::from_secs(10);

/// Grows with each failure, until something was heard for a while.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// Since when something is heard, if anything is.
    heard: Option<Instant>,
    failures: u32,
}

// === impl Pauses ===

impl Pauses {
    /// From now on something is heard.
    pub(super) fn heard(&mut self) {
        self.heard = Some(Instant::now());
    }

    /// Waits until it is time for the next try.
    pub(super) async fn wait(&mut self) {
        if self.heard.take().is_some_and(|since| since.elapsed() > GOOD) {
            self.failures = 0;
        }
        let longest = LONGEST.min(SHORTEST * 2_u32.saturating_pow(self.failures.min(10) + 1));
        self.failures = self.failures.saturating_add(1);
        let millis = longest.as_millis() as u64;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(millis / 2..=millis))).await;
    }
}

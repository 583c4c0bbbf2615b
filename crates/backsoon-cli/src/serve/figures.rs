//! What the gate counts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::failure::Failure;

/// Counters of one gate, since its start.
#[derive(Debug, Default)]
pub struct Figures {
    unreachable: AtomicU64,
    broken: AtomicU64,
    timed_out: AtomicU64,
}

// === impl Figures ===

impl Figures {
    pub(crate) fn upstream_failed(&self, failure: Failure) {
        let counter = match failure {
            Failure::Unreachable => &self.unreachable,
            Failure::TimedOut => &self.timed_out,
            _ => &self.broken,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that got no answer from an upstream, by reason.
    pub fn upstream_errors(&self) -> [(&'static str, u64); 3] {
        [
            (Failure::Unreachable.word(), self.unreachable.load(Ordering::Relaxed)),
            (Failure::Broken.word(), self.broken.load(Ordering::Relaxed)),
            (Failure::TimedOut.word(), self.timed_out.load(Ordering::Relaxed)),
        ]
    }
}

//! How large the fleet is, and how often each of its instances may therefore speak.
//!
//! A store that serves ten instances a beat a second serves ten thousand of them one in ten seconds: the fleet as a
//! whole says about a thousand beats a second at most, and asks about five hundred times a second for what hints may
//! have missed. News is told at once all the same.

use std::time::Duration;

use tokio::time::Instant;

use super::Options;
use crate::fleet;
use crate::store::Store;

/// The fleet as one of its instances knows it.
#[derive(Debug)]
pub(super) struct Crew {
    size: u32,
    counted: Instant,
}

/// The most beats that a whole fleet says in a second.
const BEATS_PER_S: u32 = 1_000;

/// The most looks without a hint that a whole fleet takes in a second.
const LOOKS_PER_S: u32 = 500;

/// A fleet counts itself once in so many seconds, whoever of it does: listing ten thousand reports is work.
const COUNTS_EVERY: Duration = Duration::from_secs(5);

/// No instance counts less often than this.
const AT_LEAST_EVERY: Duration = Duration::from_secs(3600);

/// A lease outlives this many beats that are lost.
const LOST_BEATS: u32 = 4;

// === impl Crew ===

impl Crew {
    /// Whoever joins knows only itself.
    pub(super) fn new() -> Self {
        Self { size: 1, counted: Instant::now() }
    }

    /// Notes that it was counted; in vain if the store did not answer, and then nobody counts at once again.
    pub(super) fn counted(&mut self, size: Option<usize>) {
        let size = size.map(|size| u32::try_from(size).unwrap_or(u32::MAX).max(1));
        (self.size, self.counted) = (size.unwrap_or(self.size), Instant::now());
    }

    /// How often to report without news.
    pub(super) fn beat(&self, options: &Options) -> Duration {
        options.beat.max(Duration::from_secs(self.size.into()) / BEATS_PER_S)
    }

    /// How often to look without a hint.
    pub(super) fn poll(&self, options: &Options) -> Duration {
        options.poll.max(Duration::from_secs(self.size.into()) / LOOKS_PER_S)
    }

    /// After how long a silence it is lost.
    pub(super) fn lease(&self, options: &Options) -> Duration {
        let beat = self.beat(options);
        if beat > options.beat { options.lease.max(beat * LOST_BEATS) } else { options.lease }
    }

    /// Whether it is this instance's turn to count. Turns come at random, so that a fleet that started together does
    /// not count together.
    pub(super) fn is_due(&self) -> bool {
        let every = (COUNTS_EVERY * self.size).min(AT_LEAST_EVERY);
        self.counted.elapsed() > every.mul_f64(0.5 + fastrand::f64())
    }
}

/// How many are on the roster of `store`.
pub(super) async fn count(store: &dyn Store) -> crate::store::Result<usize> {
    Ok(fleet::reports(store).await?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_fleet_speaks_as_often_as_it_is_told_and_a_large_one_less_often() {
        let options = Options::default();
        let of = |size: usize| {
            let mut crew = Crew::new();
            crew.counted(Some(size));
            [crew.beat(&options), crew.poll(&options), crew.lease(&options)].map(|span| span.as_millis())
        };
        assert_eq!(of(1), [1_000, 1_000, 10_000]);
        assert_eq!(of(500), [1_000, 1_000, 10_000]);
        assert_eq!(of(10_000), [10_000, 20_000, 40_000]);
    }
}

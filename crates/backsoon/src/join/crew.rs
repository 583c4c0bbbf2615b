//! How large the fleet is, and how often each of its instances may therefore speak.
//!
//! A store that serves ten instances a beat a second serves ten thousand of them one in ten seconds: the fleet as a
//! whole says about a thousand beats a second at most, and asks about five hundred times a second for what hints may
//! have missed. News is told at once all the same.
//!
//! Counting means listing every report, so were each of ten thousand that join to count, the store would hand out a
//! hundred million. Whoever counts a large fleet writes the number down; the others read that, and count in their turn.

use std::time::Duration;

use tokio::time::Instant;

use super::Options;
use crate::store::{self, PutMode, Store};

/// The fleet as one of its instances knows it.
#[derive(Debug)]
pub(super) struct Crew {
    size: u32,
    counts: Counts,
    /// When it is this instance's turn to count.
    turn: Instant,
    /// When to read what others have counted.
    reading: Instant,
}

/// Whether this instance has counted the fleet yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    NotYet,
    Already,
}

/// Where the number is written down.
const SIZE: &str = "crew/size";

/// In a fleet of up to so many whoever joins counts at once, and nobody writes the number down.
const SMALL: u32 = 100;

/// No fleet is larger, whatever was written down: its instances would hardly speak any more.
const LARGEST: u32 = 100_000;

/// The most beats that a whole fleet says in a second.
const BEATS_PER_S: u32 = 1_000;

/// The most looks without a hint that a whole fleet takes in a second.
const LOOKS_PER_S: u32 = 500;

/// How many reports a fleet that joins at the same time lists in a second.
const LISTED_PER_S: u32 = 10_000;

/// How often a whole fleet reads in a second what others have counted.
const READINGS_PER_S: u32 = 50;

/// No instance reads it more often than this.
const AT_MOST_EVERY: Duration = Duration::from_secs(10);

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
        let now = Instant::now();
        Self { size: 1, counts: Counts::NotYet, turn: now, reading: now }
    }

    /// This instance has listed so many.
    pub(super) fn counted(&mut self, size: u32) {
        (self.size, self.counts) = (size.max(1), Counts::Already);
        self.draw();
    }

    /// Others have written this down. A turn that was drawn in a much smaller fleet comes too early in this one.
    pub(super) fn learned(&mut self, size: Option<u32>) {
        let before = self.size;
        self.size = size.unwrap_or(before);
        if self.size / 2 >= before {
            self.draw();
        }
        let pause = AT_MOST_EVERY.max(Duration::from_secs(self.size.into()) / READINGS_PER_S);
        self.reading = Instant::now() + pause.mul_f64(0.5 + fastrand::f64());
    }

    /// The store has not answered, and a crowd that asks again at once would not help it.
    pub(super) fn put_off(&mut self) {
        let later = Instant::now() + AT_MOST_EVERY.mul_f64(0.5 + fastrand::f64());
        (self.turn, self.reading) = (self.turn.max(later), self.reading.max(later));
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

    /// Whether this instance has never counted.
    pub(super) fn is_new(&self) -> bool {
        self.counts == Counts::NotYet
    }

    /// Whether it is this instance's turn to count.
    pub(super) fn is_due(&self) -> bool {
        self.turn <= Instant::now()
    }

    /// Whether to read what others have counted; before a turn, always.
    pub(super) fn reads(&self) -> bool {
        self.is_due() || self.reading <= Instant::now()
    }

    /// Turns come at random, so that a fleet that started together does not count together.
    fn draw(&mut self) {
        let size = u64::from(self.size);
        let pause = match self.counts {
            Counts::NotYet if self.size <= SMALL => Duration::ZERO,
            Counts::NotYet => {
                let all = Duration::from_secs(size * size) / LISTED_PER_S;
                all.min(AT_LEAST_EVERY).mul_f64(fastrand::f64())
            }
            Counts::Already => (COUNTS_EVERY * self.size).min(AT_LEAST_EVERY).mul_f64(0.5 + fastrand::f64()),
        };
        self.turn = Instant::now() + pause;
    }
}

/// What the fleet's number was when it was last written down; none: it is small, or nobody has counted.
pub(super) async fn read(store: &dyn Store) -> store::Result<Option<u32>> {
    let entry = store.get(SIZE).await?;
    let size = entry.and_then(|entry| std::str::from_utf8(&entry.value).ok()?.parse::<u32>().ok());
    Ok(size.map(|size| size.clamp(1, LARGEST)))
}

/// Writes down that the fleet has `size` instances, unless `read` is about the same, or never was more than small.
pub(super) async fn write(store: &dyn Store, size: u32, read: Option<u32>) -> store::Result<()> {
    let is_known = read.map_or(size <= SMALL, |read| size.abs_diff(read) <= read / 20);
    if is_known {
        return Ok(());
    }
    store.put(SIZE, size.to_string().into(), PutMode::Overwrite).await.map(drop)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn a_small_fleet_speaks_as_often_as_it_is_told_and_a_large_one_less_often() {
        let options = Options::default();
        let of = |size: u32| {
            let mut crew = Crew::new();
            crew.counted(size);
            [crew.beat(&options), crew.poll(&options), crew.lease(&options)].map(|span| span.as_millis())
        };
        assert_eq!(of(1), [1_000, 1_000, 10_000]);
        assert_eq!(of(500), [1_000, 1_000, 10_000]);
        assert_eq!(of(10_000), [10_000, 20_000, 40_000]);
    }

    /// How many of a hundred that learn `size` when they join are due at once.
    fn due_at_once(size: Option<u32>) -> usize {
        let crews = (0..100).map(|_| {
            let mut crew = Crew::new();
            crew.learned(size);
            crew
        });
        crews.filter(Crew::is_due).count()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_joins_a_small_fleet_counts_at_once_and_a_large_one_in_its_turn() {
        assert_eq!([None, Some(1), Some(100)].map(due_at_once), [100; 3]);
        assert!(due_at_once(Some(10_000)) < 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_drawn_in_a_small_fleet_is_drawn_again_when_the_fleet_has_grown() {
        let mut crew = Crew::new();
        crew.learned(Some(101));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(crew.is_due(), "a hundred may list a hundred reports within a second or so");
        let mut grown = 0;
        for _ in 0..100 {
            let mut crew = Crew::new();
            crew.learned(Some(101));
            tokio::time::advance(Duration::from_secs(2)).await;
            crew.learned(Some(10_000));
            grown += usize::from(!crew.is_due());
        }
        assert!(grown > 90, "{grown}");
        crew.learned(Some(150));
        assert!(crew.is_due(), "about as large as it was: somebody has to count");
    }

    #[tokio::test(start_paused = true)]
    async fn whom_the_store_does_not_answer_asks_later() {
        let mut crew = Crew::new();
        crew.put_off();
        assert!(!crew.reads());
        tokio::time::advance(Duration::from_secs(16)).await;
        assert!(crew.reads());
    }

    #[tokio::test]
    async fn only_a_large_fleet_is_written_down_and_only_when_its_size_has_changed() {
        let store = MemoryStore::new();
        write(&store, 100, None).await.unwrap();
        assert_eq!(read(&store).await.unwrap(), None);
        write(&store, 1_000, None).await.unwrap();
        write(&store, 1_040, Some(1_000)).await.unwrap();
        assert_eq!(read(&store).await.unwrap(), Some(1_000));
        write(&store, 3, Some(1_000)).await.unwrap();
        assert_eq!(read(&store).await.unwrap(), Some(3));
        for (told, read_as) in [("many", None), ("0", Some(1)), ("4000000000", Some(LARGEST))] {
            store.put(SIZE, told.into(), PutMode::Overwrite).await.unwrap();
            assert_eq!(read(&store).await.unwrap(), read_as, "{told}");
        }
    }
}

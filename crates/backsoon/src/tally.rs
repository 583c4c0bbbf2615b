//! What one instance counts of each closing: whom it refused, let wait, cut and let through.
//!
//! A request counts for the window that decided: the one that makes its site as closed as it is. What a rule refuses
//! counts for none, for it would be refused without the window, too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::document::{PassId, WindowId};

/// What one instance has counted of one window, as its report says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// The window.
    pub window: WindowId,
    /// Whether the instance was there when the window came into force.
    #[serde(default, skip_serializing_if = "Seen::is_whole")]
    pub seen: Seen,
    /// Requests that it refused because of the window; those that had waited in vain are among them.
    #[serde(default)]
    pub refused: u64,
    /// Requests that wait because of it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub waiting: u64,
    /// How long those had waited that wait no more, however their wait ended.
    #[serde(default, skip_serializing_if = "Waits::is_empty")]
    pub waits: Waits,
    /// Earlier requests that it ended because of the window.
    #[serde(default, skip_serializing_if = "is_none")]
    pub cut: u64,
    /// Requests that a pass let through, by pass.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub passes: BTreeMap<PassId, u64>,
}

/// How much of a window an instance has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// It ran already when the window came into force.
    #[default]
    Whole,
    /// It has joined since: what ran in its place before, if anything did, took its numbers along.
    Joined,
}

/// How long requests have waited: a count for each span of time, so that those of a whole fleet can be added up.
///
/// Up to 31 ms each span is one millisecond. Above, sixteen spans make up each doubling, and what is read back is the
/// middle of one: so [`Waits::quantile`] is off by at most a thirty-second (3.1 %). What is longer than 37 hours counts as
/// that long.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Waits(BTreeMap<u16, u64>);

/// How long an instance tells of a closing after its end.
pub const KEPT: Duration = Duration::from_secs(15 * 60);

/// The numbers of one window as they grow.
#[derive(Debug)]
pub(crate) struct Counters {
    window: WindowId,
    seen: Seen,
    // Every refusal adds to this one, so it is no more than an addition.
    refused: AtomicU64,
    waiting: AtomicU64,
    cut: AtomicU64,
    waits: Mutex<Waits>,
    passes: Mutex<BTreeMap<PassId, u64>>,
}

/// Spans in each doubling, as a power of two.
const FINE: u32 = 4;
/// No wait counts as longer than this many milliseconds.
const LONGEST: u64 = (1 << 27) - 1;

// === impl Tally ===

impl Tally {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        let requests = self.refused + self.waiting + self.cut;
        self.seen.is_whole() && requests == 0 && self.waits.is_empty() && self.passes.is_empty()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

// === impl Seen ===

impl Seen {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_whole(&self) -> bool {
        *self == Self::Whole
    }
}

// === impl Waits ===

impl Waits {
    /// Counts one that has waited this long.
    pub fn add(&mut self, wait: Duration) {
        let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        *self.0.entry(span(millis)).or_default() += 1;
    }

    /// Counts all of `others`.
    pub fn merge(&mut self, others: &Self) {
        for (span, count) in &others.0 {
            let mine = self.0.entry(*span).or_default();
            *mine = mine.saturating_add(*count);
        }
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.0.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Whether there were none.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// The shortest wait that at least `hundredths` of a hundred did not exceed; none, if nobody waited.
    pub fn quantile(&self, hundredths: u8) -> Option<Duration> {
        let least = (u128::from(self.count()) * u128::from(hundredths.min(100))).div_ceil(100).max(1);
        let mut passed = 0_u128;
        let found = self.0.iter().find(|(_, count)| {
            passed += u128::from(**count);
            passed >= least
        });
        found.map(|(span, _)| middle(*span))
    }
}

/// Which span a wait of so many milliseconds belongs to.
fn span(millis: u64) -> u16 {
    let millis = millis.min(LONGEST);
    // So many doublings above the spans of one millisecond.
    let doublings = millis.checked_ilog2().unwrap_or(0).saturating_sub(FINE);
    // Below 27 * 16, by the longest wait.
    u16::try_from((u64::from(doublings) << FINE) + (millis >> doublings)).unwrap_or(u16::MAX)
}

fn middle(span: u16) -> Duration {
    let whole = u64::from(span) >> FINE;
    // The first two groups of sixteen are single milliseconds. Others' reports may say anything, so nothing overflows.
    let doublings = whole.saturating_sub(1).min(40);
    let first = (u64::from(span) - (doublings << FINE)) << doublings;
    Duration::from_millis(first + ((1 << doublings) >> 1))
}

// === impl Counters ===

impl Counters {
    pub(crate) fn new(window: WindowId, seen: Seen) -> Self {
        Self {
            window,
            seen,
            refused: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            waits: Mutex::default(),
            passes: Mutex::default(),
        }
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn let_through(&self, pass: &PassId) {
        let mut passes = lock(&self.passes);
        match passes.get_mut(pass) {
            Some(count) => *count += 1,
            None => drop(passes.insert(pass.clone(), 1)),
        }
    }

    pub(crate) fn waits(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// The end of what [`Counters::waits`] began.
    pub(crate) fn waited(&self, wait: Duration) {
        lock(&self.waits).add(wait);
        // In this order, and read in the other: whoever sees that nobody waits sees how long all have waited.
        self.waiting.fetch_sub(1, Ordering::Release);
    }

    /// How it stands.
    pub(crate) fn tally(&self) -> Tally {
        let waiting = self.waiting.load(Ordering::Acquire);
        Tally {
            window: self.window.clone(),
            seen: self.seen,
            refused: self.refused.load(Ordering::Relaxed),
            waiting,
            waits: lock(&self.waits).clone(),
            cut: self.cut.load(Ordering::Relaxed),
            passes: lock(&self.passes).clone(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_back_with_an_error_of_a_thirty_second_at_most() {
        for millis in (0..5_000).chain([59_999, 60_000, 3_600_000, 100_000_000, LONGEST]) {
            let back = u64::try_from(middle(span(millis)).as_millis()).unwrap();
            assert!(back.abs_diff(millis) * 32 <= millis, "{millis} came back as {back}");
            assert!(millis > 31 || back == millis, "{millis} came back as {back}");
            assert!(
                span(millis + 1) == span(millis) || span(millis + 1) == span(millis) + 1,
                "after {millis}"
            );
        }
        assert_eq!(span(u64::MAX), span(LONGEST));
        let strange: Waits = serde_json::from_str(r#"{"65535":1}"#).unwrap();
        assert!(strange.quantile(50).is_some(), "what others report overflows nothing");
    }

    #[test]
    fn quantiles_of_a_fleet_are_those_of_all_its_waits() {
        let (mut one, mut other) = (Waits::default(), Waits::default());
        (1..=10).for_each(|millis| one.add(Duration::from_millis(millis)));
        (1..=89).for_each(|_| other.add(Duration::from_millis(12)));
        other.add(Duration::from_secs(8));
        assert_eq!(
            (one.quantile(50), one.quantile(100)),
            (Some(Duration::from_millis(5)), Some(Duration::from_millis(10)))
        );
        one.merge(&other);
        assert_eq!(one.count(), 100);
        assert_eq!(one.quantile(10), Some(Duration::from_millis(10)));
        assert_eq!(one.quantile(11), Some(Duration::from_millis(12)));
        assert_eq!(one.quantile(99), Some(Duration::from_millis(12)));
        let longest = one.quantile(100).unwrap().as_secs_f64();
        assert!((7.75..=8.25).contains(&longest), "{longest}");
        assert_eq!(Waits::default().quantile(50), None);
    }
}

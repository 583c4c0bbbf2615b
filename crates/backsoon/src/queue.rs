//! Where held requests wait: one line per site, in the order of arrival.
//!
//! Only the first of a line looks whether the site has opened. When it goes, however it goes, it wakes the next. So
//! requests go on one after another, in order, without a stampede, and a client that leaves frees its place.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::document::{Hold, Host};
use crate::tally::Counters;

/// The lines of one instance.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    lines: Mutex<HashMap<Host, Line>>,
    held: AtomicUsize,
}

#[derive(Debug, Default)]
struct Line {
    next: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
    /// When the line may release its next request, if it has a pace.
    pace: Option<Instant>,
}

/// One request's place in a line. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    queue: &'a Queue,
    host: Host,
    ticket: u64,
    first: Arc<Notify>,
    since: Instant,
    turn: Turn,
    stay: Option<Stay>,
}

/// The wait of one request, for the window that made it wait first.
#[derive(Debug)]
struct Stay {
    counters: Arc<Counters>,
    since: Instant,
}

/// Whether a request that waited has had its turn to go on.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// After this gap to the one before it.
    ToCome(Option<Duration>),
    Come,
}

// === impl Queue ===

impl Queue {
    /// A place in the line of `host`: the one that the request has there already, or the last one; none, if as many
    /// wait as may.
    pub(crate) fn place<'a>(&'a self, had: Option<Place<'a>>, host: &Host, hold: &Hold) -> Option<Place<'a>> {
        let (since, stay) = match had {
            Some(mut place) if place.host == *host => {
                place.turn = Turn::ToCome(hold.gap());
                return Some(place);
            }
            Some(mut place) => (place.since, place.stay.take()),
            None => (Instant::now(), None),
        };
        let more = |count: usize| (count < hold.max_held).then_some(count + 1);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        let mut lines = self.lines();
        let line = lines.entry(host.clone()).or_default();
        let (ticket, first) = (line.next, Arc::new(Notify::new()));
        line.next += 1;
        line.waiting.insert(ticket, Arc::clone(&first));
        let (host, turn) = (host.clone(), Turn::ToCome(hold.gap()));
        Some(Place { queue: self, host, ticket, first, since, turn, stay })
    }

    /// How many wait, in all lines.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Host, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Place ===

impl Place<'_> {
    /// When the wait began.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }

    /// Counts the wait, once, however it ends.
    pub(crate) fn count_for(&mut self, counters: Option<&Arc<Counters>>) {
        if self.stay.is_none() {
            self.stay = counters.map(|counters| Stay::new(Arc::clone(counters), self.since));
        }
    }

    /// Ready when this place is the first of its line and something has changed since `changed` was subscribed.
    pub(crate) async fn wait(&mut self, changed: &mut watch::Receiver<u64>) {
        loop {
            let woken = self.first.notified();
            let first =
                self.queue.lines().get(&self.host).and_then(|line| line.waiting.keys().next().copied());
            if first == Some(self.ticket) {
                break;
            }
            woken.await;
        }
        // An instance outlives those who wait at its door, so the sender is there.
        let _ = changed.changed().await;
    }

    /// When this request may go on, if the line has a pace and its turn has not come yet. It comes once.
    pub(crate) fn turn(&mut self) -> Option<Instant> {
        let Turn::ToCome(Some(gap)) = std::mem::replace(&mut self.turn, Turn::Come) else { return None };
        let mut lines = self.queue.lines();
        let line = lines.entry(self.host.clone()).or_default();
        let turn = line.pace.map_or_else(Instant::now, |next| next.max(Instant::now()));
        line.pace = Some(turn + gap);
        Some(turn)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queue.held.fetch_sub(1, Ordering::Relaxed);
        let mut lines = self.queue.lines();
        let Some(line) = lines.get_mut(&self.host) else { return };
        line.waiting.remove(&self.ticket);
        match line.waiting.values().next() {
            Some(next) => next.notify_one(),
            None => drop(lines.remove(&self.host)),
        }
    }
}

// === impl Stay ===

impl Stay {
    fn new(counters: Arc<Counters>, since: Instant) -> Self {
        counters.waits();
        Self { counters, since }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.counters.waited(self.since.elapsed());
    }
}

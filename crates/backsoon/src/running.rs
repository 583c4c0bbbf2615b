//! Which requests run: what each is called and since when, so that a late server can say what it waits for, and how
//! one is told to end.
//!
//! How *many* run is not counted here: that is the number of permits, and only that is proof (see [`crate::instance`]).

mod label;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use slab::Slab;

use self::label::Label;
use crate::document::Host;
use crate::tally::Counters;

/// A request that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its method; `JOB` for a job.
    pub method: String,
    /// Its path without the query, cut to 60 bytes; a job's name.
    pub path: String,
    /// How long it has run, in milliseconds.
    pub age_ms: u64,
}

/// A request that was ended because a window said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The site whose window said so.
    pub site: Host,
    /// The revision that was in force.
    pub revision: u64,
    /// What was cut, as it was then.
    #[serde(flatten)]
    pub request: Running,
}

/// All requests that run in one instance. It has many parts, so that threads do not wait for each other.
#[derive(Debug)]
pub(crate) struct Register {
    parts: Vec<Mutex<Part>>,
    cuts: Mutex<Cuts>,
}

/// Which site admitted a request: the address of a thing that lives as long as its requests.
pub(crate) type SiteId = usize;

/// The place of one request in the register.
#[derive(Debug)]
pub(crate) struct Seat {
    register: Arc<Register>,
    part: usize,
    index: usize,
}

/// What is left of a seat that was given up while the request goes on.
#[derive(Debug)]
pub(crate) struct Left {
    label: Label,
    since: Instant,
}

// Its own cache lines: two threads' parts are not to share one.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Part(Slab<Entry>);

#[derive(Debug)]
struct Entry {
    site: SiteId,
    label: Label,
    since: Instant,
    cut: Option<Arc<Order>>,
    /// Whoever can end it.
    waker: Option<Waker>,
}

/// Who wants requests to end.
#[derive(Debug)]
struct Order {
    site: Host,
    revision: u64,
    counters: Option<Arc<Counters>>,
}

#[derive(Debug, Default)]
struct Cuts {
    /// The newest ones; the moment at which a request began tells it from others.
    listed: Vec<(Instant, Cut)>,
    total: u64,
    broken_off: Option<BrokenOff>,
}

/// What ran when everything was told as cut, because the process ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct BrokenOff {
    /// How many requests.
    pub(crate) requests: usize,
    /// The one that had run longest, per site.
    pub(crate) oldest: BTreeMap<Host, Running>,
}

/// How many parts: more than the threads that usually serve.
const PARTS: usize = 16;

/// The index of a seat that was given up.
const GIVEN_UP: usize = usize::MAX;

/// How many cut requests are kept to be named.
const NAMED: usize = 100;

// === impl Register ===

impl Default for Register {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect(), cuts: Mutex::default() }
    }
}

impl Register {
    /// Takes a seat for a request of `site`.
    pub(crate) fn sit(self: &Arc<Self>, site: SiteId, method: &str, path: &str) -> Seat {
        let label = Label::of(method, path);
        self.place(Entry { site, label, since: Instant::now(), cut: None, waker: None })
    }

    /// Takes a seat for a request of `site` that has left one, under the same names and of the same age.
    pub(crate) fn sit_again(self: &Arc<Self>, site: SiteId, left: &Left) -> Seat {
        self.place(Entry { site, label: left.label, since: left.since, cut: None, waker: None })
    }

    fn place(self: &Arc<Self>, entry: Entry) -> Seat {
        let part = part_of_this_thread();
        let index = self.part(part).0.insert(entry);
        Seat { register: Arc::clone(self), part, index }
    }

    /// The request that has run longest among those of the sites for which `counts` says so.
    pub(crate) fn oldest(&self, counts: impl Fn(SiteId) -> bool) -> Option<Running> {
        let now = Instant::now();
        let oldest = |part: &Mutex<Part>| {
            let part = lock(part);
            let entries = part.0.iter().map(|(_, entry)| entry).filter(|entry| counts(entry.site));
            entries.min_by_key(|entry| entry.since).map(|entry| (entry.since, entry.label))
        };
        let oldest = self.parts.iter().filter_map(oldest).min_by_key(|(since, _)| *since);
        oldest.map(|(since, label)| label.running(now - since))
    }

    /// How many requests run; one with two holders counts twice for as long.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| lock(part).0.len()).sum()
    }

    /// Tells every request of `site` to end. Those that somebody listens for are cut from now on; the others are if
    /// and when somebody does. `counters` are those of the window that says so.
    pub(crate) fn cut(&self, id: SiteId, site: &Host, revision: u64, counters: Option<Arc<Counters>>) {
        let order = Arc::new(Order { site: site.clone(), revision, counters });
        let mut wakers = Vec::new();
        for part in &self.parts {
            for (_, entry) in lock(part).0.iter_mut().filter(|(_, entry)| entry.site == id) {
                if entry.cut.is_none() {
                    entry.cut = Some(Arc::clone(&order));
                    if let Some(waker) = entry.waker.take() {
                        wakers.push(waker);
                        self.note(entry.since, entry.label, &order);
                    }
                }
            }
        }
        // Outside of the locks: whoever wakes may leave its seat at once.
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The newest requests that were cut, and how many there ever were.
    pub(crate) fn cuts(&self) -> (Vec<Cut>, u64) {
        let cuts = lock(&self.cuts);
        (cuts.listed.iter().map(|(_, cut)| cut.clone()).collect(), cuts.total)
    }

    /// Forgets those cuts of which `is_over` says so, by how long ago they were made.
    pub(crate) fn forget_cuts(&self, is_over: impl Fn(&Cut, Duration) -> bool) {
        let ago = |since: &Instant, cut: &Cut| {
            since.elapsed().saturating_sub(Duration::from_millis(cut.request.age_ms))
        };
        lock(&self.cuts).listed.retain(|(since, cut)| !is_over(cut, ago(since, cut)));
    }

    /// Notes a request as cut that has left its seat, for the sake of `site`.
    pub(crate) fn abandoned(&self, left: &Left, site: Host, revision: u64, counters: Option<Arc<Counters>>) {
        self.note(left.since, left.label, &Order { site, revision, counters });
    }

    /// Notes every request as cut, each for the sake of the site that `told` says, and returns how many there are.
    pub(crate) fn break_off(
        &self,
        revision: u64,
        told: impl Fn(SiteId) -> (Host, Option<Arc<Counters>>),
    ) -> usize {
        let mut running: Vec<(Instant, Label, SiteId)> = Vec::new();
        for part in &self.parts {
            running.extend(lock(part).0.iter().map(|(_, entry)| (entry.since, entry.label, entry.site)));
        }
        // A request may have two seats.
        running.sort_by_key(|(since, ..)| *since);
        running.dedup_by_key(|(since, label, _)| (*since, *label));
        let mut broken_off = BrokenOff { requests: running.len(), ..BrokenOff::default() };
        for (since, label, site) in &running {
            let (site, counters) = told(*site);
            broken_off.oldest.entry(site.clone()).or_insert_with(|| label.running(since.elapsed()));
            self.note(*since, *label, &Order { site, revision, counters });
        }
        if !running.is_empty() {
            lock(&self.cuts).broken_off = Some(broken_off);
        }
        running.len()
    }

    /// What [`Register::break_off`] has found, if it was something.
    pub(crate) fn broken_off(&self) -> Option<BrokenOff> {
        lock(&self.cuts).broken_off.clone()
    }

    fn note(&self, since: Instant, label: Label, order: &Order) {
        let mut cuts = lock(&self.cuts);
        let request = label.running(since.elapsed());
        // A request may have two seats: its answer's and its tunnel's.
        let same = |(began, cut): &(Instant, Cut)| {
            (*began, &cut.request.path, cut.revision) == (since, &request.path, order.revision)
        };
        if cuts.listed.iter().any(same) {
            return;
        }
        cuts.total += 1;
        order.counters.iter().for_each(|counters| counters.cut());
        if cuts.listed.len() == NAMED {
            cuts.listed.remove(0);
        }
        cuts.listed.push((since, Cut { site: order.site.clone(), revision: order.revision, request }));
    }

    fn part(&self, part: usize) -> MutexGuard<'_, Part> {
        lock(&self.parts[part])
    }
}

fn part_of_this_thread() -> usize {
    thread_local!(static PART: Cell<Option<usize>> = const { Cell::new(None) });
    PART.with(|part| {
        let mine = part.get().unwrap_or_else(|| fastrand::usize(..PARTS));
        part.set(Some(mine));
        mine
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Seat ===

impl Seat {
    /// Ready when the request is to end; whoever asks undertakes to end it.
    pub(crate) fn poll_cut(&self, cx: &Context<'_>) -> Poll<()> {
        let mut part = self.register.part(self.part);
        let Some(entry) = part.0.get_mut(self.index) else { return Poll::Pending };
        let Some(order) = entry.cut.clone() else {
            match &mut entry.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        };
        let (since, label) = (entry.since, entry.label);
        drop(part);
        self.register.note(since, label, &order);
        Poll::Ready(())
    }

    /// Gives the seat up, and keeps its names.
    pub(crate) fn leave(mut self) -> Option<Left> {
        let index = std::mem::replace(&mut self.index, GIVEN_UP);
        let entry = self.register.part(self.part).0.try_remove(index)?;
        Some(Left { label: entry.label, since: entry.since })
    }

    /// Under which method and path it runs.
    pub(crate) fn running(&self) -> Option<Running> {
        let part = self.register.part(self.part);
        part.0.get(self.index).map(|entry| entry.label.running(entry.since.elapsed()))
    }
}

impl Clone for Seat {
    /// A seat of its own, so that each holder is woken.
    fn clone(&self) -> Self {
        let part = self.register.part(self.part);
        let entry = part.0.get(self.index).map(|entry| Entry {
            site: entry.site,
            label: entry.label,
            since: entry.since,
            cut: entry.cut.clone(),
            waker: None,
        });
        drop(part);
        match entry {
            Some(entry) => self.register.place(entry),
            // A seat is in the register as long as it exists.
            None => unreachable!("a seat without an entry"),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // The index of one that was given up may be another's by now.
        if self.index != GIVEN_UP {
            self.register.part(self.part).0.try_remove(self.index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(waker: &Waker) -> Context<'_> {
        Context::from_waker(waker)
    }

    #[test]
    fn the_oldest_of_the_sites_asked_for_is_named_and_gone_when_it_leaves() {
        let register = Arc::new(Register::default());
        let first = register.sit(1, "POST", "/checkout");
        let _second = register.sit(1, "GET", "/later");
        let _other = register.sit(2, "GET", "/other");
        let named = |id| register.oldest(|site| site == id).map(|r| format!("{} {}", r.method, r.path));
        assert_eq!(named(1).as_deref(), Some("POST /checkout"));
        drop(first);
        assert_eq!(named(1).as_deref(), Some("GET /later"));
        assert_eq!(named(3), None);
    }

    #[test]
    fn what_is_broken_off_is_told_once_for_each_request() {
        let register = Arc::new(Register::default());
        assert_eq!(register.break_off(7, |_| (Host::any(), None)), 0);
        assert!(register.broken_off().is_none());
        let (first, other) = (register.sit(1, "POST", "/first"), register.sit(2, "GET", "/other"));
        let tunnel = first.clone();
        let left = other.leave().unwrap();
        let _again = register.sit_again(2, &left);
        assert_eq!(register.break_off(7, |_| (Host::any(), None)), 2);
        let broken_off = register.broken_off().unwrap();
        assert_eq!((broken_off.requests, &*broken_off.oldest[&Host::any()].path), (2, "/first"));
        // Whoever gives it up afterwards does not tell it a second time.
        register.abandoned(&left, Host::any(), 7, None);
        drop(tunnel);
        let (listed, total) = register.cuts();
        let named: Vec<_> = listed.iter().map(|cut| (&*cut.request.path, cut.revision)).collect();
        assert_eq!((named, total), (vec![("/first", 7), ("/other", 7)], 2));
    }

    #[test]
    fn only_what_somebody_can_end_counts_as_cut_and_only_once() {
        let register = Arc::new(Register::default());
        let (heard, deaf) = (register.sit(1, "GET", "/heard"), register.sit(1, "GET", "/deaf"));
        let other = register.sit(2, "GET", "/other");
        let waker = Waker::noop();
        assert!(heard.poll_cut(&context(waker)).is_pending() && other.poll_cut(&context(waker)).is_pending());
        let tunnel = heard.clone();
        register.cut(1, &Host::any(), 7, None);
        assert!(heard.poll_cut(&context(waker)).is_ready() && other.poll_cut(&context(waker)).is_pending());
        let (listed, total) = register.cuts();
        assert_eq!((listed.len(), total), (1, 1));
        assert_eq!((listed[0].request.path.as_str(), listed[0].revision), ("/heard", 7));
        assert!(tunnel.poll_cut(&context(waker)).is_ready(), "a second seat of the request hears of it too");
        assert_eq!(register.cuts().1, 1);
        assert!(deaf.poll_cut(&context(waker)).is_ready());
        assert_eq!(register.cuts().1, 2);
    }
}

//! The places for connections, and who gives one up where there is no room.
//!
//! A connection is at work from the moment when it is known who asks until the last byte of the answer: a stream of events,
//! say, is left alone. Any other makes room, the one first on which nothing has been asked for the longest. So whoever only
//! holds connections keeps nobody out, nor does a stranger whose request never comes to its end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The connections that are served.
#[derive(Debug)]
pub(crate) struct Seats {
    most: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    seats: BTreeMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    /// How many answers are on their way to somebody who is known.
    busy: usize,
    idle_since: Instant,
    leave: CancellationToken,
}

/// One connection's place; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Place {
    seats: Arc<Seats>,
    number: u64,
    /// Somebody else needs it.
    pub(crate) leave: CancellationToken,
}

/// What somebody has come for, until the last byte of the answer. It is in the extensions of the request.
#[derive(Debug)]
pub(crate) struct Errand {
    place: Arc<Place>,
    is_known: AtomicBool,
}

// === impl Seats ===

impl Seats {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default(), freed: Notify::new() })
    }

    /// A place for one more connection: a free one, or that of whoever has been idle for the longest. Where all are at work,
    /// it waits.
    pub(crate) async fn take(self: &Arc<Self>) -> Place {
        loop {
            let freed = self.freed.notified();
            if let Some(place) = self.try_take() {
                return place;
            }
            freed.await;
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<Place> {
        let mut taken = self.taken();
        if taken.seats.len() >= self.most {
            let idle = taken.seats.iter().filter(|(_, seat)| seat.busy == 0);
            let number = *idle.min_by_key(|(_, seat)| seat.idle_since)?.0;
            taken.seats.remove(&number)?.leave.cancel();
        }
        let (number, leave) = (taken.next, CancellationToken::new());
        taken.next += 1;
        taken.seats.insert(number, Seat { busy: 0, idle_since: Instant::now(), leave: leave.clone() });
        Some(Place { seats: Arc::clone(self), number, leave })
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Place ===

impl Place {
    fn change(&self, change: impl FnOnce(&mut Seat)) {
        if let Some(seat) = self.seats.taken().seats.get_mut(&self.number) {
            change(seat);
            seat.idle_since = Instant::now();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.seats.taken().seats.remove(&self.number);
        self.seats.freed.notify_one();
    }
}

// === impl Errand ===

impl Errand {
    pub(crate) fn at(place: &Arc<Place>) -> Arc<Self> {
        place.change(|_| {});
        Arc::new(Self { place: Arc::clone(place), is_known: AtomicBool::new(false) })
    }

    /// It is known who asks: from now on the connection is at work.
    pub(crate) fn vouch(&self) {
        if !self.is_known.swap(true, Ordering::Relaxed) {
            self.place.change(|seat| seat.busy += 1);
        }
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        let was_known = *self.is_known.get_mut();
        self.place.change(|seat| seat.busy = seat.busy.saturating_sub(usize::from(was_known)));
        // Whoever waits for a place may have this one.
        self.place.seats.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_there_is_no_room_the_longest_idle_one_makes_room_and_nobody_at_work() {
        let seats = Seats::new(3);
        let (first, second) = (Arc::new(seats.take().await), Arc::new(seats.take().await));
        let third = Arc::new(seats.take().await);
        let known = |place| {
            let errand = Errand::at(place);
            errand.vouch();
            errand.vouch();
            errand
        };
        let at_work = known(&first);
        let fourth = Arc::new(seats.take().await);
        assert!(second.leave.is_cancelled(), "the longest idle one");
        assert!(!first.leave.is_cancelled() && !third.leave.is_cancelled());
        let (_third, _fourth) = (known(&third), known(&fourth));
        assert!(seats.try_take().is_none(), "all are at work");
        drop(at_work);
        assert!(seats.try_take().is_some() && first.leave.is_cancelled());
        drop(second);
        assert_eq!(seats.taken().seats.len(), 2, "whoever has left frees no place twice");
    }

    #[tokio::test]
    async fn a_stranger_s_request_is_no_work_and_asking_makes_it_later_s_turn() {
        let seats = Seats::new(2);
        let (first, second) = (Arc::new(seats.take().await), Arc::new(seats.take().await));
        let _asks = Errand::at(&first);
        let _third = seats.take().await;
        assert!(
            second.leave.is_cancelled() && !first.leave.is_cancelled(),
            "it has asked for something since"
        );
        let _fourth = seats.take().await;
        assert!(first.leave.is_cancelled(), "and is a stranger's all the same");
    }
}

//! Keeps an [`Instance`] current: hints, polls, window edges, reports, and a local copy of the last known State.
//!
//! Three tasks run until the instance is dropped or leaves, and none of them waits for another: one follows the
//! store, one turns the edges of windows, one reports. A request never waits for any of them.
//!
//! The three share one membership, and the order of their steps is the protocol.

mod back_off;
mod copy;
mod crew;
mod edges;
mod follow;
mod look;
mod muster;
mod options;
mod report;
mod told;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant as Moment;

use self::crew::Crew;
pub use self::options::{OnUnknown, Options, TakesEffect};
use self::told::Told;
use crate::control::STATE;
use crate::fleet::{Holding, OnLost, Place};
use crate::instance::Instance;
use crate::store::Store;

/// The instance's tie to the store.
#[derive(Debug)]
pub(crate) struct Membership {
    store: Arc<dyn Store>,
    name: String,
    place: Mutex<Place>,
    options: Options,
    crew: Mutex<Crew>,
    /// Until when the last report that was written vouches for this instance, once the State was read after it.
    written: Mutex<Option<Moment>>,
    /// When the store was last heard from.
    heard: Mutex<Option<Moment>>,
    /// What is wrong with following, in a sentence.
    trouble: Mutex<Option<String>>,
    /// What is reported as in force, if the instance does not decide by itself.
    told: Mutex<Told>,
    /// What is wrong with telling others, in a sentence.
    complaint: Mutex<Option<String>>,
    /// What is wrong with something else, in a sentence.
    remark: Mutex<Option<String>>,
    /// The change that the local copy has, if this instance wrote it.
    copied: Mutex<Option<String>>,
    news: tokio::sync::Notify,
    stop: watch::Sender<Stop>,
    /// Held while a report or the farewell is on its way, so that no report comes after the farewell.
    writing: tokio::sync::Mutex<()>,
    beat: std::sync::atomic::AtomicU64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    NotYet,
    Now,
}

/// A store that does not answer within this time counts as away; the next poll asks again.
const ANSWER: Duration = Duration::from_secs(5);

// === impl Instance ===

impl Instance {
    /// Joins the fleet of `store`: reports, reads the State, and follows it from then on.
    ///
    /// It never fails: while the store is away the local copy speaks, and without one `on_unknown` does. Both are
    /// logged and reported. Call it within a tokio runtime.
    pub async fn join(store: Arc<dyn Store>, options: Options) -> Arc<Self> {
        let place = Place::here();
        let name = options.name.clone().unwrap_or_else(|| {
            let host: String =
                place.host.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            let host = if host.is_empty() { "host".to_owned() } else { host };
            format!("{host}-{}-{:04x}", place.pid, fastrand::u16(..))
        });
        let membership = Arc::new(Membership {
            store,
            name,
            place: Mutex::new(place),
            crew: Mutex::new(Crew::new()),
            written: Mutex::new(None),
            heard: Mutex::new(None),
            trouble: Mutex::new(None),
            told: Mutex::default(),
            complaint: Mutex::new(None),
            remark: Mutex::new(None),
            copied: Mutex::new(None),
            news: tokio::sync::Notify::new(),
            writing: tokio::sync::Mutex::new(()),
            stop: watch::Sender::new(Stop::NotYet),
            beat: std::sync::atomic::AtomicU64::new(0),
            options,
        });
        let instance = Self::new(membership.options.local.clone(), membership.options.marks.clone());
        instance.bind(Box::new(Arc::clone(&membership)));
        instance.needs_listing();
        if membership.options.on_lost == OnLost::Close {
            instance.raise_fence();
        }
        if membership.options.holding == Holding::Refuses {
            instance.let_nobody_wait();
        }
        // In this order: whoever closes writes the State and then lists the roster, so that one of the two sees
        // the other.
        let was_listed = membership.report(&instance).await;
        // Before the first look, so that no change falls between the two.
        let hints = membership.store.hints(STATE);
        membership.start(&instance).await;
        if membership.report(&instance).await && !was_listed {
            let _ = membership.look(&instance).await;
        }

        let weak = Arc::downgrade(&instance);
        tokio::spawn(Arc::clone(&membership).follow(weak.clone(), hints));
        tokio::spawn(Arc::clone(&membership).turn_edges(weak.clone()));
        tokio::spawn(Arc::clone(&membership).beat(weak));
        tokio::spawn(membership.muster());
        instance
    }

    fn membership(&self) -> Option<&Arc<Membership>> {
        self.tie()?.downcast_ref()
    }
}

/// By value, not by change: a task may be asked to stop before it runs for the first time.
fn is_now(stop: &Stop) -> bool {
    *stop == Stop::Now
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

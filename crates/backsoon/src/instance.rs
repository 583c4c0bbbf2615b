//! This process as a member of the fleet, and its door: [`Instance::admit`].
//!
//! Looking, counting and replacing are one promise: whoever looks at a site is counted under it in the same step, so that
//! nobody can join one that was replaced. It is kept in `door`; the other parts are what is built upon it.

mod admit;
mod apply;
mod changes;
mod cut;
mod door;
mod draining;
mod fence;
mod handed_on;
mod job;
mod look;
mod permit;
mod standing;
mod tallies;

use std::any::Any;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use tokio::sync::watch;

pub use self::admit::{Admission, Hesitation};
pub use self::apply::Applied;
use self::door::Door;
use self::fence::Fence;
pub use self::handed_on::HandedOn;
pub use self::job::JobRefused;
pub use self::permit::Permit;
pub(crate) use self::standing::Picture;
pub use self::standing::Standing;
use self::tallies::Tallies;
use crate::decide::Local;
use crate::document::State;
use crate::queue::Queue;
use crate::rules::Marks;
pub(crate) use crate::running::BrokenOff;
use crate::running::Register;
use crate::snapshot::Snapshot;
pub use crate::snapshot::{UPCOMING_HEADER, Upcoming};
use crate::time::Timestamp;

/// A process that admits, refuses and counts requests.
///
/// [`Instance::join`](crate::join) makes one that follows a store; [`Instance::new`] makes one that is told its
/// State by [`Instance::apply`].
#[derive(Debug)]
pub struct Instance {
    local: Local,
    marks: Marks,
    /// Requests take their site under the read half; a new revision takes the write half. So nobody can join a
    /// site after it was retired, and a drained site stays drained. A bare atomic pointer would not do: loading
    /// it and counting oneself are two steps.
    door: RwLock<Door>,
    /// One new revision at a time.
    turn: Mutex<()>,
    changed: watch::Sender<u64>,
    queue: Queue,
    /// Set where a request that waits would take up a whole worker.
    nobody_waits: AtomicBool,
    register: Arc<Register>,
    tallies: Tallies,
    /// There is one only if this instance closes itself when it is lost.
    fence: OnceLock<Fence>,
    /// Until when others know of this instance by its report; without a roster nobody has to.
    listed: OnceLock<Fence>,
    /// Whatever keeps this instance current. It is known to that alone, so that a door needs no store.
    tie: OnceLock<Box<dyn Any + Send + Sync>>,
}

// === impl Instance ===

impl Instance {
    /// An instance without a store: open until [`Instance::apply`] says otherwise.
    pub fn new(local: Local, marks: Marks) -> Arc<Self> {
        let open = State::new();
        let snapshot = Snapshot::settle(&open, &local, Timestamp::now(), None);
        Arc::new(Self {
            local,
            marks,
            door: RwLock::new(Door { state: None, snapshot, fenced: None, retired: Vec::new() }),
            turn: Mutex::new(()),
            changed: watch::Sender::new(0),
            queue: Queue::default(),
            nobody_waits: AtomicBool::new(false),
            register: Arc::default(),
            tallies: Tallies::default(),
            fence: OnceLock::new(),
            listed: OnceLock::new(),
            tie: OnceLock::new(),
        })
    }

    pub(crate) fn bind(&self, tie: Box<dyn Any + Send + Sync>) {
        // An instance joins once, before anybody else has it.
        let _ = self.tie.set(tie);
    }

    pub(crate) fn tie(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.tie.get().map(Box::as_ref)
    }
}

fn lock(turn: &Mutex<()>) -> std::sync::MutexGuard<'_, ()> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

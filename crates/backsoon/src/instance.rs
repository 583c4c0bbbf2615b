//! This process as a member of the fleet, and its door: [`Instance::admit`].
//!
//! The file is long because looking, counting and replacing are one promise, and are read together.

use std::any::Any;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::atomic::fence;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::decide::{Cause, Decision, Local, Reason, decide};
use crate::document::{Host, Lineage, Mode, State, Window};
use crate::queue::{Place, Queue};
use crate::reply::Reply;
use crate::request::{Identity, Request, User};
use crate::rules::Marks;
use crate::snapshot::{Settled, Snapshot};
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
    /// Whatever keeps this instance current. It is known to that alone, so that a door needs no store.
    tie: OnceLock<Box<dyn Any + Send + Sync>>,
}

#[derive(Debug)]
struct Door {
    state: Option<Arc<State>>,
    snapshot: Snapshot,
    /// Sites that were replaced while requests ran under them.
    retired: Vec<Arc<Settled>>,
}

/// What the door says.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once counts for nothing"]
pub enum Admission {
    /// The request may run; keep the permit until its last byte.
    Admitted(Permit),
    /// Send this instead, and do not run the request.
    Refused(Reply, Cause),
}

/// What a running request holds until its last byte. While permits of a replaced site exist, it is draining.
#[derive(Debug, Clone)]
pub struct Permit {
    // An option only so that `drop` can let go of the site before it says so.
    site: Option<Arc<Settled>>,
    cause: Cause,
}

/// What became of a State that an instance was given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// It is in force.
    Now,
    /// It was in force already.
    Already,
    /// The one that is held is newer, so it stays.
    Older {
        /// The revision that is held.
        held: u64,
    },
    /// It belongs to another history and does not say that it replaces this one.
    Foreign {
        /// The lineage that is held.
        held: Lineage,
    },
}

/// How a site stands, for handlers and banners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// How closed it is.
    pub mode: Mode,
    /// The window that makes it so. Its `note` and `by` are for operators only.
    pub window: Option<Window>,
    /// From when on no known window shuts visitors out.
    pub reopens: Option<Timestamp>,
    /// The windows still to come, the next one first.
    pub upcoming: Vec<Window>,
}

/// Told when a request under a replaced site has ended. One for all instances of a process, since a count in every
/// permit would cost more than looking once in vain.
static EMPTIED: Notify = Notify::const_new();

enum Look {
    Done(Admission),
    Wait(Arc<Settled>, Reply, Cause),
    Ask,
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
            door: RwLock::new(Door { state: None, snapshot, retired: Vec::new() }),
            turn: Mutex::new(()),
            changed: watch::Sender::new(0),
            queue: Queue::default(),
            tie: OnceLock::new(),
        })
    }

    /// Decides at once, or says `None` if that needs waiting (the site holds) or asking (who is the user?).
    pub fn try_admit(&self, request: &Request<'_>) -> Option<Admission> {
        match self.look(request) {
            Look::Done(admission) => Some(admission),
            Look::Wait(..) | Look::Ask => None,
        }
    }

    /// Decides, waiting while the site holds. A user whom nobody has asked for counts as anonymous.
    pub async fn admit(&self, request: &Request<'_>) -> Admission {
        self.admit_as(request, || std::future::ready(User::ANONYMOUS)).await
    }

    /// Decides, waiting while the site holds. `ask` is called at most once, and only if the answer matters.
    pub async fn admit_as<A, F>(&self, request: &Request<'_>, ask: A) -> Admission
    where
        A: FnOnce() -> F,
        F: Future<Output = User>,
    {
        let mut request = *request;
        let mut ask = Some(ask);
        let mut waiting: Option<Place<'_>> = None;
        loop {
            // Before looking: a change between the look and the wait must not be slept through.
            let mut changed = self.changed.subscribe();
            match self.look(&request) {
                Look::Done(Admission::Admitted(permit)) => {
                    let turn = waiting.as_mut().and_then(Place::turn);
                    let Some(turn) = turn else { return Admission::Admitted(permit) };
                    // Decided anew when its turn has come: the site may have closed again.
                    drop(permit);
                    tokio::time::sleep_until(turn).await;
                }
                Look::Done(refused) => return refused,
                Look::Ask => {
                    let user = match ask.take() {
                        Some(ask) => ask().await,
                        None => User::ANONYMOUS,
                    };
                    request.user = Identity::Known(user);
                }
                Look::Wait(site, reply, cause) => {
                    let hold = site.hold();
                    let Some(mut place) = self.queue.place(waiting.take(), site.host(), &hold) else {
                        return Admission::Refused(reply, cause);
                    };
                    // Held requests hold nothing, so they never drain.
                    drop(site);
                    let left = hold.max_wait().saturating_sub(place.since().elapsed());
                    if left.is_zero() {
                        return Admission::Refused(reply, cause);
                    }
                    // However this ends, look again: the refusal is to say what is true then.
                    let _ = tokio::time::timeout(left, place.wait(&mut changed)).await;
                    waiting = Some(place);
                }
            }
        }
    }

    /// Puts a State in force at `now`, unless the one that is held wins over it.
    ///
    /// A higher revision of the same lineage wins, and so does a document that says that it replaces the one held.
    /// An older one never does, wherever it comes from. Of two changes with one revision the later comer wins: the
    /// store was repaired from its history while nobody who knew better was there.
    pub fn apply(&self, state: &State, now: Timestamp) -> Applied {
        let _turn = lock(&self.turn);
        if let Some(held) = self.state() {
            if held.lineage == state.lineage {
                match held.revision.cmp(&state.revision) {
                    Ordering::Greater => return Applied::Older { held: held.revision },
                    Ordering::Equal if held.change.id == state.change.id => return Applied::Already,
                    Ordering::Equal | Ordering::Less => {}
                }
            }
            if held.lineage != state.lineage && state.replaces.as_ref() != Some(&held.lineage) {
                return Applied::Foreign { held: held.lineage.clone() };
            }
        }
        self.swap(state, Some(Arc::new(state.clone())), now);
        Applied::Now
    }

    /// Opens or closes by a State that nobody asked for, until one is known. It is not held: any real one wins over
    /// it.
    pub(crate) fn settle_unknown(&self, assumed: &State, now: Timestamp) {
        let _turn = lock(&self.turn);
        self.swap(assumed, None, now);
    }

    pub(crate) fn bind(&self, tie: Box<dyn Any + Send + Sync>) {
        // An instance joins once, before anybody else has it.
        let _ = self.tie.set(tie);
    }

    pub(crate) fn tie(&self) -> Option<&(dyn Any + Send + Sync)> {
        self.tie.get().map(Box::as_ref)
    }

    /// Settles the held State anew, because a window has begun or ended or the clock was set.
    pub fn turn_edge(&self, now: Timestamp) {
        let _turn = lock(&self.turn);
        if let Some(state) = self.state() {
            self.swap(&Arc::clone(&state), Some(state), now);
        }
    }

    /// The State that is in force, if any was ever applied.
    pub fn state(&self) -> Option<Arc<State>> {
        self.read(|door| door.state.clone())
    }

    /// The mode for an authority or `Host` header as sent.
    pub fn mode(&self, host: &str) -> Mode {
        self.read(|door| door.snapshot.site(host).mode())
    }

    /// How the site of `host` stands.
    pub fn standing(&self, host: &str) -> Standing {
        self.read(|door| {
            let site = door.snapshot.site(host);
            Standing {
                mode: site.mode(),
                window: site.window().cloned(),
                reopens: site.reopens(),
                upcoming: site.upcoming().to_vec(),
            }
        })
    }

    /// Every site that is not open, with its mode.
    pub fn closings(&self) -> BTreeMap<Host, Mode> {
        self.read(|door| {
            let closed = door.snapshot.sites().filter(|site| site.mode() > Mode::Off);
            closed.map(|site| (site.host().clone(), site.mode())).collect()
        })
    }

    /// How many requests still run that were admitted before their site became stricter, per site.
    pub fn draining(&self) -> BTreeMap<Host, usize> {
        self.read(|door| door.draining())
    }

    /// How many requests wait.
    pub fn held(&self) -> usize {
        self.queue.held()
    }

    /// Why the pages of some sites are not shown as written.
    pub fn troubles(&self) -> Vec<String> {
        self.read(|door| {
            let troubled =
                door.snapshot.sites().filter_map(|site| site.trouble().map(|why| (site.host(), why)));
            troubled.map(|(host, why)| format!("{host}: {why}")).collect()
        })
    }

    /// The next moment at which a window begins or ends.
    pub fn next_edge(&self) -> Option<Timestamp> {
        self.read(|door| door.snapshot.next_edge())
    }

    /// Ready when the site of `*` is closed (holding or refusing): for workers and long-lived connections.
    pub async fn closed(&self) {
        self.closed_at("*").await;
    }

    /// Ready when the site of `*` is not closed.
    pub async fn opened(&self) {
        self.opened_at("*").await;
    }

    /// Ready when the site of `host` is closed.
    pub async fn closed_at(&self, host: &str) {
        self.until(|| self.mode(host).is_closed()).await;
    }

    /// Ready when the site of `host` is not closed.
    pub async fn opened_at(&self, host: &str) {
        self.until(|| !self.mode(host).is_closed()).await;
    }

    /// Ready when no request runs any more that was admitted before its site became stricter.
    pub async fn drained(&self) {
        loop {
            let emptied = EMPTIED.notified();
            if self.draining().is_empty() {
                return;
            }
            // The poll is for a permit that is let go between the look and the wait.
            let _ = tokio::time::timeout(Duration::from_millis(20), emptied).await;
        }
    }

    /// Tells of every change of what is in force.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        let mut changed = self.changed.subscribe();
        // The sender lives as long as `self`, so `changed` never fails here.
        while !is_so() && changed.changed().await.is_ok() {}
    }

    fn look(&self, request: &Request<'_>) -> Look {
        let marked;
        let request = match self.marks.find(request.path) {
            Some(effect) if request.route.is_none() => {
                marked = Request { route: Some(effect), ..*request };
                &marked
            }
            _ => request,
        };
        let site = self.read(|door| Arc::clone(door.snapshot.site(request.host)));
        match decide(site.policy(), request) {
            Decision::Ask => Look::Ask,
            Decision::Admit(reason) => {
                let cause = reason.cause();
                Look::Done(Admission::Admitted(Permit { site: Some(site), cause }))
            }
            Decision::Refuse(reason) => {
                let (reply, cause) = self.refusal(&site, request, reason);
                Look::Done(Admission::Refused(reply, cause))
            }
            Decision::Hold(reason) => {
                let (reply, cause) = self.refusal(&site, request, reason);
                Look::Wait(site, reply, cause)
            }
        }
    }

    fn refusal(&self, site: &Settled, request: &Request<'_>, reason: Reason<'_>) -> (Reply, Cause) {
        (site.reply(request, reason, Timestamp::now()), reason.cause())
    }

    fn swap(&self, state: &State, held: Option<Arc<State>>, now: Timestamp) {
        let next = self.read(|door| Snapshot::settle(state, &self.local, now, Some(&door.snapshot)));
        let mut door = self.door.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut door.snapshot, next);
        door.state = held;
        let kept =
            |old: &Arc<Settled>| door.snapshot.exactly(old.host()).is_some_and(|new| Arc::ptr_eq(old, new));
        let replaced: Vec<_> = before.sites().filter(|old| !kept(old)).cloned().collect();
        drop(before);
        replaced.iter().for_each(|site| site.retire());
        door.retired.extend(replaced);
        door.retired.retain(|site| running(site) > 0);
        drop(door);
        self.changed.send_modify(|count| *count += 1);
    }

    fn read<T>(&self, look: impl FnOnce(&Door) -> T) -> T {
        look(&self.door.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn lock(turn: &Mutex<()>) -> std::sync::MutexGuard<'_, ()> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Door ===

impl Door {
    fn draining(&self) -> BTreeMap<Host, usize> {
        let mut draining = BTreeMap::new();
        for old in self.retired.iter().filter(|old| running(old) > 0) {
            for site in self.snapshot.sites().filter(|site| site.outdates(old)) {
                *draining.entry(site.host().clone()).or_default() += running(old);
            }
        }
        draining
    }
}

/// How many permits hold a retired site: every reference but the list's own. Nothing else keeps one.
fn running(site: &Arc<Settled>) -> usize {
    let permits = Arc::strong_count(site) - 1;
    // Whoever sees zero must also see what the last request did.
    fence(std::sync::atomic::Ordering::Acquire);
    permits
}

// === impl Permit ===

impl Permit {
    /// Who admitted the request.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Whether the site has changed since the request was admitted: a sign for streams and tunnels to end.
    pub fn is_outdated(&self) -> bool {
        self.site.as_ref().is_some_and(|site| site.is_retired())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(site) = self.site.take() else { return };
        let was_retired = site.is_retired();
        drop(site);
        if was_retired {
            EMPTIED.notify_waiters();
        }
    }
}

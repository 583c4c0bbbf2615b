//! This process as a member of the fleet, and its door: [`Instance::admit`].
//!
//! The file is long because looking, counting and replacing are one promise, and are read together.

mod fence;
mod handed_on;
mod job;
mod permit;
mod tallies;

use std::any::Any;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant as Moment;

use self::fence::Fence;
pub use self::handed_on::HandedOn;
pub use self::job::JobRefused;
pub use self::permit::Permit;
use self::tallies::Tallies;
use crate::decide::{Cause, Decision, Local, Reason, decide};
use crate::document::{Host, Lineage, Mode, State, Window, WindowId};
use crate::grant;
use crate::queue::{Place, Queue};
use crate::reply::Reply;
use crate::request::{Identity, NO_HEADERS, Request, User};
use crate::rules::Marks;
use crate::running::{Cut, Left, Register, Running, SiteId};
use crate::snapshot::{Settled, Snapshot};
pub use crate::snapshot::{UPCOMING_HEADER, Upcoming};
use crate::tally::Tally;
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

#[derive(Debug)]
struct Door {
    state: Option<Arc<State>>,
    snapshot: Snapshot,
    /// What is in force in its place once the fence has fallen.
    fenced: Option<Snapshot>,
    /// Sites that were replaced while requests ran under them.
    retired: Vec<Retired>,
}

/// A site that was replaced.
#[derive(Debug)]
struct Retired {
    site: Arc<Settled>,
    cut: Option<Deadline>,
}

/// When what still runs under a replaced site is to end, and for which site's sake.
#[derive(Debug, Clone)]
struct Deadline {
    after: Duration,
    at: Moment,
    for_site: Host,
    window: Option<WindowId>,
    ordered: Ordered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ordered {
    NotYet,
    Yes,
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

/// Why a request is not decided at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hesitation {
    /// The site holds: [`Instance::admit`] waits for the reopening.
    Wait,
    /// It depends on the user: say who that is in [`Request::user`], and ask again.
    Ask,
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
    /// The closing to come that visitors may be told about by now.
    pub announced: Option<Upcoming>,
}

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

    /// Decides at once, or says `None` if that needs waiting (the site holds) or asking (who is the user?).
    pub fn try_admit(&self, request: &Request<'_>) -> Option<Admission> {
        self.admit_now(request).ok()
    }

    /// As [`Instance::try_admit`], for a face that waits and asks by itself.
    ///
    /// # Errors
    /// What it takes to decide.
    pub fn admit_now(&self, request: &Request<'_>) -> Result<Admission, Hesitation> {
        match self.look(request) {
            Look::Done(admission) => Ok(admission),
            Look::Wait(..) => Err(Hesitation::Wait),
            Look::Ask => Err(Hesitation::Ask),
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
        self.wait(request, ask, Duration::MAX).await
    }

    /// As [`Instance::admit`], for whoever waits no longer than `patience`: then the request is refused.
    pub async fn admit_within(&self, request: &Request<'_>, patience: Duration) -> Admission {
        self.wait(request, || std::future::ready(User::ANONYMOUS), patience).await
    }

    async fn wait<A, F>(&self, request: &Request<'_>, ask: A, patience: Duration) -> Admission
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
                        return self.refuse(&site, reply, cause);
                    };
                    let left = hold.max_wait().min(patience).saturating_sub(place.since().elapsed());
                    if left.is_zero() {
                        return self.refuse(&site, reply, cause);
                    }
                    place.count_for(site.counters());
                    // Held requests hold nothing, so they never drain.
                    drop(site);
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
        self.in_force(|snapshot| snapshot.site(host).mode())
    }

    /// How the site of `host` stands.
    pub fn standing(&self, host: &str) -> Standing {
        self.in_force(|snapshot| {
            let site = snapshot.site(host);
            Standing {
                mode: site.mode(),
                window: site.window().cloned(),
                reopens: site.reopens(),
                upcoming: site.upcoming().to_vec(),
                announced: site.announced().cloned(),
            }
        })
    }

    /// Every site that is not open, with its mode.
    pub fn closings(&self) -> BTreeMap<Host, Mode> {
        self.in_force(Snapshot::closings)
    }

    /// The State in force and every site that it closes, both of one moment: no change lies between them.
    pub fn state_and_closings(&self) -> (Option<Arc<State>>, BTreeMap<Host, Mode>) {
        let fenced = self.is_fenced();
        self.read(|door| (door.state.clone(), door.in_force(fenced).closings()))
    }

    /// How many requests still run that were admitted before their site became stricter, per site.
    pub fn draining(&self) -> BTreeMap<Host, usize> {
        self.read(|door| door.draining())
    }

    /// The request that has run longest among those that [`Instance::draining`] counts, per site.
    pub fn oldest(&self) -> BTreeMap<Host, Running> {
        self.read(|door| {
            let mut older: BTreeMap<Host, Vec<SiteId>> = BTreeMap::new();
            door.each_draining(|site, retired| {
                older.entry(site.host().clone()).or_default().push(id(&retired.site));
            });
            let oldest = |ids: &[SiteId]| self.register.oldest(|id| ids.contains(&id));
            older.into_iter().filter_map(|(host, ids)| Some((host, oldest(&ids)?))).collect()
        })
    }

    /// How many requests run, under whatever site.
    pub fn running(&self) -> usize {
        self.register.len()
    }

    /// The newest requests that were ended because a window said so, and how many there ever were.
    pub fn cuts(&self) -> (Vec<Cut>, u64) {
        self.register.cuts()
    }

    /// How many requests were refused, for whatever reason; the answer to the link of a pass is none.
    pub fn refused(&self) -> u64 {
        self.tallies.total_refused()
    }

    /// What was counted of the closings in force and of those that ended within the last 15 minutes, if anything was:
    /// of the newest 64, the newest first; and of how many more.
    pub fn tallies(&self) -> (Vec<Tally>, usize) {
        self.tallies.tell()
    }

    /// The store was heard from: whatever comes into force from now on is counted from its beginning.
    pub(crate) fn settle_in(&self) {
        self.tallies.settle_in();
    }

    /// The answer to a request that is ended before its own answer began.
    pub fn cut_short(&self, permit: &Permit) -> (Reply, Cause) {
        let host = permit.site().map_or("*", |site| site.host().as_str());
        let running = permit.running();
        let (method, path) =
            running.as_ref().map_or(("GET", "/"), |running| (running.method.as_str(), running.path.as_str()));
        let request = Request::new(method, host, path, &NO_HEADERS);
        let site = self.in_force(|snapshot| Arc::clone(snapshot.site(host)));
        self.refusal(&site, &request, Reason::Mode(site.mode(), site.window().map(|window| &window.id)))
    }

    /// When requests are to be cut next.
    pub(crate) fn next_cut(&self) -> Option<Moment> {
        self.read(|door| {
            let open = |retired: &Retired| {
                let cut = retired.cut.as_ref().filter(|cut| cut.ordered == Ordered::NotYet)?;
                (running(&retired.site) > 0).then_some(cut.at)
            };
            door.retired.iter().filter_map(open).min()
        })
    }

    /// Tells those requests to end whose time has come.
    pub(crate) fn cut_overdue(&self) {
        let mut door = self.door.write().unwrap_or_else(PoisonError::into_inner);
        let revision = door.state.as_ref().map_or(0, |state| state.revision);
        let mut due = Vec::new();
        for retired in &mut door.retired {
            if let Some(cut) = retired.cut.as_mut().filter(|cut| cut.at <= Moment::now()) {
                if cut.ordered == Ordered::NotYet && running(&retired.site) > 0 {
                    due.push((id(&retired.site), cut.for_site.clone(), cut.window.clone()));
                }
                cut.ordered = Ordered::Yes;
            }
        }
        drop(door);
        for (site, host, window) in due {
            let counters = window.and_then(|window| self.tallies.counters(&window));
            self.register.cut(site, &host, revision, counters);
        }
    }

    /// A request of `site` ended before whoever has it began to answer: if it was to drain, that is told as a cut.
    fn abandoned(&self, site: &Weak<Settled>, left: &Left) {
        let told = self.read(|door| {
            let is_it = |retired: &&Retired| std::ptr::eq(Arc::as_ptr(&retired.site), site.as_ptr());
            let older = &door.retired.iter().find(is_it)?.site;
            let mut stricter = door.snapshot.sites().filter(|site| site.outdates(older));
            let first = stricter.next()?;
            // Which of several it belongs to is not known, so it stands in the way of all of them.
            let host = if stricter.next().is_some() { older.host() } else { first.host() };
            let revision = door.state.as_ref().map_or(0, |state| state.revision);
            Some((host.clone(), revision, first.counters().cloned()))
        });
        if let Some((host, revision, counters)) = told {
            self.register.abandoned(left, host, revision, counters);
        }
    }

    /// From now on this instance is closed unless [`Instance::vouched_for`] says otherwise.
    pub(crate) fn raise_fence(&self) {
        let _ = self.fence.set(Fence::fallen());
        let _turn = lock(&self.turn);
        let state = self.state();
        self.swap(&state.clone().unwrap_or_default(), state, Timestamp::now());
    }

    /// From now on jobs need a report that others have.
    pub(crate) fn needs_listing(&self) {
        let _ = self.listed.set(Fence::fallen());
    }

    fn is_listed(&self) -> bool {
        self.listed.get().is_none_or(|listed| !listed.has_fallen())
    }

    /// A report is with others that vouches for this instance until `moment`.
    pub(crate) fn vouched_for(&self, moment: Moment) {
        if let Some(listed) = self.listed.get() {
            listed.put_off(moment);
        }
        if let Some(fence) = self.fence.get() {
            let had_fallen = fence.has_fallen();
            fence.put_off(moment);
            if had_fallen {
                self.tell();
            }
        }
    }

    /// Refuses where the mode is to hold.
    pub(crate) fn let_nobody_wait(&self) {
        self.nobody_waits.store(true, Relaxed);
    }

    /// Wakes those who wait for a change: what is in force depends on the fence, too.
    pub(crate) fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Whether this instance has closed itself because it is lost.
    pub fn is_fenced(&self) -> bool {
        self.fence.get().is_some_and(Fence::has_fallen)
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

    /// The next moment at which a window begins or ends, or a pass expires.
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
            let emptied = permit::EMPTIED.notified();
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
        let site = self.in_force(|snapshot| Arc::clone(snapshot.site(request.host)));
        if grant::is_asked_for(request) {
            return grant(&site, request);
        }
        match decide(site.policy(), request) {
            Decision::Ask => Look::Ask,
            Decision::Admit(reason) => {
                if let (Reason::Pass(pass), Some(counters)) = (reason, site.counters()) {
                    counters.let_through(pass);
                }
                let cause = reason.cause();
                let seat = self.register.sit(id(&site), request.method, path(request.path));
                Look::Done(Admission::Admitted(Permit::new(site, seat, cause)))
            }
            Decision::Refuse(reason) => {
                let (reply, cause) = self.refusal(&site, request, reason);
                Look::Done(self.refuse(&site, reply, cause))
            }
            Decision::Hold(reason) => {
                let (reply, cause) = self.refusal(&site, request, reason);
                match self.nobody_waits.load(Relaxed) {
                    true => Look::Done(self.refuse(&site, reply, cause)),
                    false => Look::Wait(site, reply, cause),
                }
            }
        }
    }

    /// Counts it, for its window if that decided.
    fn refuse(&self, site: &Settled, reply: Reply, cause: Cause) -> Admission {
        self.tallies.refused(site.counters().filter(|_| cause.is_the_mode()));
        Admission::Refused(reply, cause)
    }

    fn refusal(&self, site: &Settled, request: &Request<'_>, reason: Reason<'_>) -> (Reply, Cause) {
        (site.reply(request, reason, Timestamp::now()), reason.cause())
    }

    fn swap(&self, state: &State, held: Option<Arc<State>>, now: Timestamp) {
        let settle =
            |state: &State, before: Option<&Snapshot>| Snapshot::settle(state, &self.local, now, before);
        let next = self.read(|door| settle(state, Some(&door.snapshot)));
        // Before it is in force, so that no refusal is missed.
        if let Some(held) = &held {
            self.tallies.follow(held, now);
            self.tallies.attach(&next);
        }
        let fenced = self.fence.get().map(|_| {
            let state = behind_the_fence(state.clone());
            self.read(|door| settle(&state, door.fenced.as_ref()))
        });
        fenced.iter().for_each(|fenced| self.tallies.attach(fenced));
        let mut door = self.door.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut door.snapshot, next);
        let before_fenced = std::mem::replace(&mut door.fenced, fenced);
        door.state = held;
        let replaced: Vec<_> = {
            let kept = |old: &Arc<Settled>, new: &Snapshot| {
                new.exactly(old.host()).is_some_and(|new| Arc::ptr_eq(old, new))
            };
            let open = before.sites().filter(|old| !kept(old, &door.snapshot));
            let fenced = before_fenced.iter().flat_map(Snapshot::sites);
            let fenced = fenced.filter(|old| !door.fenced.as_ref().is_some_and(|new| kept(old, new)));
            open.chain(fenced).cloned().collect()
        };
        drop((before, before_fenced));
        replaced.iter().for_each(|site| site.retire());
        door.retired.extend(replaced.into_iter().map(|site| Retired { site, cut: None }));
        door.retired.retain(|retired| running(&retired.site) > 0);
        door.set_deadlines();
        drop(door);
        self.changed.send_modify(|count| *count += 1);
    }

    fn in_force<T>(&self, look: impl FnOnce(&Snapshot) -> T) -> T {
        let fenced = self.is_fenced();
        self.read(|door| look(door.in_force(fenced)))
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
    fn in_force(&self, is_fenced: bool) -> &Snapshot {
        match &self.fenced {
            Some(closed) if is_fenced => closed,
            _ => &self.snapshot,
        }
    }

    fn draining(&self) -> BTreeMap<Host, usize> {
        let mut draining = BTreeMap::new();
        self.each_draining(|site, retired| {
            *draining.entry(site.host().clone()).or_default() += running(&retired.site);
        });
        draining
    }

    /// Every replaced site under which requests run, with each site in force that may refuse them.
    fn each_draining(&self, mut visit: impl FnMut(&Settled, &Retired)) {
        for retired in self.retired.iter().filter(|retired| running(&retired.site) > 0) {
            for site in self.snapshot.sites().filter(|site| site.outdates(&retired.site)) {
                visit(site, retired);
            }
        }
    }

    /// A deadline runs from the moment at which the sites in force began to state it, whatever else changes later.
    fn set_deadlines(&mut self) {
        for retired in &mut self.retired {
            let stricter = self.snapshot.sites().filter(|site| site.outdates(&retired.site));
            let wanted =
                stricter.filter_map(|site| Some((site.cut_after()?, site.host(), site.cut_by()))).min();
            let before = retired.cut.take();
            retired.cut = wanted.map(|(after, host, window)| match before {
                Some(before) if before.after == after => Deadline { window: window.cloned(), ..before },
                _ => Deadline {
                    after,
                    at: Moment::now() + after,
                    for_site: host.clone(),
                    window: window.cloned(),
                    ordered: Ordered::NotYet,
                },
            });
        }
    }
}

/// The same wishes, and everything closed; to bearers, too, for a pass may have been revoked meanwhile.
fn behind_the_fence(mut state: State) -> State {
    let mut window = Window::new(Mode::On);
    (window.by, window.note) =
        ("backsoon".into(), "this server has lost the store, and on_lost = close".into());
    state.default.windows.push(window);
    state.passes.clear();
    state
}

/// What is said to the link of a pass. Out of the way of requests for anything else.
#[cold]
fn grant(site: &Settled, request: &Request<'_>) -> Look {
    let (reply, cause) = grant::answer(site, request, Timestamp::now());
    Look::Done(Admission::Refused(reply, cause))
}

/// The same for as long as a request of the site runs.
fn id(site: &Arc<Settled>) -> SiteId {
    Arc::as_ptr(site).addr()
}

/// A path without its query, which may hold secrets.
fn path(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

/// How many permits hold a retired site: every reference but the list's own. Nothing else keeps one.
fn running(site: &Arc<Settled>) -> usize {
    let permits = Arc::strong_count(site) - 1;
    // Whoever sees zero must also see what the last request did.
    std::sync::atomic::fence(std::sync::atomic::Ordering::Acquire);
    permits
}

//! Keeps an [`Instance`] current: hints, polls, window edges, reports, and a local copy of the last known State.
//!
//! Three tasks run until the instance is dropped or leaves, and none of them waits for another: one follows the
//! store, one turns the edges of windows, one reports. A request never waits for any of them.
//!
//! The file is long because the three share one membership, and the order of their steps is the protocol.

mod copy;
mod crew;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::Instant as Moment;

use self::crew::Crew;
use crate::control::{self, KEPT, STATE};
use crate::decide::Local;
use crate::document::{Host, Lineage, Mode, State, Window};
use crate::fleet::{self, Counts, Holding, Kind, Life, OnLost, Place, ROSTER, Report};
use crate::instance::{Applied, Instance};
use crate::request::Effect;
use crate::rules::Marks;
use crate::store::{self, PutMode, Store};
use crate::time::Timestamp;

/// How an instance joins.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The name on the roster; by default the host's name, the process and a random part.
    pub name: Option<String>,
    /// What it is.
    pub kind: Kind,
    /// This server's own part of every decision.
    pub local: Local,
    /// The marks on the application's routes.
    pub marks: Marks,
    /// What to do at start when neither the store nor the local copy can be read.
    pub on_unknown: OnUnknown,
    /// What to do when nobody has heard from this instance for its lease.
    pub on_lost: OnLost,
    /// Whether requests can wait here.
    pub holding: Holding,
    /// Whether every request that is let in holds its permit until its last byte.
    pub counts: Counts,
    /// When a State that this instance has is in force there.
    pub takes_effect: TakesEffect,
    /// Where to keep a copy of the last known State, for a start while the store is away.
    pub copy: Option<PathBuf>,
    /// The hosts that this server is known to serve, if it knows.
    pub serves: Vec<Host>,
    /// How often to look at the store even without a hint; less often in a fleet of more than 500.
    pub poll: Duration,
    /// How often to report even without news; less often in a fleet of more than 1,000.
    pub beat: Duration,
    /// After this long without a report others call this instance lost; four beats at least in a large fleet.
    pub lease: Duration,
}

/// What to do when nobody can say whether the site is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnknown {
    /// Serve.
    #[default]
    Open,
    /// Refuse until the store or a State says otherwise.
    Closed,
}

/// When a State is in force that an instance has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TakesEffect {
    /// As soon as the instance has it, for it decides by itself.
    #[default]
    AtOnce,
    /// When [`Instance::carried_out`] says so, for others decide by what the instance tells them.
    WhenSaid,
}

/// What others have been told by an instance that does not decide by itself.
#[derive(Debug, Clone, Default)]
struct Told {
    lineage: Option<Lineage>,
    revision: u64,
    closings: BTreeMap<Host, Mode>,
    ignores: Vec<String>,
}

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

/// What a look at the store has brought.
enum Seen {
    /// Nobody has asked for anything yet.
    Nothing,
    /// A State, applied or not, with what is wrong about it.
    State(Option<String>),
    /// Something that is no State which this build may use.
    Unreadable(String),
    /// No answer.
    Away(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    NotYet,
    Now,
}

/// A store that does not answer within this time counts as away; the next poll asks again.
const ANSWER: Duration = Duration::from_secs(5);

/// The longest pause between two tries while the store is away: half the usual lease.
const LONGEST: Duration = Duration::from_secs(5);

// === impl Options ===

impl Default for Options {
    /// Looks once a second, reports once a second, is lost after ten; opens if nobody knows.
    fn default() -> Self {
        Self {
            name: None,
            kind: Kind::Web,
            local: Local::default(),
            marks: Marks::new(),
            on_unknown: OnUnknown::Open,
            on_lost: OnLost::Keep,
            holding: Holding::Waits,
            counts: Counts::All,
            takes_effect: TakesEffect::AtOnce,
            copy: None,
            serves: Vec::new(),
            poll: Duration::from_secs(1),
            beat: Duration::from_secs(1),
            lease: Duration::from_secs(10),
        }
    }
}

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
        membership.report(&instance).await;
        // Before the first look, so that no change falls between the two.
        let hints = membership.store.hints(STATE);
        membership.start(&instance).await;
        membership.report(&instance).await;

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

    /// Says farewell, so that nobody waits for this instance. It goes on deciding by its last State.
    pub async fn leave(&self) {
        if let Some(membership) = self.membership() {
            membership.farewell().await;
        }
    }

    /// Says from now on that it lives as long as the process `pid` of this machine does: that does its work, and would
    /// go on with it without this one.
    pub async fn stands_for(&self, pid: u32) {
        if let Some(membership) = self.membership() {
            *lock(&membership.place) = Place::of(pid);
            membership.report(self).await;
        }
    }

    /// Says that `state` is in force for those who decide by what this instance tells them, with these `closings`; the
    /// rules in `ignores` are not, since they cannot be told. Counts with [`TakesEffect::WhenSaid`] alone.
    pub fn carried_out(&self, state: Option<&State>, closings: BTreeMap<Host, Mode>, ignores: Vec<String>) {
        if let Some(membership) = self.membership() {
            let (lineage, revision) =
                (state.map(|state| state.lineage.clone()), state.map(|state| state.revision));
            *lock(&membership.told) = Told { lineage, revision: revision.unwrap_or(0), closings, ignores };
            membership.news.notify_one();
        }
    }

    /// Says in the report what is wrong with carrying the State out, or that nothing is.
    pub fn complain(&self, trouble: Option<String>) {
        if let Some(membership) = self.membership() {
            *lock(&membership.complaint) = trouble;
            membership.news.notify_one();
        }
    }

    /// Says in the report what is wrong with something that keeps no State from being carried out, or that nothing is.
    pub fn remark(&self, remark: Option<String>) {
        if let Some(membership) = self.membership() {
            *lock(&membership.remark) = remark;
            membership.news.notify_one();
        }
    }

    /// What this instance says of itself; an instance that has not joined has nothing to say.
    pub fn report(&self) -> Option<Report> {
        self.membership().map(|membership| membership.describe(self))
    }
}

// === impl Membership ===

impl Membership {
    /// The State at start: the store's, or the local copy's, or what `on_unknown` says.
    async fn start(&self, instance: &Instance) {
        if let Some(path) = &self.options.copy {
            match copy::read(path).await {
                Ok(Some(state)) => drop(instance.apply(&state, Timestamp::now())),
                Ok(None) => {}
                Err(why) => tracing::warn!("the local copy {} is not used: {why}", path.display()),
            }
        }
        let seen = self.look(instance).await;
        // It may be newer than the local copy.
        self.take_over(instance, &seen).await;
        if instance.state().is_none() && matches!(seen, Seen::Unreadable(_) | Seen::Away(_)) {
            let policy = self.options.on_unknown;
            tracing::warn!(store = %self.store.url(), ?policy, "nobody knows whether the site is closed");
            if policy == OnUnknown::Closed {
                instance.settle_unknown(&closed_for_want_of_a_state(), Timestamp::now());
            }
        }
    }

    /// Takes what others have kept of a State that is lost: whoever emptied or damaged the store did not open the site.
    async fn take_over(&self, instance: &Instance, seen: &Seen) {
        if matches!(seen, Seen::Nothing | Seen::Unreadable(_))
            && let Ok(Ok(Some(kept))) =
                tokio::time::timeout(ANSWER, control::newest(&*self.store, KEPT)).await
        {
            let _ = instance.apply(&kept, Timestamp::now());
        }
    }

    /// Reads the store once and applies what it finds.
    async fn look(&self, instance: &Instance) -> Seen {
        let written = lock(&self.written).take();
        let seen = match tokio::time::timeout(ANSWER, self.store.get(STATE)).await {
            Err(_) => Seen::Away(format!("{} has not answered for {} s", self.store.url(), ANSWER.as_secs())),
            Ok(Err(error @ store::Error::TooLarge { .. })) => Seen::Unreadable(error.to_string()),
            Ok(Err(error)) => Seen::Away(error.to_string()),
            Ok(Ok(None)) => Seen::Nothing,
            Ok(Ok(Some(entry))) => match State::from_bytes(&entry.value) {
                Ok(state) => Seen::State(self.take(instance, &state).await),
                Err(why) => Seen::Unreadable(format!("the state in the store was not applied: {why}")),
            },
        };
        let held = instance.state();
        let trouble = match &seen {
            Seen::Nothing => {
                held.as_ref().map(|_| "the store is empty; the last known state stays".to_owned())
            }
            Seen::State(trouble) => trouble.clone(),
            Seen::Unreadable(why) | Seen::Away(why) => Some(why.clone()),
        };
        match (&seen, written) {
            (Seen::Away(_) | Seen::Unreadable(_), Some(_)) => {
                let mut newer = lock(&self.written);
                *newer = newer.or(written);
            }
            (_, Some(until)) => instance.vouched_for(until),
            (_, None) => {}
        }
        if !matches!(seen, Seen::Away(_)) {
            *lock(&self.heard) = Some(Moment::now());
            instance.settle_in();
            match held {
                Some(held) if trouble.is_some() => self.keep(&held).await,
                // What was assumed while nobody knew gives way to the store's word that nobody wants it closed.
                None if matches!(seen, Seen::Nothing) && !instance.closings().is_empty() => {
                    instance.settle_unknown(&State::new(), Timestamp::now());
                }
                _ => {}
            }
        }
        let mut said = lock(&self.trouble);
        if *said != trouble {
            match &trouble {
                Some(trouble) => tracing::warn!("{trouble}"),
                None => tracing::info!(store = %self.store.url(), "following the store again"),
            }
            *said = trouble;
            self.news.notify_one();
        }
        seen
    }

    /// Applies a State from the store; what is wrong with it comes back in a sentence.
    async fn take(&self, instance: &Instance, state: &State) -> Option<String> {
        match instance.apply(state, Timestamp::now()) {
            Applied::Now => {
                tracing::info!(revision = state.revision, by = %state.change.by, note = %state.change.note, "a new state is in force");
                self.news.notify_one();
                self.copy(state).await
            }
            Applied::Already => self.copy(state).await,
            Applied::Older { held } => Some(format!(
                "the store went back to revision {}; revision {held} stays in force",
                state.revision
            )),
            Applied::Foreign { held } => Some(format!(
                "the store holds another history ({}) than the one in force ({held}); `backsoon on` or `off` joins them",
                state.lineage
            )),
        }
    }

    /// Writes the local copy, until it is written; what is wrong with it comes back in a sentence.
    async fn copy(&self, state: &State) -> Option<String> {
        let path = self.options.copy.as_ref()?;
        if lock(&self.copied).as_ref() == Some(&state.change.id) {
            return None;
        }
        if let Err(error) = copy::write(path, state).await {
            return Some(format!("the local copy {} cannot be written: {error}", path.display()));
        }
        *lock(&self.copied) = Some(state.change.id.clone());
        None
    }

    /// Hands the held State to whoever repairs the store.
    async fn keep(&self, held: &State) {
        if held.revision == 0 {
            return;
        }
        let key = format!("{KEPT}{}-{:020}", held.lineage, held.revision);
        let _ =
            tokio::time::timeout(ANSWER, self.store.put(&key, held.to_bytes().into(), PutMode::Create)).await;
    }

    async fn follow(self: Arc<Self>, instance: Weak<Instance>, mut hints: BoxStream<'static, ()>) {
        let mut stop = self.stop.subscribe();
        let (begun, mut failures) = (Moment::now(), 0);
        loop {
            let pause = back_off(lock(&self.crew).poll(&self.options), failures);
            tokio::select! {
                hint = hints.next() => if hint.is_none() { hints = Box::pin(futures_util::stream::pending()) },
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(is_now) => return,
            }
            let Some(instance) = instance.upgrade() else { return };
            let seen = self.look(&instance).await;
            failures = if matches!(seen, Seen::Away(_)) { failures.saturating_add(1) } else { 0 };
            // Those who hold what was lost may hand it over only after this one has joined.
            let is_new = begun.elapsed() < lock(&self.crew).lease(&self.options);
            if is_new && instance.state().is_none() {
                self.take_over(&instance, &seen).await;
            }
        }
    }

    async fn turn_edges(self: Arc<Self>, instance: Weak<Instance>) {
        let mut stop = self.stop.subscribe();
        let mut settled_at = Timestamp::now();
        let mut was_fenced = false;
        loop {
            let Some(current) = instance.upgrade() else { return };
            let mut changes = current.changes();
            current.cut_overdue();
            if std::mem::replace(&mut was_fenced, current.is_fenced()) != current.is_fenced() {
                current.tell();
                self.news.notify_one();
            }
            let now = Timestamp::now();
            let edge = current.next_edge();
            // A clock that was set back needs a new look as well as an edge that has come.
            if edge.is_some_and(|edge| edge <= now) || now + Duration::from_millis(500) < settled_at {
                current.turn_edge(now);
                self.news.notify_one();
                settled_at = now;
                continue;
            }
            settled_at = settled_at.max(now);
            let cut = current.next_cut();
            drop(current);
            // At most a second, because the wall clock can be set while the timer runs.
            let pause = edge.map_or(Duration::MAX, |edge| edge.since(now)).min(Duration::from_secs(1));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = sleep_until(cut) => self.news.notify_one(),
                _ = changes.changed() => {}
                _ = stop.wait_for(is_now) => return,
            }
        }
    }

    async fn beat(self: Arc<Self>, instance: Weak<Instance>) {
        let mut stop = self.stop.subscribe();
        let mut failures: u32 = 0;
        loop {
            let drains = match instance.upgrade() {
                Some(instance) => {
                    let written = self.report(&instance).await;
                    failures = if written { 0 } else { failures.saturating_add(1) };
                    if self.options.on_lost == OnLost::Close {
                        let _ = self.look(&instance).await;
                    }
                    !instance.draining().is_empty()
                }
                None => return self.farewell().await,
            };
            // While requests drain, somebody may be waiting for the last of them.
            let beat = lock(&self.crew).beat(&self.options);
            let pause = match (drains, failures) {
                (true, 0) => beat.min(Duration::from_millis(50)),
                (false, 0) => beat,
                _ => back_off(beat, failures),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.news.notified() => {}
                _ = stop.wait_for(is_now) => return,
            }
        }
    }

    /// Whether it was written.
    async fn report(&self, instance: &Instance) -> bool {
        // Only what is written counts as a beat: whoever looks, a scrape of metrics say, proves nothing.
        self.beat.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let report = self.describe(instance);
        let lease = Duration::from_millis(report.lease_ms);
        // A report is an object of plain fields and always serialises.
        let bytes = serde_json::to_vec(&report).unwrap_or_default();
        let key = self.key();
        let _alone = self.writing.lock().await;
        if is_now(&self.stop.borrow()) {
            return false;
        }
        // The lease runs from here: whoever reads the report has read it later.
        let begun = Moment::now();
        match tokio::time::timeout(ANSWER, self.store.put(&key, bytes.into(), PutMode::Overwrite)).await {
            // Not yet vouched for: a closing may have been confirmed without this instance while it was silent, so it
            // must read the State first.
            Ok(Ok(_)) => {
                *lock(&self.written) = Some(begun + lease);
                return true;
            }
            Ok(Err(error)) => tracing::debug!("the report was not written: {error}"),
            Err(_) => tracing::debug!("the report was not written: no answer"),
        }
        false
    }

    /// Counts the fleet when it is this instance's turn, and reads now and then what others have counted.
    async fn muster(self: Arc<Self>) {
        let mut stop = self.stop.subscribe();
        loop {
            let reads = lock(&self.crew).reads();
            if reads && !matches!(tokio::time::timeout(ANSWER, self.count()).await, Ok(Ok(()))) {
                lock(&self.crew).put_off();
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                _ = stop.wait_for(is_now) => return,
            }
        }
    }

    async fn count(&self) -> store::Result<()> {
        let read = crew::read(&*self.store).await?;
        lock(&self.crew).learned(read);
        let (is_due, is_new) = {
            let crew = lock(&self.crew);
            (crew.is_due(), crew.is_new())
        };
        if !is_due {
            return Ok(());
        }
        let reports = fleet::reports(&*self.store).await?;
        let size = u32::try_from(reports.len()).unwrap_or(u32::MAX);
        lock(&self.crew).counted(size);
        crew::write(&*self.store, size, read).await?;
        if is_new {
            self.bury(&reports).await;
        }
        Ok(())
    }

    /// Takes those off the roster whose processes, on this machine, have ended without a farewell.
    async fn bury(&self, reports: &[Report]) {
        for report in reports.iter().filter(|report| report.lives() == Some(Life::Dead)) {
            let name = &report.name;
            tracing::info!("{name} ended without a farewell and is taken off the roster");
            let _ = tokio::time::timeout(ANSWER, self.store.delete(&format!("{ROSTER}{name}"))).await;
        }
    }

    async fn farewell(&self) {
        self.stop.send_replace(Stop::Now);
        let _alone = self.writing.lock().await;
        let _ = tokio::time::timeout(ANSWER, self.store.delete(&self.key())).await;
    }

    fn describe(&self, instance: &Instance) -> Report {
        let state = instance.state();
        let heard = *lock(&self.heard);
        let lease = lock(&self.crew).lease(&self.options);
        // Before the cuts: what is cut is told first and ends then, so a report that misses the cut still has it draining.
        let draining = instance.draining();
        let (cuts, cut_total) = instance.cuts();
        let (tallies, tallies_left_out) = instance.tallies();
        let own = |then: Effect| {
            let rules = self.options.local.rules.iter().filter(move |rule| rule.then == then);
            rules.map(|rule| rule.name.to_string())
        };
        let told = match self.options.takes_effect {
            TakesEffect::WhenSaid => lock(&self.told).clone(),
            TakesEffect::AtOnce => Told {
                lineage: state.as_ref().map(|state| state.lineage.clone()),
                revision: state.as_ref().map_or(0, |state| state.revision),
                closings: instance.closings(),
                ignores: Vec::new(),
            },
        };
        let complaint = lock(&self.complaint).clone();
        let remarks = instance.troubles().into_iter().chain(lock(&self.remark).clone());
        Report {
            beat: self.beat.load(std::sync::atomic::Ordering::Relaxed),
            lease_ms: lease.as_millis().try_into().unwrap_or(u64::MAX),
            lineage: told.lineage,
            revision: told.revision,
            closings: told.closings,
            ignores: told.ignores,
            serves: self.options.serves.clone(),
            draining,
            oldest: instance.oldest(),
            cuts,
            cut_total,
            running: instance.running(),
            refused: Some(instance.refused()),
            tallies,
            tallies_left_out,
            admits: own(Effect::Open).chain(self.options.marks.opened()).collect(),
            refuses: own(Effect::Closed).collect(),
            on_lost: self.options.on_lost,
            holding: self.options.holding,
            counts: self.options.counts,
            held: instance.held(),
            age_ms: heard
                .map_or(u64::MAX, |heard| heard.elapsed().as_millis().try_into().unwrap_or(u64::MAX)),
            troubles: complaint.into_iter().chain(lock(&self.trouble).clone()).collect(),
            remarks: remarks.collect(),
            ..Report::new(&self.name, self.options.kind, lock(&self.place).clone())
        }
    }

    fn key(&self) -> String {
        format!("{ROSTER}{}", self.name)
    }
}

/// The pause until the next try: a longer one after each failure, and a little jitter, so that a fleet that lost its
/// store together does not come back together.
fn back_off(usual: Duration, failures: u32) -> Duration {
    let longer = usual.saturating_mul(2_u32.pow(failures.saturating_sub(1).min(10)));
    longer.min(usual.max(LONGEST)).mul_f64(0.9 + 0.2 * fastrand::f64())
}

async fn sleep_until(moment: Option<Moment>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// By value, not by change: a task may be asked to stop before it runs for the first time.
fn is_now(stop: &Stop) -> bool {
    *stop == Stop::Now
}

fn closed_for_want_of_a_state() -> State {
    let mut state = State::new();
    let mut window = Window::new(Mode::On);
    (window.by, window.note) = ("backsoon".into(), "the state is unknown, and on_unknown = closed".into());
    state.default.windows.push(window);
    state
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_failures_and_differ_between_instances() {
        let second = Duration::from_secs(1);
        for (usual, failures, expected) in [
            (second, 0, second),
            (second, 1, second),
            (second, 2, 2 * second),
            (second, 3, 4 * second),
            (second, 4, LONGEST),
            (second, u32::MAX, LONGEST),
            // Whoever is told to ask seldom does not ask more often because nobody answers.
            (60 * second, 9, 60 * second),
        ] {
            let pauses: Vec<_> = (0..200).map(|_| back_off(usual, failures)).collect();
            let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
            assert!(*least >= expected.mul_f64(0.9) && *most <= expected.mul_f64(1.1), "{least:?} {most:?}");
            assert!(*most - *least > expected.mul_f64(0.1), "a fleet would come in step: {least:?} {most:?}");
        }
    }
}

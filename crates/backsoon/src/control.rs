//! The only writer of the State: read, change until the change lands, history, rollback.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;

use crate::document::{Change, Host, Lineage, PassId, State, Unreadable, Window, WindowId, random_name};
use crate::fleet::{self, Life};
use crate::inspect::inspect;
use crate::pass::Invitation;
use crate::store::{self, Entry, PutMode, Store, Version};
use crate::time::Timestamp;

/// Where the State is filed.
pub(crate) const STATE: &str = "state";
/// Where documents are filed that an instance held when it found the store empty or damaged.
pub(crate) const KEPT: &str = "kept/";
/// Where bytes go that were found in the State's place and are none.
const DAMAGED: &str = "damaged/";

/// A writer retries for this long before it gives up against other writers.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many States are read at once by whoever goes back in the history.
const STEP: usize = 16;

/// How long a writer who finds no State waits for an instance to hand over the one that it holds.
const HANDING_OVER: Duration = Duration::from_secs(3);

/// Reads and changes the State of one store, in the name of one person or program.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use backsoon::control::Control;
/// use backsoon::document::{Host, Mode, Window};
///
/// let store = backsoon::store::open("memory:").await?;
/// let control = Control::new(store, "ann@laptop");
/// let window = Window::new(Mode::On).message("We are moving house. Back at noon.");
/// control.begin(&Host::any(), window.clone()).await?;
/// control.end(&window.id).await?;
/// assert_eq!(control.history().await?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Control {
    store: Arc<dyn Store>,
    by: String,
}

/// What lies in the State's place.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A State.
    State(Box<State>),
    /// Bytes that are no State which this build may use.
    Unreadable(Unreadable),
}

/// What an update did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This State is in the store now.
    Written(State),
    /// The edit changed nothing, so nothing was written; this State is in the store.
    Unchanged(State),
}

/// Why the State was not read or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store could not do its part; nothing was written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What lies in the State's place must not be replaced, or cannot be read.
    #[error("the state in {store} cannot be used: {why}{}", way_out(.why))]
    Unreadable {
        /// The store's URL.
        store: String,
        /// Why.
        why: Unreadable,
    },
    /// The edit itself said no; nothing was written.
    #[error("{0}")]
    Refused(String),
    /// The store's answer to a write was lost, and it cannot be read back: the change may have landed or not.
    #[error(
        "the answer of {store} was lost while writing, so the change may have landed or not; look with `backsoon status` when the store is back ({source})"
    )]
    Unknown {
        /// The store's URL.
        store: String,
        /// What the store said last.
        source: store::Error,
    },
    /// Others kept changing the State for a minute; nothing was written.
    #[error("others kept changing the state in {store} for {} seconds; try again", PATIENCE.as_secs())]
    Contended {
        /// The store's URL.
        store: String,
    },
    /// There is no such revision in the history.
    #[error("revision {revision} is not in the history, which has {}", .known.as_deref().unwrap_or("none yet"))]
    NoRevision {
        /// The revision asked for.
        revision: u64,
        /// The range there is.
        known: Option<String>,
    },
}

/// What an update starts from.
struct Base {
    state: State,
    mode: PutMode,
    /// It was read as it lies in the store, so it belongs into the history, and writing it again would be idle.
    lies_there: Option<Bytes>,
}

/// Whether the instances hold what lies in the store, or an earlier revision of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Followers {
    Along,
    /// One of them holds another history or a later revision, and will not follow by itself.
    Astray,
}

/// What became of a write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Swap {
    Landed,
    /// Somebody else's came first; nothing was written.
    Overtaken,
}

// === impl Control ===

impl Control {
    /// A control over `store` that signs its changes with `by`.
    pub fn new(store: Arc<dyn Store>, by: impl Into<String>) -> Self {
        Self { store, by: by.into() }
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The name that changes are signed with; a store may want more behind it ([`Store::signature`]).
    pub fn by(&self) -> &str {
        &self.by
    }

    /// What lies in the State's place.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn find(&self) -> Result<Found, Error> {
        Ok(match self.store.get(STATE).await {
            Ok(None) => Found::Nothing,
            Ok(Some(entry)) => match State::from_bytes(&entry.value) {
                Ok(state) => Found::State(Box::new(state)),
                Err(why) => Found::Unreadable(why),
            },
            Err(error @ store::Error::TooLarge { .. }) => {
                Found::Unreadable(Unreadable::Damaged { why: error.to_string() })
            }
            Err(error) => return Err(error.into()),
        })
    }

    /// The State, or `None` where nobody has asked for anything yet.
    ///
    /// # Errors
    /// When the store is away, or what lies there is no State that this build may use.
    pub async fn read(&self) -> Result<Option<State>, Error> {
        match self.find().await? {
            Found::Nothing => Ok(None),
            Found::State(state) => Ok(Some(*state)),
            Found::Unreadable(why) => Err(Error::Unreadable { store: self.store.url(), why }),
        }
    }

    /// Changes the State by `edit`, again and again until the change lands on what was read.
    ///
    /// An edit that changes nothing writes nothing, unless some instance has strayed from this history: then the same
    /// wishes are written again, numbered so that it will follow.
    ///
    /// What is replaced is filed in the history first. Bytes that are no State are set aside under `damaged/`, and
    /// the last known State is taken in their place; a State of a newer schema is never replaced.
    ///
    /// # Errors
    /// When `edit` says no ([`Error::Refused`]), when nothing could be written, or when nobody knows whether it was
    /// ([`Error::Unknown`]).
    pub async fn update<E: ToString>(
        &self,
        note: &str,
        mut edit: impl FnMut(&mut State) -> Result<(), E>,
    ) -> Result<Outcome, Error> {
        let begun = tokio::time::Instant::now();
        for attempt in 0_u32.. {
            let base = self.base().await?;
            let mut next = base.state.clone();
            edit(&mut next).map_err(|error| Error::Refused(error.to_string()))?;
            let idle = base.lies_there.is_some() && next == base.state;
            let followers = self.number(&mut next, note).await?;
            if idle && followers == Followers::Along {
                return Ok(Outcome::Unchanged(base.state));
            }
            // Flaws that lie there already must not keep anybody from closing a site.
            let known = inspect(&base.state);
            if let Some(flaw) = inspect(&next).into_iter().find(|flaw| !known.contains(flaw)) {
                return Err(Error::Refused(flaw.to_string()));
            }
            let written = legible(&next)?;
            if let Some(bytes) = base.lies_there {
                self.file(&base.state, bytes).await?;
            }
            if self.swap(&next, written.into(), base.mode).await? == Swap::Landed {
                return self.landed(next).await;
            }
            if begun.elapsed() > PATIENCE {
                break;
            }
            // Up to half a second: with hundreds of writers, most attempts would be in vain otherwise.
            let ceiling = 2_u64 << attempt.min(8);
            tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=ceiling))).await;
        }
        Err(Error::Contended { store: self.store.url() })
    }

    /// Adds a window to a site.
    ///
    /// # Errors
    /// As [`Control::update`]; also when the window could never be in force.
    pub async fn begin(&self, host: &Host, window: Window) -> Result<Outcome, Error> {
        window.check(Timestamp::now()).map_err(|error| Error::Refused(error.to_string()))?;
        let note = format!("{} {host} ({})", window.mode, window.id);
        self.update(&note, |state| {
            let windows = &mut state.site_mut(host).windows;
            if windows.iter().all(|other| other.id != window.id) {
                windows.push(window.clone());
            }
            Ok::<_, String>(())
        })
        .await
    }

    /// Ends exactly the window called `id`; one that is not there has ended.
    ///
    /// # Errors
    /// As [`Control::update`].
    pub async fn end(&self, id: &WindowId) -> Result<Outcome, Error> {
        self.update(&format!("end {id}"), |state| {
            state.end_window(id);
            Ok::<_, String>(())
        })
        .await
    }

    /// Puts an invitation into the document: from then on its link opens.
    ///
    /// # Errors
    /// As [`Control::update`].
    pub async fn invite(&self, invitation: &Invitation) -> Result<Outcome, Error> {
        self.update(&invitation.note(), |state| {
            invitation.put_into(state);
            Ok::<_, String>(())
        })
        .await
    }

    /// Ends the pass called `id`, wherever its bearer is; one that is not there has ended.
    ///
    /// # Errors
    /// As [`Control::update`].
    pub async fn revoke(&self, id: &PassId) -> Result<Outcome, Error> {
        self.update(&format!("revoke pass {id}"), |state| {
            state.revoke(id);
            Ok::<_, String>(())
        })
        .await
    }

    /// Every State of this lineage that there was, the oldest first and the one in force last.
    ///
    /// # Errors
    /// As [`Control::read`].
    pub async fn history(&self) -> Result<Vec<State>, Error> {
        let Some(current) = self.read().await? else { return Ok(Vec::new()) };
        let entries = self.store.list(&format!("history/{}/", current.lineage)).await?;
        let mut states: Vec<State> =
            entries.iter().filter_map(|entry| State::from_bytes(&entry.value).ok()).collect();
        // A writer that was stopped between filing and replacing leaves the current one there too.
        states.retain(|state| state.revision < current.revision);
        states.push(current);
        Ok(states)
    }

    /// The newest `limit` States of this lineage, or of those before revision `before`; the oldest first.
    ///
    /// It asks for single ones, a few at once, so a page of a long history costs no more than one of a short history. Only where
    /// a number was left out (after a disaster) the whole history is read.
    ///
    /// # Errors
    /// As [`Control::read`].
    pub async fn page(&self, before: Option<u64>, limit: usize) -> Result<Vec<State>, Error> {
        let Some(current) = self.read().await? else { return Ok(Vec::new()) };
        let end = before.unwrap_or(u64::MAX).min(current.revision.saturating_add(1));
        let mut states = Vec::new();
        let current = &current;
        let read = |revision: u64| async move {
            if revision == current.revision {
                return Ok::<_, Error>(Some(current.clone()));
            }
            let entry = self.store.get(&filed_under(&current.lineage, revision)).await?;
            Ok(entry.and_then(|entry| State::from_bytes(&entry.value).ok()))
        };
        let mut revision = end;
        while revision > 1 && states.len() < limit {
            // Several at once, since each may be a way over the network.
            let step = (limit - states.len()).min(STEP) as u64;
            let first = revision.saturating_sub(step).max(1);
            let found = join_all((first..revision).rev().map(&read)).await;
            for state in found {
                let Some(state) = state? else {
                    let mut all = self.history().await?;
                    all.retain(|state| state.revision < end);
                    return Ok(all.split_off(all.len().saturating_sub(limit)));
                };
                states.push(state);
            }
            revision = first;
        }
        states.reverse();
        Ok(states)
    }

    /// Puts the windows, rules and pages of an earlier revision in force again, as a new revision. Passes stay as they
    /// are: one that was revoked is not to come back.
    ///
    /// # Errors
    /// [`Error::NoRevision`] when the history does not have it; otherwise as [`Control::update`].
    pub async fn rollback(&self, revision: u64) -> Result<Outcome, Error> {
        let then = self.at(revision).await?;
        self.update(&format!("rollback to revision {revision}"), |state| {
            state.restore(&then);
            Ok::<_, String>(())
        })
        .await
    }

    /// The State as it was at `revision`.
    ///
    /// # Errors
    /// [`Error::NoRevision`] when the history does not have it; otherwise as [`Control::read`].
    pub async fn at(&self, revision: u64) -> Result<State, Error> {
        if let Some(state) = self.page(revision.checked_add(1), 1).await?.pop()
            && state.revision == revision
        {
            return Ok(state);
        }
        let history = self.history().await?;
        let known =
            history.first().zip(history.last()).map(|(a, b)| format!("{} to {}", a.revision, b.revision));
        Err(Error::NoRevision { revision, known })
    }

    /// When each window of `state` that has no start was added, as the history tells. It is read from its end, and only
    /// as far back as needed: one that came back by a rollback was added by that.
    ///
    /// # Errors
    /// As [`Control::read`].
    pub async fn added(&self, state: &State) -> Result<Vec<(WindowId, Timestamp)>, Error> {
        let windows = |state: &State| -> BTreeSet<WindowId> {
            state.sites().flat_map(|(_, site)| &site.windows).map(|window| window.id.clone()).collect()
        };
        let all = state.sites().flat_map(|(_, site)| &site.windows);
        let mut open: BTreeSet<WindowId> =
            all.filter(|window| window.start.is_none()).map(|window| window.id.clone()).collect();
        let mut added: BTreeMap<WindowId, Timestamp> = BTreeMap::new();
        let mut before = state.revision.checked_add(1);
        while !open.is_empty() {
            let page = self.page(before, STEP).await?;
            let Some(first) = page.first() else { break };
            before = Some(first.revision);
            for then in page.iter().rev() {
                let there = windows(then);
                open.retain(|id| there.contains(id));
                added.extend(open.iter().map(|id| (id.clone(), then.change.at)));
            }
        }
        Ok(added.into_iter().collect())
    }

    async fn base(&self) -> Result<Base, Error> {
        let entry = match self.entry().await {
            Ok(Some(entry)) => entry,
            Ok(None) => return self.recover(PutMode::Create).await,
            Err(store::Error::TooLarge { .. }) => {
                // The store sets values aside that are too large to be read; see `FileStore`.
                self.store.delete(STATE).await?;
                return self.recover(PutMode::Create).await;
            }
            Err(error) => return Err(error.into()),
        };
        match State::from_bytes(&entry.value) {
            Ok(state) => {
                Ok(Base { state, mode: PutMode::Update(entry.version), lies_there: Some(entry.value) })
            }
            Err(why @ Unreadable::Newer { .. }) => Err(Error::Unreadable { store: self.store.url(), why }),
            Err(Unreadable::Damaged { .. }) => {
                let version = self.set_aside(entry).await?;
                self.recover(PutMode::Update(version)).await
            }
        }
    }

    /// What lies in the State's place. Damage may have been done on the way here, so it must be read twice.
    async fn entry(&self) -> store::Result<Option<Entry>> {
        let Some(entry) = self.store.get(STATE).await? else { return Ok(None) };
        let Err(Unreadable::Damaged { .. }) = State::from_bytes(&entry.value) else { return Ok(Some(entry)) };
        // In another way, since what garbles an answer may garble its repetition alike; a list may leave it out.
        let again = match self.store.list(STATE).await?.into_iter().find(|entry| entry.key == STATE) {
            Some(listed) => Some(listed),
            None => self.store.get(STATE).await?,
        };
        let is_good = |again: &Entry| again.value == entry.value || State::from_bytes(&again.value).is_ok();
        let why = "it reads differently each time: look at the network between here and there, and try again";
        again
            .filter(is_good)
            .map_or_else(|| Err(self.away(&format!("reading `{STATE}`"), &why)), |it| Ok(Some(it)))
    }

    fn away(&self, doing: &str, why: &dyn std::fmt::Display) -> store::Error {
        store::Error::Away {
            store: self.store.url(),
            doing: doing.to_owned(),
            source: why.to_string().into(),
        }
    }

    async fn set_aside(&self, entry: Entry) -> Result<Version, Error> {
        let key = format!("{DAMAGED}{}-{}", Timestamp::now().as_millis(), fastrand::u16(..));
        tracing::warn!(store = %self.store.url(), bytes = entry.value.len(), "the state is damaged; its bytes are kept under {key}");
        self.store.put(&key, entry.value, PutMode::Create).await?;
        Ok(entry.version)
    }

    /// The last State that anyone knew, an instance or the history; or else an empty one.
    async fn recover(&self, mode: PutMode) -> Result<Base, Error> {
        let begun = tokio::time::Instant::now();
        loop {
            let kept = newest(&*self.store, KEPT).await?;
            // An instance that holds a State looks once a second, and knows more than the history.
            if kept.is_some() || begun.elapsed() > HANDING_OVER || !self.is_held_by_someone().await? {
                // Unless it is behind.
                let filed = newest(&*self.store, "history/").await?;
                let last = kept.into_iter().chain(filed).max_by_key(age);
                return Ok(Base { state: last.unwrap_or_default(), mode, lies_there: None });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn is_held_by_someone(&self) -> Result<bool, Error> {
        let reports = fleet::reports(&*self.store).await?;
        Ok(reports.iter().any(|report| report.lineage.is_some() && report.place.lives() != Some(Life::Dead)))
    }

    /// Signs `next` and numbers it above everything that any instance holds, so that all of them will follow.
    async fn number(&self, next: &mut State, note: &str) -> Result<Followers, Error> {
        let now = Timestamp::now();
        let mut followers = Followers::Along;
        for report in fleet::reports(&*self.store).await? {
            let Some(lineage) = report.lineage else { continue };
            if lineage == next.lineage && report.revision > next.revision {
                (next.revision, followers) = (report.revision, Followers::Astray);
            } else if lineage != next.lineage && next.replaces.as_ref() != Some(&lineage) {
                (next.replaces, followers) = (Some(lineage), Followers::Astray);
            }
        }
        // Nothing comes after the last number but another history.
        next.revision = next.revision.checked_add(1).unwrap_or_else(|| {
            next.replaces = Some(std::mem::replace(&mut next.lineage, Lineage::random()));
            1
        });
        next.forget_past(now);
        next.schema = next.schema_needed();
        next.change = Change { id: random_name(), at: now, by: self.signed().await?, note: note.to_owned() };
        Ok(followers)
    }

    async fn signed(&self) -> Result<String, Error> {
        Ok(match self.store.signature().await? {
            Some(signature) => format!("{}, {signature}", self.by),
            None => self.by.clone(),
        })
    }

    async fn file(&self, state: &State, bytes: Bytes) -> Result<(), Error> {
        match self.store.put(&history_key(state), bytes, PutMode::Create).await {
            Ok(_) | Err(store::Error::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts `ours` in the State's place, and finds out whether it landed if its answer was lost.
    async fn swap(&self, ours: &State, bytes: Bytes, mode: PutMode) -> Result<Swap, Error> {
        let put = || self.store.put(STATE, bytes.clone(), mode.clone());
        match put().await {
            Ok(_) => return Ok(Swap::Landed),
            Err(store::Error::Conflict { .. }) => return Ok(Swap::Overtaken),
            Err(store::Error::Away { .. }) if self.is_there(ours).await? => return Ok(Swap::Landed),
            Err(store::Error::Away { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        // It may still be on its way. Whichever of the two comes first, the other one is a conflict.
        match put().await {
            Ok(_) => Ok(Swap::Landed),
            Err(_) if self.is_there(ours).await? => Ok(Swap::Landed),
            Err(store::Error::Conflict { .. }) => Ok(Swap::Overtaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether `ours` landed although its answer was lost: it lies there, or was filed by whoever replaced it.
    async fn is_there(&self, ours: &State) -> Result<bool, Error> {
        let unknown = |source| Error::Unknown { store: self.store.url(), source };
        for key in [STATE, &history_key(ours)] {
            let Some(entry) = self.store.get(key).await.map_err(unknown)? else { continue };
            match State::from_bytes(&entry.value) {
                Ok(found) if found.change.id == ours.change.id => return Ok(true),
                Ok(_) => {}
                // It may be ours, garbled on its way here.
                Err(why) => return Err(unknown(self.away(&format!("reading `{key}` back"), &why))),
            }
        }
        Ok(false)
    }

    async fn landed(&self, state: State) -> Result<Outcome, Error> {
        // They have done their part and go into their histories. Should this fail, the next change does it, and the
        // next recovery still takes the newest.
        for entry in self.store.list(KEPT).await.unwrap_or_default() {
            // One with a number of this history that is still to come is none of its past.
            if let Ok(kept) = State::from_bytes(&entry.value)
                && (kept.lineage != state.lineage || kept.revision < state.revision)
                && self.file(&kept, entry.value).await.is_ok()
            {
                let _ = self.store.delete(&entry.key).await;
            }
        }
        Ok(Outcome::Written(state))
    }
}

/// The newest readable State below `prefix`.
pub(crate) async fn newest(store: &dyn Store, prefix: &str) -> store::Result<Option<State>> {
    let entries = store.list(prefix).await?;
    let states = entries.iter().filter_map(|entry| State::from_bytes(&entry.value).ok());
    Ok(states.max_by_key(age))
}

/// By which the later of two States is told, of whatever history they are.
fn age(state: &State) -> (Timestamp, u64) {
    (state.change.at, state.revision)
}

/// The bytes of `state`, if they can be read again: what a program puts together need not be what a file may say.
fn legible(state: &State) -> Result<Vec<u8>, Error> {
    let bytes = state.to_bytes();
    match State::from_bytes(&bytes) {
        Ok(_) => Ok(bytes),
        Err(why) => Err(Error::Refused(format!("the changed state could not be read again: {why}"))),
    }
}

fn history_key(state: &State) -> String {
    filed_under(&state.lineage, state.revision)
}

fn filed_under(lineage: &Lineage, revision: u64) -> String {
    format!("history/{lineage}/{revision:020}")
}

fn way_out(why: &Unreadable) -> &'static str {
    match why {
        Unreadable::Newer { .. } => "",
        Unreadable::Damaged { .. } => {
            "; `backsoon on` or `off` sets the damaged bytes aside and goes on from the last known state"
        }
    }
}

// === impl Outcome ===

impl Outcome {
    /// The State that is in the store now.
    pub fn state(&self) -> &State {
        match self {
            Self::Written(state) | Self::Unchanged(state) => state,
        }
    }
}

//! Who follows a store: what one instance says of itself, and the roster of all of them; and who still stands
//! behind the windows that programs have added.

mod claim;
mod forget;
mod known;
mod lookout;
mod place;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::document::{Host, Lineage, Mode, Source, State, WindowId};
use crate::running::{Cut, Running};
use crate::store::{self, PutMode, Store};
use crate::tally::Tally;
use crate::time::Timestamp;

pub use claim::NotClaimed;
pub use forget::NotForgotten;
pub use known::UnknownSite;
pub use lookout::Lookout;
pub use place::Place;

/// Where reports are filed.
pub(crate) const ROSTER: &str = "roster/";
/// Where leases on windows are filed.
const LEASES: &str = "leases/";
/// How long whoever has a change already is watched for a beat.
const BEAT: Duration = Duration::from_millis(1500);

/// What one instance says of itself. A reader ignores what a newer program adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its name, unique on the roster.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The version of Backsoon in it.
    pub program: String,
    /// Where it runs.
    pub place: Place,
    /// Counts its reports: while this moves, it lives.
    pub beat: u64,
    /// After this many milliseconds without a new beat it is lost.
    pub lease_ms: u64,
    /// Its own clock when it wrote this.
    pub clock: Timestamp,
    /// The history of the State that is in force there, if one is.
    pub lineage: Option<Lineage>,
    /// The revision of it; 0 without one.
    pub revision: u64,
    /// The sites that are not open there.
    pub closings: BTreeMap<Host, Mode>,
    /// The hosts that it is known to serve; none: any.
    pub serves: Vec<Host>,
    /// Requests that still run under what was replaced, per site.
    pub draining: BTreeMap<Host, usize>,
    /// Requests that wait.
    pub held: usize,
    /// The request that has run longest among those, per site.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub oldest: BTreeMap<Host, Running>,
    /// The newest requests that it has cut.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
    /// How many it has cut since it started.
    #[serde(default)]
    pub cut_total: u64,
    /// Requests that run, under whatever site.
    #[serde(default)]
    pub running: usize,
    /// How many it has refused since it started; none: it is too old to count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<u64>,
    /// What it has counted of the closings in force and of those that ended within the last 15 minutes, if anything: of
    /// the newest 64, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tallies: Vec<Tally>,
    /// Of how many closings more it has counted something.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub tallies_left_out: usize,
    /// The rules of its own that let requests pass whatever the State says, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admits: Vec<String>,
    /// The rules of its own that refuse requests whatever the State says, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refuses: Vec<String>,
    /// The rules of the State that cannot be carried out there, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignores: Vec<String>,
    /// What it does when it is lost.
    #[serde(default)]
    pub on_lost: OnLost,
    /// Whether its requests can wait.
    #[serde(default)]
    pub holding: Holding,
    /// Whether every request that it lets in is among those that it counts.
    #[serde(default)]
    pub counts: Counts,
    /// How long ago it last heard from the store, in milliseconds.
    pub age_ms: u64,
    /// What keeps it from doing what is asked for, in sentences.
    pub troubles: Vec<String>,
    /// What else is not as it should be, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// What an instance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Our reverse proxy.
    Gate,
    /// An application that answers HTTP.
    #[default]
    Web,
    /// A process that takes work from a queue.
    Worker,
    /// One run of a command.
    Job,
    /// It is asked by a proxy that was there before, and lets nobody in itself.
    Auth,
    /// It keeps files equal to the State, by which a proxy decides.
    Mirror,
}

/// What an instance does when nobody has heard from it for its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnLost {
    /// It goes on by the last known State: visitors never notice that the store is away.
    #[default]
    Keep,
    /// It closes itself until it is heard from again, so that others may count on it.
    Close,
}

/// What an instance does with requests in [`Mode::Hold`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holding {
    /// It lets them wait.
    #[default]
    Waits,
    /// It cannot, because a waiting request would take up a whole worker: it refuses them.
    Refuses,
}

/// Whether an instance knows of every request that runs because it said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counts {
    /// It does: each has a permit until its last byte.
    #[default]
    All,
    /// Only of those that pass through it. A proxy runs others by its word, and nobody tells when they end.
    Own,
}

/// Everyone on the roster, by name.
#[derive(Debug, Clone, Default)]
pub struct Roster(pub Vec<Member>);

/// One instance on the roster, as seen from here.
#[derive(Debug, Clone)]
pub struct Member {
    /// What it says of itself.
    pub report: Report,
    /// Whether it lives.
    pub life: Life,
}

/// Whether an instance lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// Its beat moves, or its process is there.
    Live,
    /// Its beat has not moved yet, but we have not watched it for its lease either: nobody can tell.
    Unheard,
    /// Its beat has stopped without a farewell: it may still be serving.
    Lost,
    /// It is lost, and by its own lease it has closed itself. Requests from before may still run there.
    Fenced,
    /// Its process, on this machine, has ended without a farewell.
    Dead,
}

/// A program's word that it still stands behind a window which it has added and will end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The window.
    pub window: WindowId,
    /// Where the program runs.
    pub place: Place,
    /// Counts the renewals: while this moves, the lease holds.
    pub beat: u64,
    /// After this many milliseconds without a new beat the window is lapsed.
    pub lease_ms: u64,
}

// === impl Roster ===

impl Roster {
    /// Reads the roster and finds out who lives.
    ///
    /// Processes of this machine are looked up at once. Others are watched until their beat moves, at most for
    /// their lease and at most for `patience`: clocks of two machines are never compared.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn observe(store: &dyn Store, patience: Duration) -> store::Result<Self> {
        let begun = tokio::time::Instant::now();
        let mut lookout = Lookout::new();
        loop {
            let roster = Self::look(store, &mut lookout).await?;
            let left = patience.saturating_sub(begun.elapsed());
            let unheard = roster.0.iter().any(|member| member.life == Life::Unheard);
            if !unheard || left.is_zero() {
                return Ok(roster);
            }
            tokio::time::sleep(Duration::from_millis(50).min(left)).await;
        }
    }

    /// Reads the roster once more for `lookout`, whose earlier looks tell who lives.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn look(store: &dyn Store, lookout: &mut Lookout) -> store::Result<Self> {
        let reports = reports(store).await?;
        lookout.look(&reports);
        Ok(Self(reports.into_iter().map(|report| Member { life: lookout.life(&report), report }).collect()))
    }

    /// Waits until every instance that may live has `state` in force or `patience` is over, and returns the last look.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn follow(store: &dyn Store, state: &State, patience: Duration) -> store::Result<Self> {
        let begun = tokio::time::Instant::now();
        let mut lookout = Lookout::new();
        loop {
            let roster = Self::look(store, &mut lookout).await?;
            let left = patience.saturating_sub(begun.elapsed());
            let heard = begun.elapsed() >= BEAT || roster.0.iter().all(|member| member.life != Life::Unheard);
            if left.is_zero() || heard && roster.present().all(|report| report.has(state)) {
                return Ok(roster);
            }
            tokio::time::sleep(Duration::from_millis(25).min(left)).await;
        }
    }

    /// The reports of those who live.
    pub fn live(&self) -> impl Iterator<Item = &Report> {
        self.0.iter().filter(|member| member.life == Life::Live).map(|member| &member.report)
    }

    /// The reports of those who live, and of those of whom nobody can tell yet.
    pub fn present(&self) -> impl Iterator<Item = &Report> {
        let present = |member: &&Member| matches!(member.life, Life::Live | Life::Unheard);
        self.0.iter().filter(present).map(|member| &member.report)
    }

    /// Whether nobody follows the store.
    pub fn is_empty(&self) -> bool {
        self.present().next().is_none()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_nothing(count: &usize) -> bool {
    *count == 0
}

/// Every readable report; one that is damaged is nobody's.
pub(crate) async fn reports(store: &dyn Store) -> store::Result<Vec<Report>> {
    let entries = store.list(ROSTER).await?;
    Ok(entries.iter().filter_map(|entry| serde_json::from_slice(&entry.value).ok()).collect())
}

// === impl Lease ===

impl Lease {
    /// Files it, in place of the one before.
    pub(crate) async fn renew(&self, store: &dyn Store) -> store::Result<()> {
        // A lease is an object of plain fields and always serialises.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        store.put(&format!("{LEASES}{}", self.window), bytes.into(), PutMode::Overwrite).await.map(drop)
    }

    /// The lease on `window`, if there is one that can be read.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn of(store: &dyn Store, window: &WindowId) -> store::Result<Option<Self>> {
        let found = store.get(&format!("{LEASES}{window}")).await?;
        Ok(found.and_then(|entry| serde_json::from_slice(&entry.value).ok()))
    }

    /// Takes the lease on `window` away.
    pub(crate) async fn give_up(store: &dyn Store, window: &WindowId) -> store::Result<()> {
        store.delete(&format!("{LEASES}{window}")).await
    }
}

/// Every readable lease; one that is damaged is nobody's.
async fn leases(store: &dyn Store) -> store::Result<Vec<Lease>> {
    let entries = store.list(LEASES).await?;
    Ok(entries.iter().filter_map(|entry| serde_json::from_slice(&entry.value).ok()).collect())
}

/// The windows of commands and of code in `state` that nobody stands behind any more: they stay in force, and only an
/// operator will end them.
///
/// A window without a lease is lapsed, and so is one whose process has ended on this machine. Others are watched
/// until their beat moves, at most for `patience`: only one that was watched for its whole lease and did not move is
/// lapsed. So with no patience at all the answer comes at once and is true, but may leave some out.
///
/// # Errors
/// When the store is away.
pub async fn lapsed(store: &dyn Store, state: &State, patience: Duration) -> store::Result<Vec<WindowId>> {
    let begun = tokio::time::Instant::now();
    let first = leases(store).await?;
    let windows = || state.sites().flat_map(|(_, site)| &site.windows);
    let by_programs = || windows().filter(|window| matches!(window.source, Source::Run | Source::Code));
    let mut now = first.clone();
    loop {
        let waited = begun.elapsed();
        let is_stopped =
            |lease: &Lease| first.iter().any(|b| b.window == lease.window && b.beat == lease.beat);
        let is_over = |lease: &Lease| waited >= Duration::from_millis(lease.lease_ms);
        let is_dead = |lease: &Lease| lease.place.lives() == Some(Life::Dead);
        let find = |id: &WindowId| now.iter().find(|lease| lease.window == *id);
        let is_open = |id: &WindowId| find(id).is_some_and(|l| is_stopped(l) && !is_dead(l) && !is_over(l));
        if waited >= patience || !by_programs().any(|window| is_open(&window.id)) {
            let held = |id: &WindowId| find(id).is_some_and(|l| !(is_dead(l) || is_stopped(l) && is_over(l)));
            return Ok(by_programs().map(|window| &window.id).filter(|id| !held(id)).cloned().collect());
        }
        tokio::time::sleep(Duration::from_millis(200).min(patience - waited)).await;
        now = leases(store).await?;
    }
}

// === impl Report ===

impl Report {
    /// Everything that is not as it should be: the troubles first.
    pub fn complaints(&self) -> impl Iterator<Item = &str> {
        self.troubles.iter().chain(&self.remarks).map(String::as_str)
    }

    /// What an instance says that has heard of nothing yet.
    pub(crate) fn new(name: &str, kind: Kind, place: Place) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            program: env!("CARGO_PKG_VERSION").into(),
            place,
            beat: 0,
            lease_ms: 10_000,
            clock: Timestamp::now(),
            lineage: None,
            revision: 0,
            closings: BTreeMap::new(),
            serves: Vec::new(),
            draining: BTreeMap::new(),
            held: 0,
            oldest: BTreeMap::new(),
            cuts: Vec::new(),
            cut_total: 0,
            running: 0,
            refused: None,
            tallies: Vec::new(),
            tallies_left_out: 0,
            admits: Vec::new(),
            refuses: Vec::new(),
            ignores: Vec::new(),
            on_lost: OnLost::Keep,
            holding: Holding::Waits,
            counts: Counts::All,
            age_ms: u64::MAX,
            troubles: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// After how long a silence, by the clock of whoever listens, it has surely closed itself; none: never. Its lease
    /// runs from before its last report was written, so clocks that differ by a tenth are allowed for. A mirror that has
    /// ended closes nothing any more.
    pub fn fenced_after(&self) -> Option<Duration> {
        let lease = Duration::from_millis(self.lease_ms);
        let closes_itself = self.on_lost == OnLost::Close && self.kind != Kind::Mirror;
        closes_itself.then(|| lease + lease / 10 + Duration::from_secs(1))
    }

    /// Whether it still serves, if its process tells. Behind a mirror that has ended the proxy goes on by its files.
    pub(crate) fn lives(&self) -> Option<Life> {
        let outlived = |life: &Life| self.kind == Kind::Mirror && *life == Life::Dead;
        self.place.lives().filter(|life| !outlived(life))
    }

    /// Whether `state` or a later revision of it is in force there.
    pub fn has(&self, state: &State) -> bool {
        self.lineage.as_ref() == Some(&state.lineage) && self.revision >= state.revision
    }
}

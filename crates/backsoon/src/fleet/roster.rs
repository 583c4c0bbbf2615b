//! The roster: everyone who follows a store, and who of them lives.

use std::time::Duration;

use serde::Serialize;

use super::{Lookout, Report, reports};
use crate::document::State;
use crate::store::{self, Store};

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
    /// Its beat moves, or its process is there and was not silent for its lease.
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

/// How long whoever has a change already is watched for a beat.
const BEAT: Duration = Duration::from_millis(1500);

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
        let member = |mut report: Report| {
            let life = lookout.life(&report);
            // What troubled one that has ended troubles nobody any more.
            if life == Life::Dead {
                report.troubles.clear();
                report.remarks.clear();
            }
            Member { report, life }
        };
        Ok(Self(reports.into_iter().map(member).collect()))
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

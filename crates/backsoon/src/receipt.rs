//! The proof that a change is in force everywhere: every instance has applied it, and its earlier requests have ended.
//!
//! An instance confirms by reporting all of these at once:
//! 1. this lineage and this revision, or a later one,
//! 2. on every site concerned, a mode at least as strict as the one asked for,
//! 3. no request left there that was admitted before the site became stricter,
//! 4. nothing that it refuses to apply.
//!
//! Behind a proxy that only asks ([`Counts::Own`](crate::fleet::Counts::Own)) nobody knows when earlier requests end:
//! then a closing is *in force* and never confirmed.
//!
//! A report with the new revision was written after the change, so it needs no clock to be believed. One without it
//! is *late*; if its beat has not moved for its lease, by the reader's clock, it is *lost* and blocks the receipt all the
//! same, since it may still be serving. A process that has ended on this machine serves nobody and blocks nothing, unless it
//! is a mirror: its proxy goes on by the files that it left. What it had handed on to others may run on: then a closing
//! is *forced*, and the receipt names who has ended ([`Ended`]).

mod expect;
mod judge;
mod late;
mod server;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

pub use self::expect::{Expect, Lost};
use self::judge::{admits, judge, look, mode};
pub use self::late::Late;
pub use self::server::{Ended, Server, ServerCut};
use crate::control::Control;
use crate::decide::Local;
use crate::document::{Host, Lineage, Mode, State};
use crate::fleet::{self, Life, Lookout, Report, Roster};
use crate::snapshot::Snapshot;
use crate::store;
use crate::time::Timestamp;

/// What was found, and whether that is what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Whether everyone has confirmed.
    pub verdict: Verdict,
    /// The store's URL.
    pub store: String,
    /// The document's history.
    pub lineage: Lineage,
    /// The revision that was asked for.
    pub revision: u64,
    /// The sites concerned and the mode asked for on each.
    pub sites: BTreeMap<Host, Mode>,
    /// Everyone on the roster.
    pub servers: Vec<Server>,
    /// What is let in all the same on these sites, by the State's rules; each server's own are with the server.
    pub admits: Vec<String>,
    /// Requests that were cut for the sake of this change; if there are any, nothing was clean.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<ServerCut>,
    /// Servers of this machine that have ended without a farewell within the last 15 minutes and had handed requests on;
    /// if there are any, a closing was not clean.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<Ended>,
    /// How many earlier requests were seen to be running at most, all of which have ended if this is confirmed.
    pub drained: usize,
    /// From the question to the last look, in milliseconds.
    pub took_ms: u64,
}

/// Whether a change is in force everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everyone has it, and every earlier request has ended by itself.
    Confirmed,
    /// Everyone has it, and no earlier request runs any more on them; some were cut, or left behind by a server that has ended.
    Forced,
    /// Everyone has it, and every earlier request that anybody counts has ended; behind some servers nobody counts them.
    InForce,
    /// Everyone has it, and it will be in force at its time; nothing is closed yet.
    Scheduled,
    /// Somebody is late, or too few are there.
    NotConfirmed,
}

// === impl Control ===

impl Control {
    /// Waits until `state` is in force everywhere, at most for `patience`, and says what was found.
    ///
    /// `each` is shown every look, for a display that follows along.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn wait(
        &self,
        state: &State,
        expect: &Expect,
        patience: Duration,
        mut each: impl FnMut(&Receipt),
    ) -> store::Result<Receipt> {
        let begun = Instant::now();
        let expect = &Expect { asked: expect.asked.or_else(|| Some(Timestamp::now())), ..expect.clone() };
        let mut lookout = Lookout::new();
        let mut drained = 0;
        let mut pause = Duration::from_millis(5);
        loop {
            let looked = Instant::now();
            let mut receipt = self.receipt(state, expect, &mut lookout).await?;
            let draining = receipt.servers.iter().map(|server| match server.late {
                Some(Late::Draining { requests, .. }) => requests,
                _ => 0,
            });
            drained = drained.max(draining.sum());
            receipt.drained = drained;
            receipt.took_ms = begun.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
            each(&receipt);
            if receipt.verdict != Verdict::NotConfirmed || begun.elapsed() >= patience {
                return Ok(receipt);
            }
            if receipt.is_in_vain() && self.is_overtaken(state, expect).await {
                return Ok(receipt);
            }
            // The roster of a large fleet takes the store's time, which its instances need as well.
            let pause_now = pause.max(looked.elapsed());
            tokio::time::sleep(pause_now.min(patience.saturating_sub(begun.elapsed()))).await;
            pause = (pause * 2).min(Duration::from_millis(200));
        }
    }

    /// Whether what lies in the store does not close any more what was to be closed. A server may say so for its clock alone.
    async fn is_overtaken(&self, state: &State, expect: &Expect) -> bool {
        let Ok(Some(newest)) = self.read().await else { return false };
        let settle = |state: &State, at| Snapshot::settle(state, &Local::default(), at, None);
        let asked = settle(state, expect.asked.unwrap_or_else(Timestamp::now));
        let now = settle(&newest, Timestamp::now());
        expect.sites.iter().any(|host| mode(&now, host) < mode(&asked, host))
    }

    /// Looks once whether `state` is in force everywhere. Who is lost is told by the earlier looks of `lookout`.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn receipt(
        &self,
        state: &State,
        expect: &Expect,
        lookout: &mut Lookout,
    ) -> store::Result<Receipt> {
        let reports = fleet::reports(&**self.store()).await?;
        Ok(Receipt { store: self.store().url(), ..look(state, expect, &reports, lookout) })
    }
}

// === impl Receipt ===

impl Receipt {
    /// Whether somebody says that it will hardly be confirmed any more.
    fn is_in_vain(&self) -> bool {
        let is = |server: &Server| matches!(server.late, Some(Late::Overtaken { .. } | Late::Over { .. }));
        self.servers.iter().any(is)
    }

    /// What `roster` proves, which was read for `lookout` from the store at `store`, and not begun to be read before
    /// `state` lay there. It proves as much a moment later: who has confirmed has, and whoever has joined since found this
    /// State or a later one. One that was begun earlier proves nothing: it may miss somebody who joined before the change.
    pub fn of(store: String, state: &State, expect: &Expect, roster: &Roster, lookout: &Lookout) -> Self {
        let reports: Vec<&Report> = roster.0.iter().map(|member| &member.report).collect();
        Self { store, ..judge(state, expect, &reports, lookout) }
    }

    /// What a receipt for `state` would say is let in all the same, with these modes on `sites`, on the servers of `roster`.
    pub fn admits(state: &State, sites: &BTreeMap<Host, Mode>, roster: &Roster) -> Vec<String> {
        let reports = roster.0.iter().map(|member| &member.report);
        admits(state, sites, &reports.filter(|report| report.lives() != Some(Life::Dead)).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests;

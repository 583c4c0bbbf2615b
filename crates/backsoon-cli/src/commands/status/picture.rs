//! Everything that there is to know about a store and who follows it.

use std::time::Duration;

use anyhow::Result;
use backsoon::control::Found;
use backsoon::document::{Unreadable, WindowId};
use backsoon::fleet::{self, Life, Member, Roster};
use backsoon::impact::Impact;
use backsoon::time::Timestamp;
use backsoon::{Host, State, Window};

use super::Desk;
use crate::output::plain;
use crate::when;

/// How long instances on other machines are watched for a beat.
const BEAT: Duration = Duration::from_millis(1500);

/// How long the leases of programs' windows are watched: longer than one of them lasts. Only one that does not move
/// is watched to the end.
const LEASE: Duration = Duration::from_secs(7);

/// Everything that was found out.
pub(super) struct Picture {
    pub(super) now: Timestamp,
    pub(super) store: String,
    pub(super) state: Option<State>,
    pub(super) unreadable: Option<Unreadable>,
    /// What in the store's set-up may lose a state, in sentences.
    pub(super) caveats: Vec<String>,
    pub(super) roster: Roster,
    /// Windows of programs that nobody stands behind any more.
    pub(super) lapsed: Vec<WindowId>,
    /// When the windows without a start were added.
    added: Vec<(WindowId, Timestamp)>,
}

// === impl Picture ===

impl Picture {
    pub(super) async fn take(desk: &Desk) -> Result<Self> {
        let now = Timestamp::now();
        let (before, _) = find(desk).await?;
        let store = &**desk.store();
        let before = before.unwrap_or_default();
        let lapsed = fleet::lapsed(store, &before, LEASE);
        let (roster, lapsed, caveats) = tokio::join!(Roster::observe(store, BEAT), lapsed, store.caveats());
        // A window that ended while we watched has not lapsed.
        let (state, unreadable) = find(desk).await?;
        let windows = state.iter().flat_map(State::sites).flat_map(|(_, site)| &site.windows);
        let there: Vec<&WindowId> = windows.map(|window| &window.id).collect();
        let lapsed = lapsed.map(|ids| ids.into_iter().filter(|id| there.contains(&id)).collect::<Vec<_>>());
        let added = match &state {
            Some(state) => desk.control.added(state).await?,
            None => Vec::new(),
        };
        let (store, roster, lapsed) = (store.url(), roster?, lapsed?);
        Ok(Self { now, store, state, unreadable, caveats, roster, lapsed, added })
    }

    /// Since when a window is in force.
    pub(super) fn since(&self, window: &Window) -> Option<Timestamp> {
        let added = || self.added.iter().find(|(id, _)| *id == window.id).map(|(_, at)| *at);
        window.start.or_else(added).filter(|since| *since <= self.now)
    }

    /// What a window has done to visitors so far, if it is in force.
    pub(super) fn impact(&self, host: &Host, window: &Window) -> Option<Impact> {
        let since = self.since(window).filter(|_| window.in_force(self.now))?;
        Some(Impact::so_far(host, window, Some(since), self.state.as_ref()?, &self.roster))
    }

    /// What is not as it should be, in sentences with the way out.
    pub(super) fn troubles(&self, desk: &Desk) -> Vec<String> {
        let url = &self.store;
        let mut troubles = Vec::new();
        match (&self.state, &self.unreadable) {
            (_, Some(why @ Unreadable::Newer { .. })) => {
                troubles.push(format!("the state in {url} was not read: {why}"));
            }
            (_, Some(why)) => troubles.push(format!(
                "the state in {url} was not read: {}. Instances keep what they had; `{}` or `{}` sets the damaged bytes aside and goes on from the last known state",
                plain(&why.to_string()), desk.command("on"), desk.command("off")
            )),
            (None, None) if self.roster.present().any(|report| report.revision > 0) => troubles.push(format!(
                "{url} is empty, but instances hold a state from it; `{}` or `{}` puts it back and goes on from there",
                desk.command("on"), desk.command("off")
            )),
            _ => {}
        }
        if self.roster.is_empty() {
            troubles.push(format!("nobody follows {url}: no server closes or opens because of it"));
        }
        for Member { report, life } in &self.roster.0 {
            let name = plain(&report.name);
            troubles.extend(report.complaints().map(|trouble| format!("{name}: {}", plain(trouble))));
            match life {
                Life::Lost => troubles.push(format!(
                    "{name} is lost: its beat stopped without a farewell, so it may still be serving"
                )),
                Life::Fenced => troubles.push(format!(
                    "{name} is fenced: its beat stopped, and by its own lease it has closed itself; earlier requests may still run there"
                )),
                Life::Dead => troubles.push(format!("{name} has ended without a farewell")),
                Life::Unheard => troubles.push(format!(
                    "{name} was not heard from in {}, and its lease is {}: nobody can tell yet whether it lives",
                    when::plain(BEAT),
                    when::plain(Duration::from_millis(report.lease_ms))
                )),
                Life::Live => {}
            }
        }
        troubles.extend(self.lapsed.iter().map(|id| {
            let end = desk.command(&format!("off --window {id}"));
            format!("window {id} has lapsed: the program that added it has gone; `{end}` ends it")
        }));
        troubles
    }
}

async fn find(desk: &Desk) -> Result<(Option<State>, Option<Unreadable>)> {
    Ok(match desk.control.find().await? {
        Found::State(state) => (Some(*state), None),
        Found::Unreadable(why) => (None, Some(why)),
        _ => (None, None),
    })
}

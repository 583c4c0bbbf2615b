//! Finds servers that do not confirm a closing, and those that are lost during one.

use std::collections::BTreeMap;
use std::time::Duration;

use backsoon::control::Control;
use backsoon::document::Lineage;
use backsoon::fleet::{Kind, Life, Lookout, Roster};
use backsoon::receipt::{Expect, Late};
use backsoon::store;
use backsoon::{Host, Instance, Mode};
use tokio::time::Instant;

/// The pause between two looks, for so few servers that a look costs little.
const PAUSE: Duration = Duration::from_secs(2);
/// So much longer is the pause for each server: all gates look, and a roster of thousands takes the store's time.
const PER_SERVER: Duration = Duration::from_millis(20);

/// Watches the roster while something is closed.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    lookout: Lookout,
    /// What is closed by which revision, and since when this gate has known it.
    closed: Option<(Closed, Instant)>,
    servers: u32,
}

type Closed = (Lineage, u64, BTreeMap<Host, Mode>);

/// A server that has not confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) trouble: Trouble,
    /// What is in the way, in words.
    pub(crate) problem: String,
    /// For how long it has been asked for; as long as can be for one that is lost, for which nobody need wait.
    pub(crate) since: Duration,
}

/// What is wrong with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It lives, and has not confirmed.
    Unconfirmed,
    /// It may have confirmed before, and nobody knows what it does now.
    Lost,
}

// === impl Watch ===

impl Watch {
    /// How long to wait until the next look.
    pub(crate) fn pause(&self) -> Duration {
        PAUSE + PER_SERVER * self.servers
    }

    /// Looks once; nobody is late while everything is open.
    ///
    /// # Errors
    /// When the store is away; then nobody could have reported either, and everyone's time begins anew.
    pub(crate) async fn look(&mut self, control: &Control, instance: &Instance) -> store::Result<Vec<Found>> {
        let (Some(state), closings) = instance.state_and_closings() else { return Ok(Vec::new()) };
        if closings.is_empty() {
            *self = Self::default();
            return Ok(Vec::new());
        }
        let closed = (state.lineage.clone(), state.revision, closings);
        let since = match &self.closed {
            Some((same, since)) if *same == closed => *since,
            _ => Instant::now(),
        };
        let sites = closed.2.keys().cloned().collect();
        self.closed = Some((closed, since));
        let expect = Expect { sites, ..Expect::default() };
        let looked = async {
            let receipt = control.receipt(&state, &expect, &mut self.lookout).await?;
            let roster = Roster::look(&**control.store(), &mut self.lookout).await?;
            Ok((receipt, roster))
        };
        let (receipt, roster) = match looked.await {
            Ok(found) => found,
            Err(error) => {
                *self = Self::default();
                return Err(error);
            }
        };
        self.servers = roster.0.len().try_into().unwrap_or(u32::MAX);
        let lost = |name: &str| {
            let mut members = roster.0.iter();
            let member = members.find(|member| member.report.name == name && member.life == Life::Lost)?;
            let silent_ms = self.lookout.silence(&member.report.name).as_millis();
            Some(Late::Lost { silent_ms: silent_ms.try_into().unwrap_or(u64::MAX) })
        };
        let late = receipt.servers.iter().filter_map(|server| {
            let late = lost(&server.name).or_else(|| server.late.clone())?;
            let (trouble, since) = match late {
                Late::Lost { .. } => (Trouble::Lost, Duration::MAX),
                _ => (Trouble::Unconfirmed, since.elapsed()),
            };
            let words = late.to_string();
            let problem = words.strip_prefix("lost: ").unwrap_or(&words).to_owned();
            Some(Found { name: server.name.clone(), kind: server.kind, trouble, problem, since })
        });
        Ok(late.collect())
    }
}

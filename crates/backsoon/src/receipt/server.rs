//! One instance in a receipt, and the requests that were cut there.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use serde::Serialize;

use super::Late;
use crate::document::{Host, Mode, State};
use crate::fleet::{Counts, Kind, Life, Report};
use crate::running::{Cut, Running};
use crate::time::Timestamp;

/// One instance, and what keeps it from confirming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Server {
    /// Its name on the roster.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it counts every request that it lets in.
    #[serde(skip_serializing_if = "is_all")]
    pub counts: Counts,
    /// What its own rules and marks let in all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub admits: Vec<String>,
    /// What its own rules refuse all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refuses: Vec<String>,
    /// Which rules of the State cannot be carried out there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignores: Vec<String>,
    /// What is in the way; none: it has confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late: Option<Late>,
}

/// A request that a server has cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerCut {
    /// The server's name.
    pub server: String,
    /// The request, as it was then.
    #[serde(flatten)]
    pub request: Running,
}

fn is_all(counts: &Counts) -> bool {
    *counts == Counts::All
}

/// A server that has ended without a farewell and handed requests on to others, who may still work on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Its name.
    pub server: String,
    /// How many requests ran there by its last report; it may have taken more since.
    pub requests: usize,
    /// The one of them that had run longest, of those that were to drain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Running>,
    /// How long ago it last reported, in milliseconds.
    pub ago_ms: u64,
}

/// For how long whoever got a request from a server that has ended since is taken to be working on it.
const AFTERLIFE: Duration = Duration::from_secs(15 * 60);

/// What `report` tells of requests that were cut for the sake of this change, of a later one, or of an earlier one that keeps
/// these sites closed until now.
pub(super) fn cut(report: &Report, state: &State, sites: &BTreeMap<Host, Mode>) -> Vec<ServerCut> {
    let concerned = |cut: &&Cut| {
        report.lineage.as_ref() == Some(&state.lineage)
            && sites.iter().any(|(site, mode)| {
                (site.covers(&cut.site) || cut.site.covers(site))
                    && (cut.revision >= state.revision || *mode > Mode::Off)
            })
    };
    let named = |cut: &Cut| ServerCut { server: report.name.clone(), request: cut.request.clone() };
    report.cuts.iter().filter(concerned).map(named).collect()
}

/// Whether what `report` says of itself was the last of a server that handed requests on to others, lately enough that
/// somebody may still work on them. Only its own machine can tell, so it is its clock that the report has.
pub(super) fn ended(report: &Report, now: Timestamp) -> Option<Ended> {
    report.leaves_something(now).then(|| Ended {
        server: report.name.clone(),
        requests: report.running,
        oldest: report.oldest.values().max_by_key(|running| running.age_ms).cloned(),
        ago_ms: (now.as_millis() - report.clock.as_millis()).max(0).unsigned_abs(),
    })
}

// === impl Report ===

impl Report {
    /// Whether its server has ended, without a farewell and not long ago, and others may still work on what it had handed
    /// on to them.
    pub(crate) fn leaves_something(&self, now: Timestamp) -> bool {
        let hands_on = matches!(self.kind, Kind::Gate | Kind::Auth);
        let ago = now.as_millis() - self.clock.as_millis();
        hands_on && self.lives() == Some(Life::Dead) && u128::from(ago.unsigned_abs()) < AFTERLIFE.as_millis()
    }
}

// === impl Ended ===

impl Display for Ended {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ago = self.ago_ms / 1000;
        write!(f, "has ended without a farewell; {ago} s ago it had ")?;
        match self.requests {
            0 => f.write_str("no request"),
            1 => f.write_str("1 request"),
            requests => write!(f, "{requests} requests"),
        }?;
        if let Some(Running { method, path, .. }) = &self.oldest {
            write!(f, ", {method} {path} among them")?;
        }
        f.write_str("; what it had handed on may still run")
    }
}

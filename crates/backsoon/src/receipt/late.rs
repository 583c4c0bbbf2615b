//! What keeps an instance from confirming, and how that is said.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::document::{Host, Mode, State};
use crate::fleet::Report;
use crate::running::Running;
use crate::time::Timestamp;

/// What keeps an instance from confirming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case", tag = "why")]
#[non_exhaustive]
pub enum Late {
    /// It lives and has an earlier revision, or none.
    #[error("still has revision {revision}")]
    Behind {
        /// The revision that it has; 0 without one.
        revision: u64,
    },
    /// Its beat has stopped.
    #[error("lost: not heard from for {} s; it may still be serving", .silent_ms / 1000)]
    Lost {
        /// For how long, by the reader's clock, in milliseconds.
        silent_ms: u64,
    },
    /// Its beat has stopped, and by its own lease it has closed itself since.
    #[error("fenced: not heard from for {} s, and has closed itself; earlier requests may still run there", .silent_ms / 1000)]
    Fenced {
        /// For how long, by the reader's clock, in milliseconds.
        silent_ms: u64,
    },
    /// It says why it does not follow.
    #[error("does not follow: {trouble}")]
    Refuses {
        /// In its own words.
        trouble: String,
    },
    /// It has the revision, but a site is less strict there than it should be (a clock that is off, say).
    #[error("{host} is {mode} there (its clock is {skew_ms} ms off ours, the way of the report included)")]
    LessStrict {
        /// The site.
        host: Host,
        /// The mode there.
        mode: Mode,
        /// Its clock in its last report less ours when we read it, in milliseconds.
        skew_ms: i64,
    },
    /// It has a later revision, by which a site is less strict there: what was asked for is not so any more.
    #[error("{host} is {mode} there by revision {revision}, which came later")]
    Overtaken {
        /// The site.
        host: Host,
        /// The mode there.
        mode: Mode,
        /// The later revision.
        revision: u64,
    },
    /// The time of the closing was over before it was confirmed.
    #[error(
        "the closing of {host} is over by its own end; whether it ever was in force everywhere, nobody can tell any more"
    )]
    Over {
        /// The site.
        host: Host,
    },
    /// Earlier requests still run.
    #[error("{}", still_running(*.requests, .oldest.as_ref()))]
    Draining {
        /// How many.
        requests: usize,
        /// The one that has run longest.
        #[serde(skip_serializing_if = "Option::is_none")]
        oldest: Option<Running>,
    },
}

/// `3 earlier requests still run, the oldest POST /checkout for 12 s`
fn still_running(requests: usize, oldest: Option<&Running>) -> String {
    let (s, verb) = if requests == 1 { ("", "runs") } else { ("s", "run") };
    let named = |running: &Running| {
        let Running { method, path, age_ms } = running;
        let the_oldest = if requests == 1 { "" } else { "the oldest " };
        format!(", {the_oldest}{method} {path} for {} s", age_ms / 1000)
    };
    format!("{requests} earlier request{s} still {verb}{}", oldest.map(named).unwrap_or_default())
}

/// What keeps the instance of `report` from confirming; none: it has confirmed.
pub(super) fn late(
    state: &State,
    sites: &BTreeMap<Host, Mode>,
    over: Option<&Host>,
    report: &Report,
    silence: Duration,
    now: Timestamp,
) -> Option<Late> {
    let silent_ms = silence.as_millis().try_into().unwrap_or(u64::MAX);
    let lost = silent_ms > report.lease_ms;
    let fenced = report.fenced_after().is_some_and(|fenced| silence >= fenced);
    if !report.has(state) {
        return Some(match report.troubles.first() {
            _ if fenced => Late::Fenced { silent_ms },
            _ if lost => Late::Lost { silent_ms },
            Some(trouble) => Late::Refuses { trouble: trouble.clone() },
            None => Late::Behind { revision: report.revision },
        });
    }
    let there = |host: &Host| report.closings.get(host).copied().unwrap_or_default();
    if let Some(host) = over {
        return Some(Late::Over { host: host.clone() });
    }
    if let Some((host, _)) = sites.iter().find(|(host, mode)| there(host) < **mode) {
        let (host, mode) = (host.clone(), there(host));
        // A request that it lets in, or that runs there from before, is none of those that draining counts.
        if report.revision > state.revision || report.lineage.as_ref() != Some(&state.lineage) {
            return Some(Late::Overtaken { host, mode, revision: report.revision });
        }
        // It may say why itself, as a mirror does whose files cannot tell this site from others.
        if let Some(trouble) = report.troubles.first() {
            return Some(Late::Refuses { trouble: trouble.clone() });
        }
        let skew_ms = report.clock.as_millis() - now.as_millis();
        return Some(Late::LessStrict { host, mode, skew_ms });
    }
    let is_concerned = |host: &Host| sites.keys().any(|site| site.covers(host));
    let draining = report.draining.iter().filter(|(host, _)| is_concerned(host));
    match draining.map(|(_, requests)| requests).sum() {
        0 => None,
        _ if fenced => Some(Late::Fenced { silent_ms }),
        _ if lost => Some(Late::Lost { silent_ms }),
        requests => {
            let oldest =
                report.oldest.iter().filter(|(host, _)| is_concerned(host)).map(|(_, oldest)| oldest);
            Some(Late::Draining { requests, oldest: oldest.max_by_key(|running| running.age_ms).cloned() })
        }
    }
}

//! One revision made ready: every site with its mode settled and its replies rendered.

mod closed;
mod plan;
mod settled;
mod upcoming;

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;

pub use self::closed::Closed;
use self::plan::Plan;
pub use self::settled::Settled;
pub use self::upcoming::{UPCOMING_HEADER, Upcoming};
use crate::decide::Local;
use crate::document::{Host, State, plain_host};
use crate::pass::Passes;
use crate::time::Timestamp;

/// Every site of one State, settled at one moment. Valid until the next edge of a window.
#[derive(Debug)]
pub struct Snapshot {
    any: Arc<Settled>,
    hosts: FxHashMap<Box<str>, Arc<Settled>>,
    /// By the part after `*`, its dot included.
    suffixes: FxHashMap<Box<str>, Arc<Settled>>,
    next_edge: Option<Timestamp>,
}

// === impl Snapshot ===

impl Snapshot {
    /// Settles every site of `state` at `now`. A site that is the same as in `before` is kept, not made anew: its
    /// requests are no older than the ones to come.
    pub fn settle(state: &State, local: &Local, now: Timestamp, before: Option<&Self>) -> Self {
        let mut carved: BTreeMap<Host, Vec<Host>> = BTreeMap::new();
        for (host, _) in state.sites() {
            for wider in host.line().skip(1).filter(|wider| state.site(wider).is_some()) {
                carved.entry(wider).or_default().push(host.clone());
            }
        }
        let passes = Passes::at(state, now);
        let mut settled = BTreeMap::new();
        let mut announcements = Vec::new();
        for (host, _) in state.sites() {
            let carved = carved.remove(&host).unwrap_or_default();
            let plan = Plan::new(state, &host, carved, &passes, now);
            announcements.extend(plan.next_announcement);
            let kept = before.and_then(|before| before.exactly(&host)).filter(|old| old.is(&plan));
            let site = kept.cloned().unwrap_or_else(|| Arc::new(Settled::new(host.clone(), plan, local)));
            settled.insert(host, site);
        }
        let edges =
            state.sites().flat_map(|(_, site)| &site.windows).flat_map(|w| [w.start, w.end]).flatten();
        let expiries = state.passes.iter().map(|pass| pass.expires);
        let next_edge = edges.chain(announcements).chain(expiries).filter(|&edge| edge > now).min();

        let mut snapshot = Self {
            // `State::sites` begins with the default.
            any: settled.remove(&Host::any()).unwrap_or_else(|| Arc::new(Settled::open(local))),
            hosts: FxHashMap::default(),
            suffixes: FxHashMap::default(),
            next_edge,
        };
        for (host, site) in settled {
            match host.suffix() {
                Some(suffix) => snapshot.suffixes.insert(suffix.into(), site),
                None => snapshot.hosts.insert(host.as_str().into(), site),
            };
        }
        snapshot
    }

    /// The most special site for an authority or `Host` header as sent.
    pub fn site(&self, authority: &str) -> &Arc<Settled> {
        if self.hosts.is_empty() && self.suffixes.is_empty() {
            return &self.any;
        }
        // Most hosts are sent as documents write them, and looking one up costs less than reading it.
        if let Some(site) = self.hosts.get(authority) {
            return site;
        }
        self.site_of(&plain_host(authority))
    }

    fn site_of(&self, host: &str) -> &Arc<Settled> {
        if let Some(site) = self.hosts.get(host) {
            return site;
        }
        // No suffix has more than the 253 bytes of a DNS name (RFC 1035 §2.3.4), so only dots near the end are worth a
        // look-up. Whatever stands before them, if anything does: the gate finds the upstream by the end alone.
        if !self.suffixes.is_empty() {
            let dots = host.match_indices('.').filter(|(at, _)| host.len() - at <= 253);
            if let Some(site) = dots.into_iter().find_map(|(dot, _)| self.suffixes.get(&host[dot..])) {
                return site;
            }
        }
        &self.any
    }

    /// The site that is written under exactly this host.
    pub fn exactly(&self, host: &Host) -> Option<&Arc<Settled>> {
        match host.suffix() {
            _ if host.is_any() => Some(&self.any),
            Some(suffix) => self.suffixes.get(suffix),
            None => self.hosts.get(host.as_str()),
        }
    }

    /// Every settled site, the default first.
    pub fn sites(&self) -> impl Iterator<Item = &Arc<Settled>> {
        std::iter::once(&self.any).chain(self.suffixes.values()).chain(self.hosts.values())
    }

    /// The next moment at which a window begins or ends or a pass expires, and this snapshot is out of date.
    pub fn next_edge(&self) -> Option<Timestamp> {
        self.next_edge
    }
}

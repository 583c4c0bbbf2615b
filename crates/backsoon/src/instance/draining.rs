//! Draining: the requests that still run under sites that were replaced.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::cut::Deadline;
use super::door::{Door, id};
use super::{Instance, permit};
use crate::document::Host;
use crate::running::{Running, SiteId};
use crate::snapshot::Settled;

/// A site that was replaced.
#[derive(Debug)]
pub(super) struct Retired {
    pub(super) site: Arc<Settled>,
    pub(super) cut: Option<Deadline>,
}

// === impl Instance ===

impl Instance {
    /// How many requests still run that were admitted before their site became stricter, per site.
    pub fn draining(&self) -> BTreeMap<Host, usize> {
        self.read(|door| door.draining())
    }

    /// The request that has run longest among those that [`Instance::draining`] counts, per site.
    pub fn oldest(&self) -> BTreeMap<Host, Running> {
        self.read(|door| self.oldest_of(door))
    }

    pub(super) fn oldest_of(&self, door: &Door) -> BTreeMap<Host, Running> {
        let mut older: BTreeMap<Host, Vec<SiteId>> = BTreeMap::new();
        door.each_draining(|site, retired| {
            older.entry(site.host().clone()).or_default().push(id(&retired.site));
        });
        let oldest = |ids: &[SiteId]| self.register.oldest(|id| ids.contains(&id));
        older.into_iter().filter_map(|(host, ids)| Some((host, oldest(&ids)?))).collect()
    }

    /// How many requests run, under whatever site.
    pub fn running(&self) -> usize {
        self.register.len()
    }

    /// Ready when no request runs any more that was admitted before its site became stricter.
    pub async fn drained(&self) {
        loop {
            let emptied = permit::EMPTIED.notified();
            if self.draining().is_empty() {
                return;
            }
            // The poll is for a permit that is let go between the look and the wait.
            let _ = tokio::time::timeout(Duration::from_millis(20), emptied).await;
        }
    }
}

// === impl Door ===

impl Door {
    pub(super) fn draining(&self) -> BTreeMap<Host, usize> {
        let mut draining = BTreeMap::new();
        self.each_draining(|site, retired| {
            *draining.entry(site.host().clone()).or_default() += running(&retired.site);
        });
        draining
    }

    /// Every replaced site under which requests run, with each site in force that may refuse them.
    fn each_draining(&self, mut visit: impl FnMut(&Settled, &Retired)) {
        for retired in self.retired.iter().filter(|retired| running(&retired.site) > 0) {
            for site in self.snapshot.sites().filter(|site| site.outdates(&retired.site)) {
                visit(site, retired);
            }
        }
    }
}

/// How many permits hold a retired site: every reference but the list's own. Nothing else keeps one.
pub(super) fn running(site: &Arc<Settled>) -> usize {
    let permits = Arc::strong_count(site) - 1;
    // Whoever sees zero must also see what the last request did.
    std::sync::atomic::fence(std::sync::atomic::Ordering::Acquire);
    permits
}

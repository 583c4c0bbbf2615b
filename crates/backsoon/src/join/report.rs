//! What an instance says of itself, beat by beat, and its farewell.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant as Moment;

use super::back_off::back_off;
use super::told::Told;
use super::{ANSWER, Membership, Stop, TakesEffect, is_now, lock};
use crate::fleet::{OnLost, ROSTER, Report};
use crate::instance::{BrokenOff, Instance, Picture};
use crate::request::Effect;
use crate::store::PutMode;

// === impl Membership ===

impl Membership {
    pub(super) async fn beat(self: Arc<Self>, instance: Weak<Instance>) {
        let mut stop = self.stop.subscribe();
        let mut failures: u32 = 0;
        loop {
            let drains = match instance.upgrade() {
                Some(instance) => {
                    let written = self.report(&instance).await;
                    failures = if written { 0 } else { failures.saturating_add(1) };
                    if self.options.on_lost == OnLost::Close {
                        let _ = self.look(&instance).await;
                    }
                    !instance.draining().is_empty()
                }
                // Whoever has left has said its last word.
                None if is_now(&stop.borrow()) => return,
                None => return self.farewell().await,
            };
            // While requests drain, somebody may be waiting for the last of them.
            let beat = lock(&self.crew).beat(&self.options);
            let pause = match (drains, failures) {
                (true, 0) => beat.min(Duration::from_millis(50)),
                (false, 0) => beat,
                _ => back_off(beat, failures),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.news.notified() => {}
                _ = stop.wait_for(is_now) => return,
            }
        }
    }

    /// Whether it was written.
    pub(super) async fn report(&self, instance: &Instance) -> bool {
        // Only what is written counts as a beat: whoever looks, a scrape of metrics say, proves nothing.
        self.beat.fetch_add(1, Relaxed);
        let report = self.describe(instance);
        let lease = Duration::from_millis(report.lease_ms);
        // A report is an object of plain fields and always serialises.
        let bytes = serde_json::to_vec(&report).unwrap_or_default();
        let key = self.key();
        let _alone = self.writing.lock().await;
        if is_now(&self.stop.borrow()) {
            return false;
        }
        // The lease runs from here: whoever reads the report has read it later.
        let begun = Moment::now();
        match tokio::time::timeout(ANSWER, self.store.put(&key, bytes.into(), PutMode::Overwrite)).await {
            // Not yet vouched for: a closing may have been confirmed without this instance while it was silent, so it
            // must read the State first.
            Ok(Ok(_)) => {
                *lock(&self.written) = Some(begun + lease);
                return true;
            }
            Ok(Err(error)) => tracing::debug!("the report was not written: {error}"),
            Err(_) => tracing::debug!("the report was not written: no answer"),
        }
        false
    }

    /// Writes how it ends, in place of a farewell: what was cut then is named, and what others may still work on counts as
    /// running. Should that fail, the report before it stays.
    pub(super) async fn last_report(&self, instance: &Instance, BrokenOff { requests, oldest }: BrokenOff) {
        self.stop.send_replace(Stop::Now);
        let _alone = self.writing.lock().await;
        self.beat.fetch_add(1, Relaxed);
        let report = Report { running: requests, oldest, ..self.describe(instance) };
        // As above.
        let bytes = serde_json::to_vec(&report).unwrap_or_default();
        let key = self.key();
        let put = self.store.put(&key, bytes.into(), PutMode::Overwrite);
        if !matches!(tokio::time::timeout(ANSWER, put).await, Ok(Ok(_))) {
            tracing::warn!("the last report was not written: receipts do not name what was cut here");
        }
    }

    pub(super) async fn farewell(&self) {
        self.stop.send_replace(Stop::Now);
        let _alone = self.writing.lock().await;
        let _ = tokio::time::timeout(ANSWER, self.store.delete(&self.key())).await;
    }

    pub(super) fn describe(&self, instance: &Instance) -> Report {
        // Before the cuts: a request that is cut in between is told twice rather than not at all.
        let Picture { state, closings, draining, oldest } = instance.picture();
        let heard = *lock(&self.heard);
        let lease = lock(&self.crew).lease(&self.options);
        let (cuts, cut_total) = instance.cuts();
        let (tallies, tallies_left_out) = instance.tallies();
        let own = |then: Effect| {
            let rules = self.options.local.rules.iter().filter(move |rule| rule.then == then);
            rules.map(|rule| rule.name.to_string())
        };
        let told = match self.options.takes_effect {
            TakesEffect::WhenSaid => lock(&self.told).clone(),
            TakesEffect::AtOnce => Told {
                lineage: state.as_ref().map(|state| state.lineage.clone()),
                revision: state.as_ref().map_or(0, |state| state.revision),
                closings,
                ignores: Vec::new(),
            },
        };
        let complaint = lock(&self.complaint).clone();
        let remarks = instance.troubles().into_iter().chain(lock(&self.remark).clone());
        Report {
            beat: self.beat.load(Relaxed),
            lease_ms: lease.as_millis().try_into().unwrap_or(u64::MAX),
            lineage: told.lineage,
            revision: told.revision,
            closings: told.closings,
            ignores: told.ignores,
            serves: self.options.serves.clone(),
            draining,
            oldest,
            cuts,
            cut_total,
            running: instance.running(),
            refused: Some(instance.refused()),
            tallies,
            tallies_left_out,
            admits: own(Effect::Open).chain(self.options.marks.opened()).collect(),
            refuses: own(Effect::Closed).collect(),
            health: self.options.local.health,
            on_lost: self.options.on_lost,
            holding: self.options.holding,
            counts: self.options.counts,
            held: instance.held(),
            age_ms: heard
                .map_or(u64::MAX, |heard| heard.elapsed().as_millis().try_into().unwrap_or(u64::MAX)),
            troubles: complaint.into_iter().chain(lock(&self.trouble).clone()).collect(),
            remarks: remarks.collect(),
            ..Report::new(&self.name, self.options.kind, lock(&self.place).clone())
        }
    }

    fn key(&self) -> String {
        format!("{ROSTER}{}", self.name)
    }
}

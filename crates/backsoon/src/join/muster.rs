//! Counting the fleet, and taking those off the roster who have ended.

use std::sync::Arc;
use std::time::Duration;

use super::{ANSWER, Membership, crew, is_now, lock};
use crate::fleet::{self, Kind, Life, ROSTER, Report};
use crate::store;
use crate::time::Timestamp;

// === impl Membership ===

impl Membership {
    /// Counts the fleet when it is this instance's turn, and reads now and then what others have counted.
    pub(super) async fn muster(self: Arc<Self>) {
        let mut stop = self.stop.subscribe();
        loop {
            let reads = lock(&self.crew).reads();
            if reads && !matches!(tokio::time::timeout(ANSWER, self.count()).await, Ok(Ok(()))) {
                lock(&self.crew).put_off();
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                _ = stop.wait_for(is_now) => return,
            }
        }
    }

    async fn count(&self) -> store::Result<()> {
        let read = crew::read(&*self.store).await?;
        lock(&self.crew).learned(read);
        let (is_due, is_new) = {
            let crew = lock(&self.crew);
            (crew.is_due(), crew.is_new())
        };
        if !is_due {
            return Ok(());
        }
        let reports = fleet::reports(&*self.store).await?;
        let size = u32::try_from(reports.len()).unwrap_or(u32::MAX);
        lock(&self.crew).counted(size);
        crew::write(&*self.store, size, read).await?;
        let now = Timestamp::now();
        self.bury(reports.iter().filter(|report| match report.kind {
            // Receipts name it while what it has handed on may run.
            Kind::Gate | Kind::Auth => !report.leaves_something(now),
            _ => is_new,
        }))
        .await;
        Ok(())
    }

    /// Takes those off the roster whose processes, on this machine, have ended without a farewell.
    async fn bury(&self, reports: impl Iterator<Item = &Report>) {
        for report in reports.filter(|report| report.lives() == Some(Life::Dead)) {
            let name = &report.name;
            let key = format!("{ROSTER}{name}");
            // It may have come back under its name since the list was read.
            let Ok(Ok(Some(there))) = tokio::time::timeout(ANSWER, self.store.get(&key)).await else {
                continue;
            };
            let is_the_same = |there: Report| there.place == report.place;
            if serde_json::from_slice(&there.value).is_ok_and(is_the_same) {
                tracing::info!("{name} ended without a farewell and is taken off the roster");
                let _ = tokio::time::timeout(ANSWER, self.store.delete(&key)).await;
            }
        }
    }
}

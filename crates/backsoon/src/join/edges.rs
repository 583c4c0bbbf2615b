//! The edges of windows, turned by this machine's clock; and the moment at which requests are to be cut.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant as Moment;

use super::{Membership, is_now};
use crate::instance::Instance;
use crate::time::Timestamp;

// === impl Membership ===

impl Membership {
    pub(super) async fn turn_edges(self: Arc<Self>, instance: Weak<Instance>) {
        let mut stop = self.stop.subscribe();
        let mut settled_at = Timestamp::now();
        let mut was_fenced = false;
        loop {
            let Some(current) = instance.upgrade() else { return };
            let mut changes = current.changes();
            current.cut_overdue();
            if std::mem::replace(&mut was_fenced, current.is_fenced()) != current.is_fenced() {
                current.tell();
                self.news.notify_one();
            }
            let now = Timestamp::now();
            let edge = current.next_edge();
            // A clock that was set back needs a new look as well as an edge that has come.
            if edge.is_some_and(|edge| edge <= now) || now + Duration::from_millis(500) < settled_at {
                current.turn_edge(now);
                self.news.notify_one();
                settled_at = now;
                continue;
            }
            settled_at = settled_at.max(now);
            let cut = current.next_cut();
            drop(current);
            // At most a second, because the wall clock can be set while the timer runs.
            let pause = edge.map_or(Duration::MAX, |edge| edge.since(now)).min(Duration::from_secs(1));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = sleep_until(cut) => self.news.notify_one(),
                _ = changes.changed() => {}
                _ = stop.wait_for(is_now) => return,
            }
        }
    }
}

async fn sleep_until(moment: Option<Moment>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

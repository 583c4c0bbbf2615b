//! Keeps the records of deliveries in order: what a gate left that has ended is sent on, and what is old is removed.

use std::time::Duration;

use backsoon::store;
use backsoon::time::Timestamp;
use tracing::warn;

use super::delivery::{self, Standing};
use super::{Announcer, STORE_AWAY};

/// How often all records are read; the first time at the start.
const PAUSE: Duration = Duration::from_secs(300);
/// How long a record is kept that has ended, and one that nobody sends any more.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// More records are never kept.
const MOST: usize = 1_000;

/// Looks again and again.
pub(super) async fn keep_in_order(announcer: &Announcer) {
    loop {
        let pause = match look(announcer).await {
            Ok(()) => PAUSE.mul_f64(0.9 + 0.2 * fastrand::f64()),
            Err(_) => STORE_AWAY,
        };
        tokio::time::sleep(pause).await;
    }
}

async fn look(announcer: &Announcer) -> store::Result<()> {
    let store = &**announcer.control.store();
    let now = Timestamp::now();
    let mut all = delivery::all(store).await?;
    // Those that have ended first, and of these the oldest.
    all.sort_by_key(|(_, delivery)| (delivery.standing == Standing::Waiting, delivery.created));
    let surplus = all.len().saturating_sub(MOST);
    for (place, (entry, delivery)) in all.iter().enumerate() {
        let hook = announcer.hooks.iter().find(|hook| delivery.is_of(hook));
        let is_waiting = delivery.standing == Standing::Waiting;
        let is_old = now.since(delivery.ended.unwrap_or(delivery.created)) > KEPT;
        if place < surplus || is_old && (!is_waiting || hook.is_none()) {
            if is_waiting {
                warn!(hook = %delivery.hook, id = %delivery.id, "a delivery that nobody could make is dropped");
            }
            store.delete(&entry.key).await?;
        } else if let Some(hook) = hook {
            announcer.sender.tally().seen(hook, delivery);
            if is_waiting {
                announcer.sender.see_to(hook, entry.key.clone());
            }
        }
    }
    Ok(())
}

//! Sends deliveries until they have ended, one task for each.
//!
//! Of all gates that know of a delivery, whoever writes a claim into its record first tries it; the others look again
//! when the try must be over. A gate that ends while it tries is followed by another one after [`CLAIM`]. So an event
//! is sent once as a rule, and twice if a gate ends between sending and saying so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backsoon::store::Store;
use backsoon::time::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::answer::{self, Meaning};
use super::delivery::{CLAIM, Delivery, Standing};
use super::event::Event;
use super::hook::Hook;
use super::tally::Tally;

/// How many deliveries of one hook are tried at once.
const AT_ONCE: usize = 3;
/// How the pauses grow, in first ones: 5 s, 30 s, 2 min, 10 min, 1 h with the usual one. The last one comes again and again.
const PAUSES: [u32; 5] = [1, 6, 24, 120, 720];
/// No pause is longer, whatever a receiver asks for.
const LONGEST: Duration = Duration::from_secs(3600);
/// The pause after the store could not be asked.
const STORE_AWAY: Duration = Duration::from_secs(2);

/// Everything that deliveries need.
pub(crate) struct Sender {
    store: Arc<dyn Store>,
    /// Who claims.
    name: String,
    tally: Tally,
    turns: BTreeMap<String, Arc<Semaphore>>,
    /// The tasks that run, by the keys of their records.
    running: Mutex<BTreeMap<String, AbortOnDropHandle<()>>>,
}

// === impl Sender ===

impl Sender {
    pub(crate) fn new(store: Arc<dyn Store>, name: String, tally: Tally, hooks: &[Arc<Hook>]) -> Arc<Self> {
        let turns = hooks.iter().map(|hook| (hook.name.clone(), Arc::new(Semaphore::new(AT_ONCE))));
        let (turns, running) = (turns.collect(), Mutex::default());
        Arc::new(Self { store, name, tally, turns, running })
    }

    /// Files the event for `hook`, unless another gate has, and sees that it is sent.
    ///
    /// # Errors
    /// When the store is away: nobody will send it.
    pub(crate) async fn announce(
        self: &Arc<Self>,
        hook: &Arc<Hook>,
        event: &Event,
    ) -> backsoon::store::Result<()> {
        let key = super::delivery::key(&event.id, hook);
        Delivery::new(event, hook, Timestamp::now()).file(&*self.store, &key).await?;
        self.see_to(hook, key);
        Ok(())
    }

    /// Sees that the delivery under `key` is sent, unless that is being seen to.
    pub(crate) fn see_to(self: &Arc<Self>, hook: &Arc<Hook>, key: String) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, task| !task.is_finished());
        running.entry(key.clone()).or_insert_with(|| {
            let (sender, hook) = (Arc::clone(self), Arc::clone(hook));
            AbortOnDropHandle::new(tokio::spawn(async move {
                sender.tally.waits(&hook);
                sender.deliver(&hook, &key).await;
                sender.tally.waits_no_more(&hook);
            }))
        });
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Ends every task; what was not sent is sent by another gate, or after the next start.
    pub(crate) fn stop(&self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Tries until the delivery has ended, here or elsewhere.
    async fn deliver(&self, hook: &Hook, key: &str) {
        loop {
            let (delivery, version) = match Delivery::read(&*self.store, key).await {
                Ok(Some(found)) => found,
                Ok(None) => return,
                Err(_) => {
                    tokio::time::sleep(STORE_AWAY).await;
                    continue;
                }
            };
            self.tally.seen(hook, &delivery);
            if delivery.standing != Standing::Waiting {
                return;
            }
            tokio::time::sleep(delivery.rest(Timestamp::now())).await;
            let Some(turns) = self.turns.get(&hook.name) else { return };
            // Nobody closes it.
            let Ok(_turn) = turns.acquire().await else { return };
            let claim = Delivery {
                claimed_by: Some(self.name.clone()),
                tries: delivery.tries.saturating_add(1),
                ..delivery
            };
            let Ok(Some(version)) = claim.replace(&*self.store, key, version).await else {
                // Somebody was faster, or the store is away; one that would not answer must not be asked at once.
                tokio::time::sleep(Duration::from_millis(fastrand::u64(20..200))).await;
                continue;
            };
            let answer = answer::send(hook, &claim.id, &claim.body).await;
            let ended = after(claim, hook, &answer, Timestamp::now());
            self.say(hook, &ended, &answer);
            let begun = tokio::time::Instant::now();
            while ended.replace(&*self.store, key, version.clone()).await.is_err()
                && begun.elapsed() < CLAIM / 3
            {
                tokio::time::sleep(STORE_AWAY).await;
            }
        }
    }

    fn say(&self, hook: &Hook, delivery: &Delivery, answer: &answer::Answer) {
        self.tally.tried(hook, delivery);
        let (hook, id, tries) = (&hook.name, &delivery.id, delivery.tries);
        match delivery.standing {
            Standing::Delivered => info!(%hook, %id, tries, "webhook delivered"),
            Standing::Waiting => {
                let pause = Duration::from_millis(delivery.pause_ms);
                warn!(%hook, %id, tries, ?pause, "webhook not delivered, and tried again: {}", answer.words);
            }
            Standing::GivenUp => warn!(%hook, %id, tries, "webhook given up: {}", answer.words),
        }
    }
}

/// The record after a try.
fn after(claim: Delivery, hook: &Hook, answer: &answer::Answer, now: Timestamp) -> Delivery {
    // By the clocks of two machines, perhaps; of a day, their difference is little.
    let deadline = claim.created + hook.lasts;
    let tried = Delivery { claimed_by: None, answer: Some(answer.words.clone()), next: None, ..claim };
    let asked = match answer.meaning {
        Meaning::Delivered => {
            return Delivery { standing: Standing::Delivered, ended: Some(now), ..tried };
        }
        Meaning::Again(asked) if now < deadline => asked.unwrap_or_default(),
        Meaning::Gone | Meaning::Again(_) => {
            return Delivery { standing: Standing::GivenUp, ended: Some(now), ..tried };
        }
    };
    let usual = pause(hook.first_retry, tried.tries).mul_f64(0.9 + 0.2 * fastrand::f64());
    let pause = usual.max(asked).min(LONGEST).min(deadline.since(now));
    let pause_ms = pause.as_millis().try_into().unwrap_or(u64::MAX);
    Delivery { next: Some(now + pause), pause_ms, ..tried }
}

/// The pause after so many tries.
fn pause(first: Duration, tries: u32) -> Duration {
    let place = (tries.max(1) as usize - 1).min(PAUSES.len() - 1);
    first.saturating_mul(PAUSES[place]).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::super::{event, hook, news};
    use super::*;

    fn tried(seconds: i64, tries: u32, meaning: Meaning) -> Delivery {
        let options = "name = 'ops'\nurl = 'https://a.example'\nfor = '1h'";
        let hooks = hook::hooks(&[crate::config::parse(options).unwrap()]).unwrap();
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let event: event::Event = news::test("ops", "ann", at(0));
        let claim =
            Delivery { tries, claimed_by: Some("a".into()), ..Delivery::new(&event, &hooks[0], at(0)) };
        let answer = answer::Answer { meaning, words: "500".into(), said: String::new() };
        after(claim, &hooks[0], &answer, at(seconds))
    }

    #[test]
    fn pauses_grow_and_stay() {
        let seconds = |tries| pause(Duration::from_secs(5), tries).as_secs();
        assert_eq!([1, 2, 3, 4, 5, 6, 100].map(seconds), [5, 30, 120, 600, 3600, 3600, 3600]);
        assert_eq!(pause(Duration::from_millis(100), 3), Duration::from_millis(2_400));
    }

    #[test]
    fn a_receiver_may_ask_for_a_longer_pause_within_bounds() {
        let asked = |seconds| Meaning::Again(Some(Duration::from_secs(seconds)));
        assert!((4_500..=5_500).contains(&tried(1, 1, asked(1)).pause_ms), "never a shorter one");
        assert_eq!(tried(1, 1, asked(60)).pause_ms, 60_000);
        assert_eq!(tried(0, 1, asked(999_999)).pause_ms, 3_600_000);
        assert_eq!(
            tried(3_000, 1, asked(999_999)).pause_ms,
            600_000,
            "the last try is at the end of its time"
        );
    }

    #[test]
    fn a_delivery_ends_when_it_is_there_or_not_wanted_or_too_old() {
        let standing = |seconds, meaning| tried(seconds, 1, meaning).standing;
        assert_eq!(standing(0, Meaning::Delivered), Standing::Delivered);
        assert_eq!(standing(0, Meaning::Gone), Standing::GivenUp);
        assert_eq!(standing(3_599, Meaning::Again(None)), Standing::Waiting);
        assert_eq!(standing(3_600, Meaning::Again(None)), Standing::GivenUp);
        assert_eq!(tried(0, 1, Meaning::Again(None)).claimed_by, None);
    }
}

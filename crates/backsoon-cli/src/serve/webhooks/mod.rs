//! Webhooks: what happens to the sites of a store is told to other programs, signed, and again until they have it.
//!
//! `changes`, `late` and the watch on leases find out what has happened; `news` and `text` say it; `delivery` files it in
//! the store, once for all gates; `sender` sends it. A hook that is slow or down holds up nothing but its own deliveries.

mod answer;
mod changes;
mod delivery;
mod event;
mod hidden;
mod hook;
mod impact;
mod late;
mod mark;
mod news;
pub mod options;
mod record;
mod sender;
mod signature;
mod tally;
mod text;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use backsoon::control::Control;
use backsoon::document::WindowId;
use backsoon::fleet::Lease;
use backsoon::store::{self, Store};
use backsoon::time::Timestamp;
use backsoon::{Instance, State};
use tokio::sync::watch;
use tracing::warn;

pub(crate) use self::answer::{Meaning, send};
use self::changes::Changes;
pub(crate) use self::delivery::{Delivery, Standing, all};
use self::event::{Event, Type};
pub(crate) use self::hook::{Hook, hooks, place};
use self::late::Watch;
use self::mark::Mark;
pub(crate) use self::news::test;
pub use self::options::Options;
use self::sender::Sender;
use self::tally::Tally;
use super::figures::Figures;
use super::lapsed::Lapsed;

/// How long to wait after the store was away.
const STORE_AWAY: Duration = Duration::from_secs(2);
/// The clock is looked at so often, for the edges of windows.
const TICK: Duration = Duration::from_secs(1);

/// Receivers that can be sent to.
#[derive(Debug)]
pub struct Webhooks(Vec<Arc<Hook>>);

/// Finds out what has happened, and has it sent.
struct Announcer {
    hooks: Vec<Arc<Hook>>,
    control: Control,
    instance: Arc<Instance>,
    sender: Arc<Sender>,
}

// === impl Webhooks ===

impl Webhooks {
    /// Reads secrets and makes clients, so that everything that can be wrong is wrong now.
    ///
    /// # Errors
    /// With the hook's name, why, and the way out.
    pub fn new(options: &[Options]) -> Result<Self> {
        Ok(Self(hooks(options)?.into_iter().map(Arc::new).collect()))
    }

    /// Each in one line, without anything secret.
    pub fn describe(&self) -> Vec<String> {
        self.0.iter().map(|hook| format!("{}: {}", hook.name, hook.describe())).collect()
    }

    /// Whether there is nobody to tell.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Announces what happens to the State that `instance` follows, until it is dropped.
    pub(super) async fn announce(
        self,
        store: Arc<dyn Store>,
        instance: Arc<Instance>,
        figures: Arc<Figures>,
        lapsed: Lapsed,
    ) {
        let name = instance.report().map(|report| report.name).unwrap_or_default();
        let tally = Tally::new(Arc::clone(&instance), figures, &self.0);
        let sender = Sender::new(Arc::clone(&store), name, tally, &self.0);
        let control = Control::new(store, "webhooks");
        let announcer = Announcer { hooks: self.0, control, instance, sender };
        tokio::join!(
            announcer.follow_changes(),
            announcer.watch_servers(),
            announcer.watch_leases(lapsed.follow()),
            record::keep_in_order(&announcer),
        );
    }
}

// === impl Announcer ===

impl Announcer {
    async fn follow_changes(&self) {
        // Before anything changes: what is there now is known already, and what comes is news.
        let first = Mark::first(self.instance.state().as_deref(), Timestamp::now());
        let mark = loop {
            match Mark::find(&**self.control.store(), first.clone()).await {
                Ok(mark) => break mark,
                Err(_) => tokio::time::sleep(STORE_AWAY).await,
            }
        };
        let mut changes = Changes::from(mark);
        let mut said = None;
        let mut news = self.instance.changes();
        loop {
            news.borrow_and_update();
            let caught_up = self.catch_up(&mut changes).await;
            let why = caught_up.err().map(|error| error.to_string());
            if let Some(why) = why.as_ref().filter(|why| said.as_ref() != Some(*why)) {
                warn!("changes are announced later: {why}");
            }
            let pause = if why.is_some() { STORE_AWAY } else { TICK };
            said = why;
            // The sender lives as long as the instance.
            let _ = tokio::time::timeout(pause, news.changed()).await;
        }
    }

    async fn catch_up(&self, changes: &mut Changes) -> Result<()> {
        let Some(state) = self.instance.state() else { return Ok(()) };
        let Some(step) = changes.since(&self.control, &state, Timestamp::now()).await? else { return Ok(()) };
        // What is closed is told before anybody is waited for.
        let (over, other): (Vec<Event>, Vec<Event>) =
            step.events.iter().cloned().partition(|event| event.over.is_some());
        for event in &other {
            self.announce(event).await?;
        }
        for event in &impact::told(&self.control, &over).await {
            self.announce(event).await?;
        }
        step.mark.write(&**self.control.store()).await?;
        changes.announced(step);
        Ok(())
    }

    async fn watch_servers(&self) {
        if !self.hooks.iter().any(|hook| hook.listens_for(Type::Late)) {
            return;
        }
        let mut watch = Watch::default();
        // By hook and event, so that one who stays late is not filed again with every look.
        let mut told: BTreeSet<(String, String)> = BTreeSet::new();
        loop {
            if let Ok(found) = watch.look(&self.control, &self.instance).await
                && let Some(state) = self.instance.state()
            {
                let mut still = BTreeSet::new();
                for late in found {
                    let event = news::late(&state, Timestamp::now(), &late);
                    let due =
                        self.hooks.iter().filter(|hook| hook.wants(&event) && late.since >= hook.late_after);
                    for hook in due {
                        let pair = (hook.name.clone(), event.id.clone());
                        // Should the store be away now, the next look finds it again.
                        if told.contains(&pair) || self.sender.announce(hook, &event).await.is_ok() {
                            still.insert(pair);
                        }
                    }
                }
                told = still;
            }
            tokio::time::sleep(watch.pause()).await;
        }
    }

    async fn watch_leases(&self, mut lapsed: watch::Receiver<Vec<WindowId>>) {
        loop {
            let now = lapsed.borrow_and_update().clone();
            while let Some(state) = self.instance.state()
                && self.announce_lapsed(&state, &now).await.is_err()
            {
                tokio::time::sleep(STORE_AWAY).await;
            }
            if lapsed.changed().await.is_err() {
                return;
            }
        }
    }

    async fn announce_lapsed(&self, state: &State, lapsed: &[WindowId]) -> store::Result<()> {
        for id in lapsed {
            let lease = Lease::of(&**self.control.store(), id).await?;
            if let Some(event) =
                news::lapsed(state, Timestamp::now(), id, lease.map_or(0, |lease| lease.beat))
            {
                self.announce(&event).await?;
            }
        }
        Ok(())
    }

    async fn announce(&self, event: &Event) -> store::Result<()> {
        for hook in self.hooks.iter().filter(|hook| hook.wants(event)) {
            self.sender.announce(hook, event).await?;
        }
        Ok(())
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.sender.stop();
    }
}

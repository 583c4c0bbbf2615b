//! How the deliveries of each hook go: for the metrics, and for the gate's report.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use backsoon::Instance;
use backsoon::time::Timestamp;

use super::delivery::{Delivery, Standing};
use super::hook::Hook;
use crate::serve::figures::{DeliveryOutcome, Figures};

/// How the deliveries go, as this gate knows.
#[derive(Debug)]
pub(crate) struct Tally {
    instance: Arc<Instance>,
    figures: Arc<Figures>,
    /// Of hooks whose last delivery has failed: since when, and what came back.
    failing: Mutex<BTreeMap<String, (Timestamp, String)>>,
}

// === impl Tally ===

impl Tally {
    pub(crate) fn new(instance: Arc<Instance>, figures: Arc<Figures>, hooks: &[Arc<Hook>]) -> Self {
        for hook in hooks {
            figures.hook(&hook.name);
        }
        Self { instance, figures, failing: Mutex::default() }
    }

    pub(crate) fn waits(&self, hook: &Hook) {
        self.figures.delivery_waits(&hook.name, 1);
    }

    pub(crate) fn waits_no_more(&self, hook: &Hook) {
        self.figures.delivery_waits(&hook.name, -1);
    }

    /// Counts a try that this gate has made.
    pub(crate) fn tried(&self, hook: &Hook, delivery: &Delivery) {
        self.figures.delivery(
            &hook.name,
            match delivery.standing {
                Standing::Delivered => DeliveryOutcome::Delivered,
                Standing::Waiting => DeliveryOutcome::Failed,
                Standing::GivenUp => DeliveryOutcome::GivenUp,
            },
        );
        self.seen(hook, delivery);
    }

    /// Takes note of how a delivery stands, whoever has tried it.
    pub(crate) fn seen(&self, hook: &Hook, delivery: &Delivery) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = failing.clone();
        if delivery.standing == Standing::Delivered {
            // An older success says nothing about a failure since.
            let ended = delivery.ended.unwrap_or(delivery.created);
            failing.retain(|name, (since, _)| *name != hook.name || *since > ended);
        } else if delivery.is_failing() {
            let words = delivery.answer.clone().unwrap_or_default();
            let since = failing.get(&hook.name).map_or(delivery.created, |(since, _)| *since);
            failing.insert(hook.name.clone(), (since.min(delivery.created), words));
        }
        if *failing != before {
            let sentence = |(name, (since, words)): (&String, &(Timestamp, String))| {
                let since = since.whole_seconds();
                format!(
                    "webhook {name} has not been delivered since {since}: {words}; `backsoon webhook list` shows more"
                )
            };
            let sentences: Vec<_> = failing.iter().map(sentence).collect();
            self.instance.remark((!sentences.is_empty()).then(|| sentences.join("; ")));
        }
    }
}

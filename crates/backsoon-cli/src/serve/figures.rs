//! What the gate counts, from its start on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use backsoon::decide::Cause;

use super::failure::Failure;

/// Counters of one gate.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    admitted: Decisions,
    refused: Decisions,
    unreachable: AtomicU64,
    broken: AtomicU64,
    timed_out: AtomicU64,
    deliveries: Mutex<BTreeMap<String, Deliveries>>,
}

/// What became of a try to tell a receiver something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DeliveryOutcome {
    Delivered,
    /// It is tried again.
    Failed,
    GivenUp,
}

/// The figures of one webhook.
#[derive(Debug, Default, Clone)]
pub(crate) struct Deliveries {
    /// By outcome: delivered, failed, given up.
    pub(crate) tries: [u64; 3],
    /// How many are under way.
    pub(crate) waiting: i64,
}

/// One outcome, by who decided.
#[derive(Debug, Default)]
struct Decisions {
    /// The mode decides nearly always, so it is counted without a lock.
    mode: AtomicU64,
    others: Mutex<BTreeMap<Decider, u64>>,
}

/// Who decided, and by which rule.
type Decider = (&'static str, Option<Arc<str>>);

/// One figure of requests: what became of them, who decided, by which rule, and how many they were.
pub(crate) type Decided = (&'static str, &'static str, Option<Arc<str>>, u64);

// === impl Figures ===

impl Figures {
    pub(crate) fn admitted(&self, cause: &Cause) {
        self.admitted.count(cause);
    }

    pub(crate) fn refused(&self, cause: &Cause) {
        self.refused.count(cause);
    }

    pub(crate) fn upstream_failed(&self, failure: Failure) {
        let counter = match failure {
            Failure::Unreachable => &self.unreachable,
            Failure::TimedOut => &self.timed_out,
            _ => &self.broken,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn requests(&self) -> Vec<Decided> {
        let outcomes = [("admitted", &self.admitted), ("refused", &self.refused)];
        outcomes.into_iter().flat_map(|(outcome, decisions)| decisions.tell(outcome)).collect()
    }

    /// Counts nothing yet, so that a webhook's figures are there from the start.
    #[cfg(feature = "webhooks")]
    pub(crate) fn hook(&self, name: &str) {
        self.delivery_waits(name, 0);
    }

    #[cfg(feature = "webhooks")]
    pub(crate) fn delivery(&self, hook: &str, outcome: DeliveryOutcome) {
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        deliveries.entry(hook.to_owned()).or_default().tries[outcome as usize] += 1;
    }

    #[cfg(feature = "webhooks")]
    pub(crate) fn delivery_waits(&self, hook: &str, more: i64) {
        let mut deliveries = self.deliveries.lock().unwrap_or_else(PoisonError::into_inner);
        deliveries.entry(hook.to_owned()).or_default().waiting += more;
    }

    /// The figures of each webhook, by name.
    pub(crate) fn deliveries(&self) -> BTreeMap<String, Deliveries> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Requests that got no answer from an upstream, by reason.
    pub(crate) fn upstream_errors(&self) -> [(&'static str, u64); 3] {
        [
            (Failure::Unreachable.word(), self.unreachable.load(Ordering::Relaxed)),
            (Failure::Broken.word(), self.broken.load(Ordering::Relaxed)),
            (Failure::TimedOut.word(), self.timed_out.load(Ordering::Relaxed)),
        ]
    }
}

// === impl DeliveryOutcome ===

impl DeliveryOutcome {
    pub(crate) const ALL: [Self; 3] = [Self::Delivered, Self::Failed, Self::GivenUp];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::GivenUp => "given-up",
        }
    }
}

// === impl Decisions ===

impl Decisions {
    fn count(&self, cause: &Cause) {
        if cause.by == "mode" {
            self.mode.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        *others.entry((cause.by, cause.rule().cloned())).or_default() += 1;
    }

    fn tell(&self, outcome: &'static str) -> Vec<Decided> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let others = others.iter().map(|((by, rule), count)| (outcome, *by, rule.clone(), *count));
        std::iter::once((outcome, "mode", None, self.mode.load(Ordering::Relaxed))).chain(others).collect()
    }
}

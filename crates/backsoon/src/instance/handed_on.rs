//! A request that somebody else works on, who has not begun to answer yet.

use std::sync::{Arc, Weak};

use super::cut::Ordered;
use super::door::id;
use super::{Instance, Permit};
use crate::decide::Cause;
use crate::running::Left;
use crate::snapshot::Settled;

/// A request that was handed on to somebody who has not begun to answer yet, as a gate hands it to an upstream.
///
/// Dropped before [`HandedOn::answered`], it is told as cut if its site has closed meanwhile: whoever has it may still be at
/// work, and nobody hears when that ends. So a receipt is *forced* then, and never says that the request ended by itself.
/// Where the work goes on though nobody waits for its answer, [`HandedOn::take_over`] lets every receipt wait for it.
#[derive(Debug)]
#[must_use = "what is dropped unanswered is told as cut"]
pub struct HandedOn {
    instance: Arc<Instance>,
    // Counts for nothing: whether the request runs is said by the permits alone.
    site: Weak<Settled>,
    left: Option<Left>,
    cause: Cause,
}

// === impl HandedOn ===

impl HandedOn {
    pub(super) fn new(
        instance: Arc<Instance>,
        site: Weak<Settled>,
        left: Option<Left>,
        cause: Cause,
    ) -> Self {
        Self { instance, site, left, cause }
    }

    /// The answer has begun, or nobody has the request: it ends when its permit does.
    pub fn answered(mut self) {
        self.left = None;
    }

    /// Whoever asked has gone, and the work goes on: the permit to hold from now on, until the answer begins. It has to be
    /// taken before the first one is dropped, so that the request is counted all the time. None: it is to end now.
    pub fn take_over(&self) -> Option<Permit> {
        let left = self.left.as_ref()?;
        self.instance.read(|door| {
            let site = self.site.upgrade()?;
            // Under the lock: a cut that is ordered later finds the seat, and one that was is not outlived.
            let is_cut = door.retired.iter().any(|retired| {
                Arc::ptr_eq(&retired.site, &site)
                    && retired.cut.as_ref().is_some_and(|cut| cut.ordered == Ordered::Yes)
            });
            if is_cut {
                return None;
            }
            let seat = self.instance.register.sit_again(id(&site), left);
            Some(Permit::new(site, seat, self.cause.clone()))
        })
    }
}

impl Drop for HandedOn {
    fn drop(&mut self) {
        if let Some(left) = self.left.take() {
            self.instance.abandoned(&self.site, &left);
        }
    }
}

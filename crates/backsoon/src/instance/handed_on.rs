//! A request that somebody else works on, who has not begun to answer yet.

use std::sync::{Arc, Weak};

use super::Instance;
use crate::running::Left;
use crate::snapshot::Settled;

/// A request that was handed on to somebody who has not begun to answer yet, as a gate hands it to an upstream.
///
/// Dropped before [`HandedOn::answered`], it is told as cut if its site has closed meanwhile: whoever has it may still be at
/// work, and nobody hears when that ends. So a receipt is *forced* then, and never says that the request ended by itself.
#[derive(Debug)]
#[must_use = "what is dropped unanswered is told as cut"]
pub struct HandedOn {
    instance: Arc<Instance>,
    // Counts for nothing: whether the request runs is said by the permits alone.
    site: Weak<Settled>,
    left: Option<Left>,
}

// === impl HandedOn ===

impl HandedOn {
    pub(super) fn new(instance: Arc<Instance>, site: Weak<Settled>, left: Option<Left>) -> Self {
        Self { instance, site, left }
    }

    /// The answer has begun, or nobody has the request: it ends when its permit does.
    pub fn answered(mut self) {
        self.left = None;
    }
}

impl Drop for HandedOn {
    fn drop(&mut self) {
        if let Some(left) = self.left.take() {
            self.instance.abandoned(&self.site, &left);
        }
    }
}

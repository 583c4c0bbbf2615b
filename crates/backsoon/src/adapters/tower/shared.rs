//! What every service of one layer shares.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::request::Parts;

use crate::instance::{Instance, Permit};
use crate::request::User;

pub(super) type Ask = dyn Fn(&Parts) -> BoxFuture<'static, User> + Send + Sync;

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) instance: Arc<Instance>,
    pub(super) ask: Option<Arc<Ask>>,
    pub(super) sharing: Sharing,
    pub(super) ending: Ending,
}

/// How requests end that have been cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    ByThemselves,
    Here,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    Private,
    Extension,
}

/// Whoever answers a request that is cut.
#[derive(Debug, Clone)]
pub(super) struct Ender(pub(super) Arc<Instance>);

// === impl Shared ===

impl Shared {
    pub(super) fn ender(&self) -> Option<Ender> {
        (self.ending == Ending::Here).then(|| Ender(Arc::clone(&self.instance)))
    }

    pub(super) fn share<In>(&self, request: &mut http::Request<In>, permit: &Permit) {
        if let Some(upcoming) = permit.upcoming() {
            request.extensions_mut().insert(upcoming.clone());
        }
        if self.sharing == Sharing::Extension {
            request.extensions_mut().insert(permit.clone());
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("instance", &self.instance).finish_non_exhaustive()
    }
}

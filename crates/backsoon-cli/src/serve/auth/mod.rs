//! Forward-auth: a proxy that was there before asks here whether a visitor's request may pass, and serves it itself.
//!
//! | It asks for | and gets |
//! |---|---|
//! | `/auth` | 200 and nothing else where the request may pass; or else the very reply that the gate would give, with 503 if its own status would be a "yes" |
//! | `/auth?status=403` | the same, but a refusal has this status (or 401); the reply's own is in `Backsoon-Status` |
//! | `/auth/…` | as `/auth`, for proxies that put the visitor's path behind it; the fields alone are read |
//! | `/page` | the reply in full, for proxies that fetch the page by a second request |
//!
//! Only trusted proxies may ask: anybody else could ask in a visitor's name. A request that was let in here is not
//! counted, since only the proxy knows when it ends ([`Counts::Own`](backsoon::fleet::Counts)).

mod answer;
mod options;
mod question;
mod wanted;

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backsoon::Instance;
use backsoon::rules::TrustedProxies;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tracing::warn;

pub use self::options::{Options, RefuseStatus};
use super::body::RequestBody;
use super::figures::Figures;
use super::forwarded::Peer;
use super::listener::{Answers, Reception};
use super::options::AccessLog;
use super::vigil::{Doings, RunningBody};

/// The pause between two warnings: whoever may not ask may ask often.
const QUIET: Duration = Duration::from_secs(10);

/// Where questions come in.
#[derive(Debug)]
pub(crate) struct Auth(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    instance: Arc<Instance>,
    trusted: TrustedProxies,
    figures: Arc<Figures>,
    patience: Duration,
    refuse_status: Option<RefuseStatus>,
    access_log: AccessLog,
    warned: Mutex<Option<Instant>>,
}

/// Where the questions of one connection come in.
#[derive(Debug)]
pub(crate) struct Questions {
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    doings: Doings,
}

// === impl Auth ===

impl Auth {
    pub(crate) fn new(options: &super::Options, instance: Arc<Instance>, figures: Arc<Figures>) -> Self {
        Auth(Arc::new(Shared {
            instance,
            trusted: options.trusted_proxies.clone(),
            figures,
            patience: options.auth.patience,
            refuse_status: options.auth.refuse_status,
            access_log: options.access_log,
            warned: Mutex::default(),
        }))
    }
}

impl Reception for Auth {
    type Answers = Questions;

    fn of(&self, peer: Peer, doings: Doings) -> Questions {
        Questions { shared: Arc::clone(&self.0), peer: Arc::new(peer), doings }
    }
}

// === impl Questions ===

impl Answers for Questions {
    type Body = RunningBody<Full<Bytes>>;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Infallible>> + Send + 'static {
        let running = self.doings.begin();
        let (shared, peer) = (Arc::clone(&self.shared), Arc::clone(&self.peer));
        async move {
            let (parts, body) = request.into_parts();
            // Some proxies send the visitor's body along, which decides nothing.
            drop(RequestBody::new(body, parts.version, &parts.headers));
            let answer = shared.answer(&peer, parts).await;
            Ok(answer.map(|bytes| running.until_the_end_of(Full::new(bytes))))
        }
    }
}

// === impl Shared ===

impl Shared {
    /// Says it in the log, at most once in a while.
    fn warn(&self, what: fmt::Arguments<'_>) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() >= QUIET) {
            *warned = Some(Instant::now());
            warn!("{what}");
        }
    }
}

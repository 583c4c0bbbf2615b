//! A layer for axum, hyper, tonic and whatever else speaks tower.
//!
//! Put it around the whole application, so that no route can be forgotten:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::{get, post}};
//! use backsoon::{Instance, MaintenanceLayer, Marks, join::Options, store};
//! use tower_layer::Layer;
//!
//! let mut marks = Marks::new();
//! let router: Router = Router::new()
//!     .route("/", get(|| async { "hello" }))
//!     .route(marks.open("/hooks/{id}"), post(|| async { "taken" }));
//!
//! let mut options = Options::default();
//! options.marks = marks;
//! let instance = Instance::join(store::open("memory:").await?, options).await;
//! let app = MaintenanceLayer::new(instance).layer(router); // or `.around(router)` with the feature `axum`
//! # drop(app); Ok(()) }
//! ```
//!
//! # Who the peer is
//!
//! Rules about networks need the peer's address. It comes from the request extension [`Peer`](crate::adapters::Peer), or with the feature
//! `axum` from axum's `ConnectInfo<SocketAddr>`.
//!
//! # How the visitor comes
//!
//! The cookie of a pass is for https alone where visitors come by https. The layer knows by the request's URI (HTTP/2),
//! by the request extension [`Scheme`](crate::request::Scheme), or by `X-Forwarded-Proto` from a trusted proxy.
//!
//! # Who the user is
//!
//! An application that knows its user before this layer runs puts a [`User`] into the request's extensions. One
//! for which that is expensive gives [`MaintenanceLayer::identify`] a function; it is called only for requests whose
//! decision depends on it.
//!
//! # What is to come
//!
//! Where the site's page says `announce`, answers of the open site say from then on when it will close (`Backsoon-Upcoming`), and a handler finds an
//! [`Upcoming`](crate::instance::Upcoming) in the request's extensions, for a banner.
//!
//! # What runs, and until when
//!
//! The permit rides in the [`ResponseBody`]: a request is over when its last byte has gone, or its response was
//! dropped. A refused request never reaches the application.
//!
//! A window may say that what still runs after a time is to end. An application's requests go on all the same, since
//! to end one in its middle may be worse than to wait, unless [`MaintenanceLayer::cut_short`] says that its requests can bear it.

mod body;
mod response;
mod service;
mod shared;
mod view;

use std::fmt;
use std::sync::Arc;

use http::request::Parts;
use tower_layer::Layer;

pub use self::body::{CutShort, ResponseBody};
pub use self::response::ResponseFuture;
pub use self::service::Maintenance;
use self::shared::{Ending, Shared, Sharing};
use crate::instance::Instance;
use crate::request::User;

/// What a body may fail with.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Wraps a service in [`Maintenance`]. See the [module's page](self).
#[derive(Clone)]
pub struct MaintenanceLayer {
    shared: Arc<Shared>,
}

// === impl MaintenanceLayer ===

impl MaintenanceLayer {
    /// A layer at the door of `instance`.
    pub fn new(instance: Arc<Instance>) -> Self {
        Self {
            shared: Arc::new(Shared {
                instance,
                ask: None,
                sharing: Sharing::Private,
                ending: Ending::ByThemselves,
            }),
        }
    }

    /// Asks `who` for the user of a request that carries no [`User`] extension, when a rule needs to know.
    ///
    /// ```
    /// # use backsoon::{Instance, MaintenanceLayer, Marks, User};
    /// # let instance = Instance::new(Default::default(), Marks::new());
    /// let layer = MaintenanceLayer::new(instance).identify(|parts| {
    ///     let token = parts.headers.get("authorization").cloned();
    ///     async move { if token.is_some() { User::STAFF } else { User::ANONYMOUS } }
    /// });
    /// ```
    #[must_use]
    pub fn identify<A, F>(mut self, who: A) -> Self
    where
        A: Fn(&Parts) -> F + Send + Sync + 'static,
        F: Future<Output = User> + Send + 'static,
    {
        Arc::make_mut(&mut self.shared).ask = Some(Arc::new(move |parts| Box::pin(who(parts))));
        self
    }

    /// Ends requests when a window's `cut_after` is over: one that has not begun to answer gets the page of the closed
    /// site, the response of one that has breaks off with [`CutShort`], and its future or body is dropped where it stands.
    #[must_use]
    pub fn cut_short(mut self) -> Self {
        Arc::make_mut(&mut self.shared).ending = Ending::Here;
        self
    }

    /// Puts a clone of the [`Permit`](crate::Permit) into the extensions of every admitted request, for those whose
    /// work outlives the response: a handler that upgrades the connection moves it into the task that runs the tunnel.
    #[must_use]
    pub fn share_permit(mut self) -> Self {
        Arc::make_mut(&mut self.shared).sharing = Sharing::Extension;
        self
    }
}

impl fmt::Debug for MaintenanceLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaintenanceLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for MaintenanceLayer {
    type Service = Maintenance<S>;

    fn layer(&self, inner: S) -> Maintenance<S> {
        Maintenance { inner, shared: Arc::clone(&self.shared) }
    }
}

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
//! Rules about networks need the peer's address. It comes from the request extension [`Peer`], or with the feature
//! `axum` from axum's `ConnectInfo<SocketAddr>`.
//!
//! # How the visitor comes
//!
//! The cookie of a pass is for https alone where visitors come by https. The layer knows by the request's URI (HTTP/2),
//! by the request extension [`Scheme`], or by `X-Forwarded-Proto` from a trusted proxy.
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

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::adapters::Peer;
use crate::decide::Cause;
use crate::instance::{Admission, Instance, Permit, UPCOMING_HEADER};
use crate::pass::{FOR_CACHES_ALONE, NOT_FOR_CACHES, PASS_HEADER};
use crate::reply::Reply;
use crate::request::{Identity, Request, Scheme, User};

/// What a body may fail with.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

type Ask = dyn Fn(&Parts) -> BoxFuture<'static, User> + Send + Sync;

/// Wraps a service in [`Maintenance`]. See the [module's page](self).
#[derive(Clone)]
pub struct MaintenanceLayer {
    shared: Arc<Shared>,
}

/// A service whose requests pass the door of an [`Instance`] first.
#[derive(Debug, Clone)]
pub struct Maintenance<S> {
    inner: S,
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    instance: Arc<Instance>,
    ask: Option<Arc<Ask>>,
    sharing: Sharing,
    ending: Ending,
}

/// How requests end that have been cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    ByThemselves,
    Here,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Private,
    Extension,
}

pin_project! {
    /// The future of a [`Maintenance`] response.
    pub struct ResponseFuture<S, B>
    where
        S: Service<http::Request<B>>,
    {
        #[pin]
        kind: Kind<S::Future, S::Response, S::Error>,
    }
}

pin_project! {
    #[project = KindProjected]
    enum Kind<F, R, E> {
        Running { #[pin] future: F, permit: Option<Permit>, ender: Option<Ender> },
        Refused { answer: Option<(Reply, Cause)> },
        Waiting { slow: BoxFuture<'static, Result<Slow<R>, E>> },
    }
}

/// Whoever answers a request that is cut.
#[derive(Debug, Clone)]
struct Ender(Arc<Instance>);

/// The body was ended before its last byte, because the site has closed and the time for earlier requests is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the response was cut short, because the site has closed")]
pub struct CutShort;

/// How a request ended whose decision had to wait.
enum Slow<R> {
    Ran(R, Permit, Ending),
    Refused(Reply, Cause),
}

pin_project! {
    /// The application's body with the request's permit, or a reply's bytes.
    pub struct ResponseBody<B> {
        #[pin]
        kind: BodyKind<B>,
    }
}

pin_project! {
    #[project = BodyProjected]
    enum BodyKind<B> {
        Running { #[pin] body: B, permit: Permit, ending: Ending },
        Reply { bytes: Option<Bytes> },
    }
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

    /// Puts a clone of the [`Permit`] into the extensions of every admitted request, for those whose work outlives
    /// the response: a handler that upgrades the connection moves it into the task that runs the tunnel.
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

// === impl Maintenance ===

impl<S, In, Out> Service<http::Request<In>> for Maintenance<S>
where
    S: Service<http::Request<In>, Response = http::Response<Out>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    In: Send + 'static,
    Out: Body<Data = Bytes> + Send,
    Out::Error: Into<BoxError>,
{
    type Response = http::Response<ResponseBody<Out>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, In>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<In>) -> Self::Future {
        let admission = {
            let (method, uri, headers) = (request.method(), request.uri(), request.headers());
            let view = view(method, uri, headers, request.extensions());
            self.shared.instance.try_admit(&view)
        };
        match admission {
            Some(Admission::Admitted(permit)) => {
                self.shared.share(&mut request, &permit);
                let (future, ender) = (self.inner.call(request), self.shared.ender());
                ResponseFuture { kind: Kind::Running { future, permit: Some(permit), ender } }
            }
            Some(Admission::Refused(reply, cause)) => {
                ResponseFuture { kind: Kind::Refused { answer: Some((reply, cause)) } }
            }
            None => {
                // The service that was polled ready is the one that must be called.
                let clone = self.inner.clone();
                let inner = std::mem::replace(&mut self.inner, clone);
                let slow = Box::pin(admit_late(Arc::clone(&self.shared), inner, request));
                ResponseFuture { kind: Kind::Waiting { slow } }
            }
        }
    }
}

async fn admit_late<S, In>(
    shared: Arc<Shared>,
    mut inner: S,
    request: http::Request<In>,
) -> Result<Slow<S::Response>, S::Error>
where
    S: Service<http::Request<In>> + Send,
    In: Send,
{
    let (parts, body) = request.into_parts();
    let admission = {
        let view = view(&parts.method, &parts.uri, &parts.headers, &parts.extensions);
        let ask = || async {
            match &shared.ask {
                Some(ask) => ask(&parts).await,
                None => User::ANONYMOUS,
            }
        };
        shared.instance.admit_as(&view, ask).await
    };
    match admission {
        Admission::Refused(reply, cause) => Ok(Slow::Refused(reply, cause)),
        Admission::Admitted(permit) => {
            let mut request = http::Request::from_parts(parts, body);
            shared.share(&mut request, &permit);
            let running = inner.call(request);
            let Some(ender) = shared.ender() else {
                return running.await.map(|response| Slow::Ran(response, permit, Ending::ByThemselves));
            };
            tokio::select! {
                biased;
                () = permit.cut() => {
                    let (reply, cause) = ender.0.cut_short(&permit);
                    Ok(Slow::Refused(reply, cause))
                }
                response = running => response.map(|response| Slow::Ran(response, permit, Ending::Here)),
            }
        }
    }
}

/// A borrowed view of the request. In HTTP/1 the authority of the target overrules `Host` (RFC 9112 §3.2.2); in
/// HTTP/2 it is the target's `:authority`.
fn view<'a>(
    method: &'a http::Method,
    uri: &'a http::Uri,
    headers: &'a http::HeaderMap,
    extensions: &http::Extensions,
) -> Request<'a> {
    let host = || {
        headers
            .get(http::header::HOST)
            .and_then(|host| std::str::from_utf8(host.as_bytes()).ok())
            .unwrap_or_default()
    };
    let host = uri.authority().map_or_else(host, |authority| authority.as_str());
    // With its query, which says where the link of a pass leads.
    let path = uri.path_and_query().map_or_else(|| uri.path(), http::uri::PathAndQuery::as_str);
    let mut request = Request::new(method.as_str(), host, path, headers);
    if uri.scheme() == Some(&http::uri::Scheme::HTTPS) {
        request.scheme = Scheme::Https;
    }
    if !extensions.is_empty() {
        request.peer = peer(extensions);
        request.scheme = extensions.get().copied().unwrap_or(request.scheme);
        request.user = extensions.get::<User>().map_or(Identity::Unasked, |user| Identity::Known(*user));
    }
    request
}

fn peer(extensions: &http::Extensions) -> Option<std::net::IpAddr> {
    let own = extensions.get::<Peer>().map(|peer| peer.0);
    #[cfg(feature = "axum")]
    let own = own.or_else(|| {
        use std::net::SocketAddr;
        extensions.get::<::axum::extract::ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
    });
    own
}

// === impl Shared ===

impl Shared {
    fn ender(&self) -> Option<Ender> {
        (self.ending == Ending::Here).then(|| Ender(Arc::clone(&self.instance)))
    }

    fn share<In>(&self, request: &mut http::Request<In>, permit: &Permit) {
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

// === impl ResponseFuture ===

impl<S, In, Out> Future for ResponseFuture<S, In>
where
    S: Service<http::Request<In>, Response = http::Response<Out>>,
{
    type Output = Result<http::Response<ResponseBody<Out>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        Poll::Ready(match this.kind.as_mut().project() {
            KindProjected::Running { future, permit, ender } => {
                if let (Some(Ender(instance)), Some(running)) = (&*ender, &*permit)
                    && running.poll_cut(cx).is_ready()
                {
                    let (reply, cause) = instance.cut_short(running);
                    // Drops the request where it stands; its permit goes last.
                    let permit = permit.take();
                    this.kind.set(Kind::Refused { answer: None });
                    drop(permit);
                    return Poll::Ready(Ok(refused(reply, cause)));
                }
                let response = ready!(future.poll(cx));
                let ending = if ender.is_some() { Ending::Here } else { Ending::ByThemselves };
                // The permit goes into the body; a future is not polled again after it was ready.
                response.map(|response| match permit.take() {
                    Some(permit) => running(response, permit, ending),
                    None => unreachable!("a response future was polled after it was ready"),
                })
            }
            KindProjected::Refused { answer } => match answer.take() {
                Some((reply, cause)) => Ok(refused(reply, cause)),
                None => unreachable!("a response future was polled after it was ready"),
            },
            KindProjected::Waiting { slow } => ready!(slow.as_mut().poll(cx)).map(|slow| match slow {
                Slow::Ran(response, permit, ending) => running(response, permit, ending),
                Slow::Refused(reply, cause) => refused(reply, cause),
            }),
        })
    }
}

fn running<B>(
    mut response: http::Response<B>,
    permit: Permit,
    ending: Ending,
) -> http::Response<ResponseBody<B>> {
    if let Some(upcoming) = permit.upcoming() {
        response.headers_mut().insert(UPCOMING_HEADER, upcoming.field().clone());
    }
    if let Some(pass) = permit.pass().and_then(|pass| HeaderValue::from_str(pass).ok()) {
        let headers = response.headers_mut();
        headers.insert(PASS_HEADER, pass);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(NOT_FOR_CACHES));
        FOR_CACHES_ALONE.into_iter().for_each(|name| drop(headers.remove(name)));
    }
    response.map(|body| ResponseBody { kind: BodyKind::Running { body, permit, ending } })
}

/// The response leaves its [`Cause`] in the extensions, for logs and metrics further out.
fn refused<B>(reply: Reply, cause: Cause) -> http::Response<ResponseBody<B>> {
    let mut response = reply.into_response().map(|bytes| {
        let bytes = Some(bytes).filter(|bytes| !bytes.is_empty());
        ResponseBody { kind: BodyKind::Reply { bytes } }
    });
    response.extensions_mut().insert(cause);
    response
}

// === impl ResponseBody ===

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut this = self.project();
        match this.kind.as_mut().project() {
            BodyProjected::Running { permit, ending: Ending::Here, .. } if permit.poll_cut(cx).is_ready() => {
                // An error, since a body that merely ended could be taken for a whole one.
                this.kind.set(BodyKind::Reply { bytes: None });
                Poll::Ready(Some(Err(CutShort.into())))
            }
            BodyProjected::Running { body, .. } => body.poll_frame(cx).map_err(Into::into),
            BodyProjected::Reply { bytes } => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            BodyKind::Running { body, .. } => body.is_end_stream(),
            BodyKind::Reply { bytes } => bytes.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            BodyKind::Running { body, .. } => body.size_hint(),
            BodyKind::Reply { bytes } => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
        }
    }
}

impl<B: Default> Default for ResponseBody<B> {
    fn default() -> Self {
        Self { kind: BodyKind::Reply { bytes: None } }
    }
}

impl<B> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}

//! A middleware for actix-web 4.
//!
//! Wrap the whole application with it, as the last `wrap`, so that it stands outermost and no route can be forgotten:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use actix_web::{App, HttpResponse, test, web};
//! use backsoon::adapters::actix::Maintenance;
//! use backsoon::{Control, Host, Instance, Mode, Window, join::Options, store};
//!
//! let store = store::open("memory:").await?;
//! let instance = Instance::join(store.clone(), Options::default()).await;
//! // HttpServer::new(move || App::new()…)
//! let app = App::new()
//!     .route("/", web::get().to(HttpResponse::Ok))
//!     .wrap(Maintenance::new(instance.clone()));
//!
//! let app = test::init_service(app).await;
//! let visit = || test::TestRequest::get().to_request();
//! assert_eq!(test::call_service(&app, visit()).await.status(), 200);
//! Control::new(store, "ann").begin(&Host::any(), Window::new(Mode::On)).await?;
//! instance.closed().await;
//! assert_eq!(test::call_service(&app, visit()).await.status(), 503);
//! # Ok(()) }
//! ```
//!
//! # Who the peer is
//!
//! Rules about networks look at the peer of the connection, and at `X-Forwarded-For` only as far as the instance's
//! trusted proxies go. What actix-web calls `realip_remote_addr` is never believed.
//!
//! # Who the user is
//!
//! A middleware further out that knows the user puts a [`User`] into the request's extensions. Where that is
//! expensive, give [`Maintenance::identify`] a function; it is called only for requests whose decision depends on it.
//!
//! # What is to come
//!
//! Where the site's page says `announce`, answers of the open site say from then on when it will close (`Backsoon-Upcoming`), and a handler finds an
//! [`Upcoming`](crate::instance::Upcoming) in the request's extensions, for a banner.
//!
//! # What runs, and until when
//!
//! The permit rides in the [`Body`]: a request is over when its last byte has gone, or its client has. A refused
//! request never reaches the application. An error that a middleware further in returns, instead of a response, is
//! turned into a response outside of this one; its few bytes are not waited for.

use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HOST, HeaderMap, HeaderName, HeaderValue};
use actix_web::{Error, HttpMessage, HttpResponse};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use pin_project_lite::pin_project;

use crate::decide::Cause;
use crate::instance::{Admission, Instance, Permit, UPCOMING_HEADER};
use crate::pass::{FOR_CACHES_ALONE, NOT_FOR_CACHES};
use crate::reply::Reply;
use crate::request::{Headers, Identity, Request, Scheme, User};

type Ask = dyn Fn(&ServiceRequest) -> LocalBoxFuture<'static, User> + Send + Sync;

/// The door of an [`Instance`] before an application. See the [module's page](self).
#[derive(Clone)]
pub struct Maintenance {
    instance: Arc<Instance>,
    ask: Option<Arc<Ask>>,
}

/// An application behind the door.
#[derive(Debug)]
pub struct MaintenanceMiddleware<S> {
    // Requests that wait outlive the call.
    inner: Rc<S>,
    door: Maintenance,
}

pin_project! {
    /// The application's body with the request's permit, or a reply's bytes.
    pub struct Body<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = Projected]
    enum Kind<B> {
        Running { #[pin] body: B, permit: Permit },
        // To a HEAD without the bytes, but with the length that a GET would have (RFC 9110 §8.6).
        Reply { bytes: Option<Bytes>, length: u64 },
    }
}

// === impl Maintenance ===

impl Maintenance {
    /// A middleware at the door of `instance`.
    pub fn new(instance: Arc<Instance>) -> Self {
        Self { instance, ask: None }
    }

    /// Asks `who` for the user of a request that carries no [`User`] extension, when a rule needs to know.
    ///
    /// ```
    /// # use backsoon::{Instance, Marks, User, adapters::actix::Maintenance};
    /// # let instance = Instance::new(Default::default(), Marks::new());
    /// let door = Maintenance::new(instance).identify(|request| {
    ///     let token = request.headers().get("authorization").cloned();
    ///     async move { if token.is_some() { User::STAFF } else { User::ANONYMOUS } }
    /// });
    /// ```
    #[must_use]
    pub fn identify<A, F>(mut self, who: A) -> Self
    where
        A: Fn(&ServiceRequest) -> F + Send + Sync + 'static,
        F: Future<Output = User> + 'static,
    {
        self.ask = Some(Arc::new(move |request| Box::pin(who(request))));
        self
    }

    async fn admit(&self, request: &ServiceRequest) -> Admission {
        let ask = || async {
            match &self.ask {
                Some(ask) => ask(request).await,
                None => User::ANONYMOUS,
            }
        };
        self.instance.admit_as(&view(request), ask).await
    }
}

/// A borrowed view of the request. In HTTP/1 the authority of the target overrules `Host` (RFC 9112 §3.2.2); in
/// HTTP/2 it is the target's `:authority`.
fn view(request: &ServiceRequest) -> Request<'_> {
    let (uri, headers) = (request.uri(), request.headers());
    let host = || headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = uri.authority().map_or_else(host, |authority| authority.as_str());
    // With its query, which says where the link of a pass leads.
    let path = uri.path_and_query().map_or_else(|| uri.path(), |path| path.as_str());
    let mut view = Request::new(request.method().as_str(), host, path, headers);
    if request.app_config().secure() {
        view.scheme = Scheme::Https;
    }
    view.peer = request.peer_addr().map(|address| address.ip());
    view.user = request.extensions().get::<User>().map_or(Identity::Unasked, |user| Identity::Known(*user));
    view
}

impl fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maintenance").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for Maintenance
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<Body<B>>;
    type Error = Error;
    type Transform = MaintenanceMiddleware<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(MaintenanceMiddleware { inner: Rc::new(inner), door: self.clone() }))
    }
}

// === impl MaintenanceMiddleware ===

impl<S, B> Service<ServiceRequest> for MaintenanceMiddleware<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<Body<B>>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (inner, door) = (Rc::clone(&self.inner), self.door.clone());
        Box::pin(async move {
            match door.admit(&request).await {
                Admission::Refused(reply, cause) => Ok(request.into_response(refused(reply, cause))),
                Admission::Admitted(permit) => {
                    if let Some(upcoming) = permit.upcoming() {
                        request.extensions_mut().insert(upcoming.clone());
                    }
                    let mut response = inner.call(request).await?;
                    if let Some(upcoming) = permit.upcoming() {
                        announce(response.headers_mut(), upcoming.field());
                    }
                    if let Some(pass) = permit.pass().and_then(|pass| HeaderValue::from_str(pass).ok()) {
                        let headers = response.headers_mut();
                        headers.insert(HeaderName::from_static("backsoon-pass"), pass);
                        headers.insert(CACHE_CONTROL, HeaderValue::from_static(NOT_FOR_CACHES));
                        FOR_CACHES_ALONE.into_iter().for_each(|name| drop(headers.remove(name)));
                    }
                    Ok(response.map_body(|_, body| Body { kind: Kind::Running { body, permit } }))
                }
            }
        })
    }
}

/// actix-web has types of an older `http`; what one takes, the other takes, too.
fn announce(headers: &mut HeaderMap, start: &http::HeaderValue) {
    let name = HeaderName::from_bytes(UPCOMING_HEADER.as_str().as_bytes());
    if let (Ok(name), Ok(start)) = (name, HeaderValue::from_bytes(start.as_bytes())) {
        headers.insert(name, start);
    }
}

/// The response leaves its [`Cause`] in the extensions, for logs and metrics further out.
fn refused<B>(reply: Reply, cause: Cause) -> HttpResponse<Body<B>> {
    let headers = reply.header_map();
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let length = length.unwrap_or(reply.body.len() as u64);
    let bytes = Some(reply.body).filter(|bytes| !bytes.is_empty());
    // 400 to 599 and the two redirects are statuses in every version of `http`.
    let status = StatusCode::from_u16(reply.status.as_u16()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = HttpResponse::with_body(status, Body { kind: Kind::Reply { bytes, length } });
    // actix-web has types of an older `http`; what one takes, the other takes, too.
    for (name, value) in &headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            response.headers_mut().append(name, value);
        }
    }
    response.extensions_mut().insert(cause);
    response
}

// === impl Body ===

impl<B: MessageBody> MessageBody for Body<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        match &self.kind {
            Kind::Running { body, .. } => body.size(),
            Kind::Reply { length, .. } => BodySize::Sized(*length),
        }
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, B::Error>>> {
        match self.project().kind.project() {
            Projected::Running { body, .. } => body.poll_next(cx),
            Projected::Reply { bytes, .. } => Poll::Ready(bytes.take().map(Ok)),
        }
    }
}

impl<B> fmt::Debug for Body<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

// === impl Headers ===

impl Headers for HeaderMap {
    fn each(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
        self.get_all(name).for_each(|value| visit(value.as_bytes()));
    }

    fn first(&self, name: &str) -> Option<&[u8]> {
        self.get(name).map(HeaderValue::as_bytes)
    }
}

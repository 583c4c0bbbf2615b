//! The first step of every request, before the door: whom it is for, who sent it, and what became of it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Request, Response, header};
use hyper::body::Incoming;
use tower_service::Service;

use super::access::Access;
use super::body::RequestBody;
use super::failure::Failure;
use super::forwarded::Peer;
use super::host;

/// What stands between the entry and the upstreams: the maintenance layer around the proxy, or the proxy alone.
pub trait Door:
    Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Door for S where
    S: Service<Request<RequestBody>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The entry of one gate; cloned for each request.
#[derive(Debug, Clone)]
pub(crate) struct Entry<D> {
    door: D,
    access: Access,
}

// === impl Entry ===

impl<D: Door> Entry<D> {
    pub(crate) fn new(door: D, access: Access) -> Self {
        Entry { door, access }
    }

    pub(crate) async fn answer(
        mut self,
        mut request: Request<Incoming>,
        peer: Arc<Peer>,
    ) -> Result<Response<Body>, Infallible> {
        let line = self.access.begin(&request, &peer);
        let answer = match host::settle(&mut request) {
            Ok(()) => self.admit(request, peer).await?,
            Err(_) => Failure::BadHost.answer(request.headers().get(header::ACCEPT)),
        };
        if let Some(line) = line {
            line.end(&answer);
        }
        Ok(answer)
    }

    async fn admit(
        &mut self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
    ) -> Result<Response<Body>, Infallible> {
        let (mut parts, incoming) = request.into_parts();
        let body = RequestBody::new(incoming, parts.version, &parts.headers);
        parts.extensions.insert(ConnectInfo(peer.address()));
        parts.extensions.insert(peer);
        poll_fn(|cx| self.door.poll_ready(cx)).await?;
        self.door.call(Request::from_parts(parts, body)).await
    }
}

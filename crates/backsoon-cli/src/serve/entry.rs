//! The first step of every request, before the door: whom it is for, who sent it, and what became of it.

use std::convert::Infallible;
use std::sync::Arc;

use backsoon::adapters;
use backsoon::adapters::tower::{Maintenance, ResponseBody};
use backsoon::decide::Cause;
use backsoon::{Instance, MaintenanceLayer};
use http::uri::Authority;
use http::{Request, Response, header};
use http_body_util::Either;
use hyper::body::Incoming;
use tower_layer::Layer;
use tower_service::Service;

use super::access::Access;
use super::answer::AnswerBody;
use super::body::RequestBody;
use super::failure::Failure;
use super::figures::Figures;
use super::forwarded::{Peer, Scheme};
use super::host::{self, BadHost};
use super::listener::{Answers, Reception};
use super::proxy::{Proxies, Proxy};
use super::vigil::{Doings, RunningBody};

/// Where the requests of one gate come in.
#[derive(Debug)]
pub(crate) struct Entry {
    instance: Arc<Instance>,
    layer: MaintenanceLayer,
    proxies: Proxies,
    access: Access,
    figures: Arc<Figures>,
}

/// Where the requests of one connection come in: the door, with the proxy behind it.
#[derive(Debug)]
pub(crate) struct Requests {
    instance: Arc<Instance>,
    door: Maintenance<Proxy>,
    /// What the upstream reads where no host is named.
    unnamed: Option<Authority>,
    peer: Arc<Peer>,
    access: Access,
    figures: Arc<Figures>,
    doings: Doings,
}

/// A body from the door, or from before it.
pub(crate) type Body = RunningBody<Either<ResponseBody<AnswerBody>, AnswerBody>>;

// === impl Entry ===

impl Entry {
    pub(crate) fn new(
        instance: Arc<Instance>,
        proxies: Proxies,
        access: Access,
        figures: Arc<Figures>,
    ) -> Self {
        let layer = MaintenanceLayer::new(Arc::clone(&instance)).share_permit().cut_short();
        Entry { instance, layer, proxies, access, figures }
    }
}

impl Reception for Entry {
    type Answers = Requests;

    fn of(&self, peer: Peer, doings: Doings) -> Requests {
        let peer = Arc::new(peer);
        let instance = Arc::clone(&self.instance);
        let door = self.layer.layer(self.proxies.of(Arc::clone(&instance), Arc::clone(&peer)));
        let unnamed = self.proxies.unnamed().cloned();
        let (access, figures) = (self.access, Arc::clone(&self.figures));
        Requests { instance, door, unnamed, peer, access, figures, doings }
    }
}

// === impl Requests ===

impl Answers for Requests {
    type Body = Body;

    fn answer(
        &self,
        mut request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static {
        let running = self.doings.begin();
        let line = self.access.begin(&request, &self.peer);
        let answering = match host::settle(&mut request).and_then(|()| self.name(&mut request)) {
            Ok(()) => Ok(self.knock(request)),
            Err(_) => Err(Failure::BadHost.answer(request.headers().get(header::ACCEPT))),
        };
        let figures = Arc::clone(&self.figures);
        async move {
            let answer = match answering {
                Ok(answering) => answering.await?.map(Either::Left),
                Err(answer) => answer.map(Either::Right),
            };
            if let Some(cause) = answer.extensions().get::<Cause>() {
                figures.refused(cause);
            }
            if let Some(line) = line {
                line.end(&answer);
            }
            Ok(answer.map(|body| running.until_the_end_of(body)))
        }
    }
}

impl Requests {
    /// Leaves the host that the door decides for as the target's authority, where `Host` alone does not say it.
    fn name(&self, request: &mut Request<Incoming>) -> Result<(), BadHost> {
        let told = self.peer.tells_host(request.headers());
        let mode = |host: &str| self.instance.mode(host);
        match host::decisive(request.headers().get(header::HOST), told, self.unnamed.as_ref(), mode)? {
            Some(authority) => host::address(request, authority),
            None => Ok(()),
        }
    }

    fn knock(
        &self,
        request: Request<Incoming>,
    ) -> <Maintenance<Proxy> as Service<Request<RequestBody>>>::Future {
        let (mut parts, incoming) = request.into_parts();
        let body = RequestBody::new(incoming, parts.version, &parts.headers);
        parts.extensions.insert(adapters::Peer(self.peer.address().ip()));
        if self.peer.scheme() == Scheme::Https {
            parts.extensions.insert(adapters::Scheme::Https);
        }
        // A clone, because requests on one HTTP/2 connection run beside one another; always ready, as the proxy is.
        self.door.clone().call(Request::from_parts(parts, body))
    }
}

//! The way through the gate: one `tower` service that hands a request to the upstream for its host.
//!
//! Ordinary requests go out over hyper's own clients, their fields changed in place; WebSockets go through
//! [`tunnel`](super::tunnel). What only reads is given up when its visitor leaves; what writes is an [`errand`].

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use backsoon::instance::HandedOn;
use backsoon::{Host, Instance, Permit};
use http::uri::{Authority, PathAndQuery};
use http::{Method, Request, Response, StatusCode, Uri, Version, header};
use tower_service::Service;
use tracing::warn;

use super::answer::AnswerBody;
use super::body::RequestBody;
use super::errand::{self, Answer, Errand};
use super::failure::Failure;
use super::figures::Figures;
use super::forwarded::Peer;
use super::options::Options;
use super::tunnel::{self, Tunnels};
use super::upstream::{Protocol, UpstreamUrl, Upstreams};
use super::{h2c, hop_by_hop, http1};

/// The service in the middle of the gate. It knows nothing of sites and modes: the door around it does.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    inner: Arc<Inner>,
    instance: Arc<Instance>,
    peer: Arc<Peer>,
}

/// What makes the proxy of each connection.
#[derive(Debug, Clone)]
pub(crate) struct Proxies(Arc<Inner>);

/// The future of one answer.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Response<AnswerBody>, Infallible>> + Send>>;

#[derive(Debug)]
struct Inner {
    upstreams: Upstreams<Arc<Upstream>>,
    tunnels: Tunnels,
    response_timeout: Duration,
    figures: Arc<Figures>,
}

/// One upstream and the connections to it.
#[derive(Debug)]
struct Upstream {
    url: UpstreamUrl,
    client: Client,
    tunnel: tunnel::Target,
}

#[derive(Debug)]
enum Client {
    Http1(http1::Client),
    H2c(h2c::Client),
}

/// An upstream gave no answer; the text is for the log.
#[derive(Debug)]
pub(crate) struct NoAnswer {
    pub(crate) failure: Failure,
    pub(crate) detail: String,
}

// === impl Proxies ===

impl Proxies {
    pub(crate) fn new(options: &Options, tunnels: &Tunnels, figures: Arc<Figures>) -> Self {
        let default = options.upstream.iter().map(|url| (Host::any(), url));
        let named = options.upstreams.iter().map(|(host, url)| (host.clone(), url));
        // A `*` in the table is the more deliberate one: it comes last and stays.
        let upstreams = default.chain(named).map(|(host, url)| (host, Arc::new(Upstream::new(url, tunnels))));
        Proxies(Arc::new(Inner {
            tunnels: tunnels.clone(),
            upstreams: Upstreams::new(upstreams),
            response_timeout: options.response_timeout,
            figures,
        }))
    }

    /// The proxy for the requests of one connection, which `instance` admits.
    pub(crate) fn of(&self, instance: Arc<Instance>, peer: Arc<Peer>) -> Proxy {
        Proxy { inner: Arc::clone(&self.0), instance, peer }
    }

    /// What the upstream of a request reads that names no host: its own authority.
    pub(crate) fn unnamed(&self) -> Option<&Authority> {
        self.0.upstreams.find("").map(|upstream| upstream.url.authority())
    }
}

// === impl Proxy ===

impl Service<Request<RequestBody>> for Proxy {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody>) -> Answering {
        let Proxy { inner, instance, peer } = self.clone();
        Box::pin(async move { Ok(Arc::clone(&inner).answer(request, &instance, &peer).await) })
    }
}

// === impl Inner ===

impl Inner {
    async fn answer(
        self: Arc<Self>,
        mut request: Request<RequestBody>,
        instance: &Arc<Instance>,
        peer: &Peer,
    ) -> Response<AnswerBody> {
        let permit = request.extensions_mut().remove::<Permit>();
        if let Some(permit) = &permit {
            self.figures.admitted(permit.cause());
        }
        let accept = request.headers().get(header::ACCEPT).cloned();
        if request.method() == Method::CONNECT {
            return Failure::Tunnel.answer(accept.as_ref());
        }
        // The authority was the door's; which host the upstream reads is what `Host` says.
        if request.uri().authority().is_some() {
            let path = request.uri().path_and_query().cloned();
            *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
        }
        let host =
            request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let Some(upstream) = self.upstreams.find(host) else {
            return Failure::UnknownHost.answer(accept.as_ref());
        };
        let upgrade = tunnel::is_wanted(&request);
        hop_by_hop::strip(request.headers_mut());
        peer.describe(request.headers_mut());
        let answer = if upgrade {
            let opened = Box::pin(upstream.tunnel.open(request, permit)).await;
            opened.inspect_err(|no_answer| self.tell(upstream, no_answer))
        } else {
            // The door's own permit rides with the answer.
            match permit.map(|permit| permit.hand_on(instance)) {
                Some(handed_on) if !request.method().is_safe() => {
                    Box::pin(self.errand(upstream, request, handed_on)).await
                }
                handed_on => {
                    let answer = self.exchange(upstream, request).await;
                    handed_on.into_iter().for_each(|handed_on| errand::settle(handed_on, &answer));
                    answer
                }
            }
        };
        answer.unwrap_or_else(|NoAnswer { failure, .. }| failure.answer(accept.as_ref()))
    }

    /// As [`Inner::exchange`], which goes on though the visitor leaves.
    async fn errand(
        self: &Arc<Self>,
        upstream: &Arc<Upstream>,
        request: Request<RequestBody>,
        handed_on: HandedOn,
    ) -> Answer {
        let upload = request.body().progress();
        let (inner, upstream) = (Arc::clone(self), Arc::clone(upstream));
        let exchange = async move { inner.exchange(&upstream, request).await };
        Errand::begin(exchange, upload, handed_on, &self.tunnels).answer().await
    }

    async fn exchange(&self, upstream: &Upstream, request: Request<RequestBody>) -> Answer {
        let upload = request.body().progress();
        let answer = self.exchange_once(upstream, request).await;
        if let Err(no_answer) = &answer
            && !upload.is_broken()
        {
            self.tell(upstream, no_answer);
        }
        answer
    }

    fn tell(&self, upstream: &Upstream, NoAnswer { failure, detail }: &NoAnswer) {
        warn!(upstream = %upstream.url, failure = failure.word(), detail, "the upstream gave no answer");
        self.figures.upstream_failed(*failure);
    }

    async fn exchange_once(&self, upstream: &Upstream, request: Request<RequestBody>) -> Answer {
        let uploading = request.body().progress();
        let sending = upstream.send(request);
        tokio::pin!(sending);
        let response = loop {
            let seen = uploading.frames();
            match tokio::time::timeout(self.response_timeout, &mut sending).await {
                Ok(response) => break response?,
                // The visitor is still sending: the upstream cannot answer yet.
                Err(_) if uploading.frames() != seen => {}
                Err(_) => {
                    let detail = format!("silent for {:?}", self.response_timeout);
                    return Err(NoAnswer { failure: Failure::TimedOut, detail });
                }
            }
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let detail = "101 Switching Protocols, which nobody had asked for".to_owned();
            return Err(NoAnswer { failure: Failure::Broken, detail });
        }
        let mut response = response.map(AnswerBody::Upstream);
        hop_by_hop::strip(response.headers_mut());
        // hyper would answer in the upstream's version, and close the connection after each HTTP/1.0 answer.
        *response.version_mut() = Version::HTTP_11;
        Ok(response)
    }
}

// === impl Upstream ===

impl Upstream {
    fn new(url: &UpstreamUrl, tunnels: &Tunnels) -> Self {
        let client = match url.protocol() {
            Protocol::Http1 => Client::Http1(http1::Client::new(url)),
            Protocol::H2c => Client::H2c(h2c::Client::new(url)),
        };
        Upstream { url: url.clone(), client, tunnel: tunnels.target(url) }
    }

    /// HTTP/2's future is boxed, as a tunnel's is: they are larger than HTTP/1.1's, which would carry their room along.
    async fn send(&self, request: Request<RequestBody>) -> Result<Response<http1::Answer>, NoAnswer> {
        match &self.client {
            Client::Http1(client) => client.send(request).await,
            Client::H2c(client) => Ok(Box::pin(client.send(request)).await?.map(Into::into)),
        }
    }
}

// === impl NoAnswer ===

impl NoAnswer {
    /// The connection broke, or what came over it could not be read.
    pub(crate) fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        NoAnswer { failure: Failure::Broken, detail: chain(error) }
    }

    /// Whether the upstream may have the request, and go on with it.
    pub(crate) fn is_at_work(&self) -> bool {
        self.failure != Failure::Unreachable
    }
}

/// An error and what caused it, in one line for the log.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

//! HTTP/1.1 to an upstream, over connections that are kept for the next request.

use std::time::Duration;

use http::uri::{Authority, Scheme, Uri};
use http::{HeaderValue, Request, Response, Version, header};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::body::RequestBody;
use super::failure::Failure;
use super::proxy::{NoAnswer, chain, path_and_query};
use super::upstream::UpstreamUrl;

/// How long making a connection may take, name lookup aside.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an unused connection is kept: less than the shortest wait that is common among servers (gunicorn's 2 s),
/// so that the gate, not the upstream, is the one who closes it, and no request is sent into a closing connection.
const IDLE_TIMEOUT: Duration = Duration::from_millis(1500);
/// How long the kernel waits before it asks a silent peer whether it still lives.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The connections to one upstream.
#[derive(Debug)]
pub(crate) struct Client {
    authority: Authority,
    client: legacy::Client<HttpConnector, RequestBody>,
}

// === impl Client ===

impl Client {
    pub(crate) fn new(url: &UpstreamUrl) -> Self {
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            // As many connections as there were requests at once: each one dropped would have to be made again.
            .pool_max_idle_per_host(usize::MAX)
            .build(connector());
        Client { authority: url.authority().clone(), client }
    }

    pub(crate) async fn send(
        &self,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, NoAnswer> {
        *request.uri_mut() = target(&self.authority, request.uri())?;
        *request.version_mut() = Version::HTTP_11;
        // Left to itself, hyper would send a GET with a body of unknown length without that body.
        if !request.body().is_end_stream() && !request.headers().contains_key(header::CONTENT_LENGTH) {
            request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        request.extensions_mut().clear();
        self.client.request(request).await.map_err(no_answer)
    }
}

/// A connector with what a proxy needs: small writes leave at once, dead peers are noticed.
pub(crate) fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector
}

fn target(authority: &Authority, uri: &Uri) -> Result<Uri, NoAnswer> {
    Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority.clone())
        .path_and_query(path_and_query(uri))
        .build()
        .map_err(|error| NoAnswer { failure: Failure::Broken, detail: error.to_string() })
}

fn no_answer(error: Error) -> NoAnswer {
    let failure = if error.is_connect() { Failure::Unreachable } else { Failure::Broken };
    NoAnswer { failure, detail: chain(&error) }
}

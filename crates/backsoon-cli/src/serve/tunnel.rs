//! WebSockets: a handshake over HTTP/1.1 (RFC 6455 §4), then bytes both ways until one side ends.
//!
//! `axum-reverse-proxy` does the handshake and carries the bytes. Its `TunnelGuard` keeps what we hand it until the
//! tunnel's last byte: the request's permit, so that "drained" includes open tunnels, and a token of this gate's own
//! drain. Its `TunnelCancellation` ends a tunnel, or all when the gate stops; it says nothing to anybody, so a tunnel whose permit is cut gets its
//! [farewell](super::farewell) first, by the connection to the upstream. Everything that we ask of that crate is in this file.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use axum::body::Body;
use axum_reverse_proxy::{
    HostBehaviour, ProxyError, ProxyPolicy, ReverseProxy, TunnelCancellation, TunnelGuard, XForwardedFor,
};
use backsoon::Permit;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::AnswerBody;
use super::body::RequestBody;
use super::connect::connector;
use super::failure::Failure;
use super::farewell::FarewellConnector;
use super::hop_by_hop;
use super::proxy::NoAnswer;
use super::upstream::UpstreamUrl;

/// All tunnels of this gate.
#[derive(Debug, Clone)]
pub(crate) struct Tunnels {
    /// Counts open tunnels among the work to be finished.
    pub(crate) running: TaskTracker,
    /// Ends them when the drain's limit is reached.
    pub(crate) cut: CancellationToken,
}

/// One upstream as the far end of tunnels.
pub(crate) struct Target {
    url: String,
    policy: ProxyPolicy,
    tunnels: Tunnels,
}

/// Ends a tunnel when its permit is cut, without a task that waits for it.
struct Cutter {
    /// Says farewell.
    told: CancellationToken,
    /// Ends it.
    cut: CancellationToken,
}

/// How long a client may take to answer a farewell.
const FAREWELL: Duration = Duration::from_secs(1);

/// Whether `request` asks for a WebSocket. Every other upgrade stays an ordinary request without one.
pub(crate) fn is_wanted(request: &Request<RequestBody>) -> bool {
    let headers = request.headers();
    request.version() == Version::HTTP_11
        && headers
            .get(header::UPGRADE)
            .is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && headers.contains_key(header::SEC_WEBSOCKET_KEY)
        && headers.contains_key(header::SEC_WEBSOCKET_VERSION)
        && hop_by_hop::connection_says(headers, "upgrade")
}

// === impl Tunnels ===

impl Tunnels {
    pub(crate) fn target(&self, url: &UpstreamUrl) -> Target {
        let policy = ProxyPolicy::new()
            .with_host_behaviour(HostBehaviour::Preserve)
            // The crate would believe what the client says; `forwarded` has already told the upstream the truth.
            .with_x_forwarded_for(XForwardedFor::Preserve);
        Target { url: format!("http://{}", url.authority()), policy, tunnels: self.clone() }
    }
}

// === impl Cutter ===

impl Wake for Cutter {
    fn wake(self: Arc<Self>) {
        self.told.cancel();
        let cut = self.cut.clone();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                tokio::time::sleep(FAREWELL).await;
                cut.cancel();
            })),
            // Nobody can wait here.
            Err(_) => cut.cancel(),
        }
    }
}

// === impl Target ===

impl Target {
    pub(crate) async fn open(
        &self,
        request: Request<RequestBody>,
        permit: Option<Permit>,
    ) -> Result<Response<AnswerBody>, NoAnswer> {
        let mut request = request.map(Body::new);
        // Said anew, and nothing else: the crate drops every field that `Connection` names, whoever named it.
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        let running = self.tunnels.running.token();
        let cut = self.tunnels.cut.child_token();
        let told = CancellationToken::new();
        if let Some(permit) = &permit {
            let waker = Waker::from(Arc::new(Cutter { told: told.clone(), cut: cut.clone() }));
            if permit.poll_cut(&Context::from_waker(&waker)).is_ready() {
                cut.cancel();
            }
        }
        request.extensions_mut().insert(TunnelGuard::new((permit, running)));
        request.extensions_mut().insert(TunnelCancellation(cut));
        // WebSockets begin in HTTP/1.1 even where everything else speaks HTTP/2. Each has a client of its own, whose connection knows it.
        let connector = FarewellConnector { inner: connector(), told };
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        let proxy =
            ReverseProxy::new_with_client("", self.url.clone(), client).with_policy(self.policy.clone());
        let Ok(response) = proxy.proxy_request(request).await;
        match response.extensions().get::<ProxyError>() {
            None => Ok(response.map(AnswerBody::Tunnel)),
            Some(error) => {
                Err(NoAnswer { failure: failure(&response, error), detail: error.message().to_owned() })
            }
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("url", &self.url).finish_non_exhaustive()
    }
}

fn failure(response: &Response<Body>, error: &ProxyError) -> Failure {
    match response.status() {
        StatusCode::GATEWAY_TIMEOUT => Failure::TimedOut,
        _ if error.is_connect() => Failure::Unreachable,
        _ => Failure::Broken,
    }
}

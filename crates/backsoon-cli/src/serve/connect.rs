//! A connection to an upstream: small writes leave at once, dead peers are noticed, and nobody waits for ever.

use std::time::Duration;

use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::failure::Failure;
use super::proxy::{NoAnswer, chain};
use super::upstream::UpstreamUrl;

/// How long a connection may take, the lookup of its name included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the kernel waits before it asks a silent peer whether it still lives.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Opens a connection to `upstream`.
pub(crate) async fn connect(upstream: &UpstreamUrl) -> Result<TokioIo<TcpStream>, NoAnswer> {
    let unreachable = |detail: String| NoAnswer { failure: Failure::Unreachable, detail };
    let uri = uri(upstream.authority().clone(), PathAndQuery::from_static("/"))?;
    match tokio::time::timeout(CONNECT_TIMEOUT, connector().call(uri)).await {
        Ok(connected) => connected.map_err(|error| unreachable(chain(&error))),
        Err(_) => Err(unreachable(format!("no connection within {CONNECT_TIMEOUT:?}"))),
    }
}

/// What makes the connections; it tries IPv6 and IPv4 side by side (RFC 8305).
pub(crate) fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector
}

/// `http://authority/path`.
pub(crate) fn uri(authority: Authority, path: PathAndQuery) -> Result<Uri, NoAnswer> {
    let mut parts = http::uri::Parts::default();
    (parts.scheme, parts.authority, parts.path_and_query) = (Some(Scheme::HTTP), Some(authority), Some(path));
    Uri::from_parts(parts).map_err(|error| NoAnswer { failure: Failure::Broken, detail: error.to_string() })
}

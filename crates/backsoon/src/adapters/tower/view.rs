//! What of a request the door looks at.

use crate::adapters::Peer;
use crate::request::{Identity, Request, Scheme, User};

/// A borrowed view of the request. In HTTP/1 the authority of the target overrules `Host` (RFC 9112 §3.2.2); in
/// HTTP/2 it is the target's `:authority`.
pub(super) fn view<'a>(
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

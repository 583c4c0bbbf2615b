//! The other end of a connection: its address, and under which name and scheme it reached the console.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use backsoon::rules::TrustedProxies;
use http::{HeaderMap, header, request::Parts};

use crate::problem::Problem;

/// Who connected, and to what.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The client's address; behind a trusted proxy the one that it vouches for.
    pub(crate) address: IpAddr,
    /// Whether the peer is a trusted proxy.
    pub(crate) trust: Trust,
    /// How the client's browser speaks to this console.
    pub(crate) scheme: Scheme,
    /// The name and port that it asked for, as sent.
    pub(crate) authority: String,
}

/// Whether what the peer says about others is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    Proxy,
    Stranger,
}

/// How a browser speaks to this console. Only a trusted proxy can say that it is https: there is no TLS here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

// === impl Client ===

impl Client {
    /// Reads it.
    ///
    /// # Errors
    /// When the request does not say which host it is for, or says it twice.
    pub(crate) fn of(parts: &Parts, proxies: &TrustedProxies) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
        let peer = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let trust = if proxies.trusts(peer) { Trust::Proxy } else { Trust::Stranger };
        let mut request = backsoon::Request::new("GET", "", "/", &parts.headers);
        request.peer = Some(peer);
        let address = proxies.client(&request).address.unwrap_or(peer);
        let sent = one(&parts.headers, header::HOST.as_str());
        let authority = match (parts.uri.authority(), sent) {
            (Some(target), Some(host)) if !target.as_str().eq_ignore_ascii_case(host) => None,
            (_, host) => host,
        };
        let told = |name: &str| one(&parts.headers, name).filter(|_| trust == Trust::Proxy);
        let authority = told("x-forwarded-host").or(authority).filter(|host| !host.is_empty());
        let authority = authority.ok_or_else(|| {
            Problem::new(
                http::StatusCode::BAD_REQUEST,
                "the request does not say, once, which host it is for",
            )
        })?;
        let scheme = match told("x-forwarded-proto") {
            Some(proto) if proto.eq_ignore_ascii_case("https") => Scheme::Https,
            _ => Scheme::Http,
        };
        Ok(Self { address, trust, scheme, authority: authority.to_owned() })
    }

    /// The name that it asked for, in lower case and without the port.
    pub(crate) fn host(&self) -> String {
        let name = match self.authority.rfind(':') {
            Some(colon) if !self.authority[colon..].contains(']') => &self.authority[..colon],
            _ => &self.authority,
        };
        name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
    }

    /// The origin of this console, as this client's browser writes it.
    pub(crate) fn origin(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        format!("{scheme}://{}", self.authority)
    }
}

/// The value of a field that is sent once and is text.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

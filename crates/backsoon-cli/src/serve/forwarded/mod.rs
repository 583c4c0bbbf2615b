//! What the upstream is told about the visitor: `X-Forwarded-For`, `-Host`, `-Proto` and `Forwarded` (RFC 7239).
//!
//! 1. From a peer that is no trusted proxy, whatever it says about itself is removed first, and the family of names
//!    that upstreams are known to believe with it.
//! 2. A trusted proxy's chain is kept, and its own address is added at the end, as each hop does.
//! 3. A trusted proxy that sent no `Forwarded` gets one made from the `X-Forwarded-For` that it sent, so that the two
//!    never tell different stories.

mod chain;
mod element;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use backsoon::rules::TrustedProxies;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use self::element::{describe_host, node};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Names with the same claim, which the gate never sets: a stranger's are removed.
static CLAIMS: [HeaderName; 5] = [
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-ssl"),
    HeaderName::from_static("x-real-ip"),
];

/// How visitors reach the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// The other end of one connection, written once for all its requests.
#[derive(Debug)]
pub(crate) struct Peer {
    address: SocketAddr,
    scheme: Scheme,
    trust: Trust,
    text: HeaderValue,
    node: String,
    /// The last host that was asked for, and the `Forwarded` that says so: a connection seldom changes it.
    last: Mutex<Option<(HeaderValue, HeaderValue)>>,
}

/// Whether what a peer says about other hosts is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    Proxy,
    Stranger,
}

// === impl Peer ===

impl Peer {
    pub(crate) fn new(address: SocketAddr, scheme: Scheme, trusted: &TrustedProxies) -> Self {
        // A listener on [::] sees IPv4 visitors as ::ffff:a.b.c.d: the same address in other clothes.
        let ip = address.ip().to_canonical();
        let trust = if trusted.trusts(ip) { Trust::Proxy } else { Trust::Stranger };
        let text = HeaderValue::from_str(&ip.to_string()).unwrap_or(HeaderValue::from_static("unknown"));
        Peer {
            address: SocketAddr::new(ip, address.port()),
            scheme,
            trust,
            text,
            node: node(ip),
            last: Mutex::default(),
        }
    }

    /// How it reached the gate.
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its address; an IPv4 address is one, however the socket wrote it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether what it says about others is believed.
    pub(crate) fn is_trusted(&self) -> bool {
        self.trust == Trust::Proxy
    }

    /// Writes into `headers` what the upstream is told about this visitor.
    pub(crate) fn describe(&self, headers: &mut HeaderMap) {
        match self.trust {
            Trust::Stranger => {
                // Few send any of them, and a look at the names costs less than five lookups.
                if headers.keys().any(|name| CLAIMS.contains(name)) {
                    for name in &CLAIMS {
                        headers.remove(name);
                    }
                }
                headers.reserve(4);
                match headers.get(header::HOST).cloned() {
                    Some(host) => {
                        headers.insert(header::FORWARDED, self.forwarded(&host));
                        headers.insert(HOST, host);
                    }
                    None => {
                        insert(headers, header::FORWARDED, self.element(None, self.scheme.as_str()));
                        headers.remove(HOST);
                    }
                }
                headers.insert(FOR, self.text.clone());
                headers.insert(PROTO, HeaderValue::from_static(self.scheme.as_str()));
            }
            Trust::Proxy => self.append(headers),
        }
    }

    /// `Forwarded` for a stranger who asks for `host`.
    fn forwarded(&self, host: &HeaderValue) -> HeaderValue {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((asked, forwarded)) if asked == host => forwarded.clone(),
            _ => {
                let element = self.element(Some(host), self.scheme.as_str());
                // An address, and a host that has been a field before: it is one.
                let forwarded =
                    HeaderValue::try_from(element).unwrap_or(HeaderValue::from_static("for=unknown"));
                *last = Some((host.clone(), forwarded.clone()));
                forwarded
            }
        }
    }

    fn element(&self, host: Option<&HeaderValue>, proto: &str) -> String {
        let mut element = String::with_capacity(64);
        element.push_str("for=");
        element.push_str(&self.node);
        describe_host(&mut element, host, proto);
        element
    }
}

impl Scheme {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// Everything written here is made of visible ASCII: an address, or text that has been a field before.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    match HeaderValue::try_from(value) {
        Ok(value) => headers.insert(name, value),
        Err(_) => headers.remove(name),
    };
}

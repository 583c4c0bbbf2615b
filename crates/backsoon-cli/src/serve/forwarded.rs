//! What the upstream is told about the visitor: `X-Forwarded-For`, `-Host`, `-Proto` and `Forwarded` (RFC 7239).
//!
//! 1. From a peer that is no trusted proxy, whatever it says about itself is removed first, and the family of names
//!    that upstreams are known to believe with it.
//! 2. A trusted proxy's chain is kept, and its own address is added at the end, as each hop does.
//! 3. A trusted proxy that sent no `Forwarded` gets one made from the `X-Forwarded-For` that it sent, so that the two
//!    never tell different stories.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use backsoon::rules::TrustedProxies;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::host::is_host;

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

    /// Which host a trusted proxy says that the visitor asked for: one value, and a host.
    pub(crate) fn tells_host<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        if self.trust == Trust::Stranger {
            return None;
        }
        let mut told = headers.get_all(&HOST).iter();
        let only = told.next().filter(|_| told.next().is_none());
        only.filter(|host| is_host(host.as_bytes()))
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

    fn append(&self, headers: &mut HeaderMap) {
        let chain = joined(headers, &FOR);
        if let (false, Some(host)) = (headers.contains_key(HOST), headers.get(header::HOST).cloned()) {
            headers.insert(HOST, host);
        }
        if !headers.contains_key(PROTO) {
            headers.insert(PROTO, HeaderValue::from_static(self.scheme.as_str()));
        }
        let forwarded = match joined(headers, &header::FORWARDED) {
            Some(told) => format!("{told}, for={}", self.node),
            None => self.read_from_chain(chain.as_deref(), headers),
        };
        insert(headers, header::FORWARDED, forwarded);
        match chain {
            Some(chain) => insert(headers, FOR, format!("{chain}, {}", self.node_plain())),
            None => {
                headers.insert(FOR, self.text.clone());
            }
        }
    }

    /// `Forwarded` for a proxy that wrote only the older fields.
    fn read_from_chain(&self, chain: Option<&str>, headers: &HeaderMap) -> String {
        let proto = headers.get(PROTO).and_then(|proto| proto.to_str().ok()).unwrap_or(self.scheme.as_str());
        let proto = if proto.eq_ignore_ascii_case("https") { "https" } else { "http" };
        let Some(chain) = chain else { return self.element(headers.get(HOST), proto) };
        let mut forwarded = String::new();
        for (hop, address) in chain.split(',').map(str::trim).enumerate() {
            let name = address.parse::<IpAddr>().map_or("unknown".to_owned(), |ip| node(ip.to_canonical()));
            let _ = write!(forwarded, "{}for={name}", if hop == 0 { "" } else { ", " });
            if hop == 0 {
                describe_host(&mut forwarded, headers.get(HOST), proto);
            }
        }
        let _ = write!(forwarded, ", for={}", self.node);
        forwarded
    }

    fn element(&self, host: Option<&HeaderValue>, proto: &str) -> String {
        let mut element = String::with_capacity(64);
        element.push_str("for=");
        element.push_str(&self.node);
        describe_host(&mut element, host, proto);
        element
    }

    fn node_plain(&self) -> &str {
        self.text.to_str().unwrap_or("unknown")
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

/// An address as RFC 7239 §6 writes it: IPv6 in brackets and quotes.
fn node(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("\"[{ip}]\""),
    }
}

/// Adds `;host="…";proto=…`. A host that would end the quotes is left out.
fn describe_host(element: &mut String, host: Option<&HeaderValue>, proto: &str) {
    if let Some(host) = host.and_then(|host| host.to_str().ok()).filter(|host| !host.contains(['"', '\\'])) {
        element.push_str(";host=\"");
        element.push_str(host);
        element.push('"');
    }
    element.push_str(";proto=");
    element.push_str(proto);
}

/// All values of a list field as one (RFC 9110 §5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    if values.is_empty() { None } else { Some(values.join(", ")) }
}

/// Everything written here is made of visible ASCII: an address, or text that has been a field before.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    match HeaderValue::try_from(value) {
        Ok(value) => headers.insert(name, value),
        Err(_) => headers.remove(name),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(peer: &str, sent: &[(&'static str, &'static str)]) -> [String; 4] {
        let trusted = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let peer = Peer::new(peer.parse().unwrap(), Scheme::Https, &trusted);
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_static("shop.example"));
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_static(value));
        }
        peer.describe(&mut headers);
        assert!(!headers.contains_key("x-real-ip"));
        [FOR, HOST, PROTO, header::FORWARDED].map(|name| {
            assert_eq!(headers.get_all(&name).iter().count(), 1, "{name}");
            headers[name].to_str().unwrap().to_owned()
        })
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let lies = [
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-for", "5.6.7.8"),
            ("x-forwarded-host", "bank.example"),
            ("x-forwarded-proto", "gopher"),
            ("forwarded", "for=1.2.3.4"),
            ("x-real-ip", "1.2.3.4"),
        ];
        let truth = ["192.0.2.7", "shop.example", "https", "for=192.0.2.7;host=\"shop.example\";proto=https"];
        assert_eq!(told("192.0.2.7:5000", &lies), truth);
        assert_eq!(told("[::ffff:192.0.2.7]:5000", &lies), truth);
        assert_eq!(
            told("[2001:db8::1]:5000", &[])[3],
            "for=\"[2001:db8::1]\";host=\"shop.example\";proto=https"
        );
    }

    #[test]
    fn a_trusted_proxys_chain_is_kept_and_grows_by_its_own_address() {
        let chain = [
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-for", "2001:db8::1"),
            ("x-forwarded-host", "www.example"),
            ("x-forwarded-proto", "http"),
        ];
        assert_eq!(
            told("10.0.0.1:5000", &chain),
            [
                "192.0.2.7, 2001:db8::1, 10.0.0.1",
                "www.example",
                "http",
                "for=192.0.2.7;host=\"www.example\";proto=http, for=\"[2001:db8::1]\", for=10.0.0.1",
            ]
        );
        assert_eq!(
            told("10.0.0.1:5000", &[("forwarded", "for=_hidden;proto=https")])[3],
            "for=_hidden;proto=https, for=10.0.0.1"
        );
        assert_eq!(told("[::ffff:10.0.0.1]:5000", &chain)[0], "192.0.2.7, 2001:db8::1, 10.0.0.1");
        assert_eq!(told("10.0.0.1:5000", &[])[0], "10.0.0.1");
    }

    #[test]
    fn only_a_trusted_proxy_tells_the_host_and_only_one() {
        let trusted = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]);
        let told = |peer: &str, sent: &[&'static str]| {
            let peer = Peer::new(peer.parse().unwrap(), Scheme::Http, &trusted);
            let mut headers = HeaderMap::new();
            for host in sent {
                headers.append(HOST, HeaderValue::from_static(host));
            }
            peer.tells_host(&headers).cloned()
        };
        assert_eq!(
            told("10.0.0.1:1", &["shop.example:80"]),
            Some(HeaderValue::from_static("shop.example:80"))
        );
        assert_eq!(told("192.0.2.7:1", &["shop.example"]), None);
        for none in [&[][..], &["a", "a"], &["a, b"], &["a b"], &[""], &["me@a"]] {
            assert_eq!(told("10.0.0.1:1", none), None, "{none:?}");
        }
    }

    #[test]
    fn a_chain_with_nonsense_stays_a_valid_field() {
        let told =
            told("10.0.0.1:5000", &[("x-forwarded-for", "a\"b, 192.0.2.7"), ("x-forwarded-host", "a\"b")]);
        assert_eq!(told[3], "for=unknown;proto=https, for=192.0.2.7, for=10.0.0.1");
    }
}

//! The servers behind the gate: how one is written, and which one answers for a host.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use backsoon::Host;
use http::uri::{Authority, Scheme, Uri};
use serde::Deserialize;

/// How the gate speaks to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 over plain TCP: `http://host:port`.
    Http1,
    /// HTTP/2 over plain TCP by prior knowledge (RFC 9113 §3.3): `h2c://host:port`.
    H2c,
}

/// Where an upstream listens: `http://127.0.0.1:3000` or `h2c://127.0.0.1:50051`.
///
/// There is no path: the gate hands every path on as it came.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UpstreamUrl {
    protocol: Protocol,
    authority: Authority,
}

/// Upstreams by host; the most specific pattern wins.
#[derive(Debug)]
pub(crate) struct Upstreams<T> {
    exact: BTreeMap<String, T>,
    /// Longest first, so that the first match is the most specific one.
    suffixes: Vec<(String, T)>,
    any: Option<T>,
}

/// Why a text names no upstream or no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpstream {
    /// The text is no URL.
    #[error("`{0}` is no upstream: write it as http://HOST:PORT or h2c://HOST:PORT")]
    NotAUrl(String),
    /// A scheme that the gate does not speak.
    #[error(
        "`{url}`: the gate speaks http:// and h2c:// to an upstream, not {scheme}://; \
             put a TLS client such as stunnel between them"
    )]
    Scheme {
        /// The text as it was given.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// Something follows the port.
    #[error("`{0}`: an upstream has no path, query or user name; the gate hands every path on as it came")]
    TooMuch(String),
}

// === impl UpstreamUrl ===

impl UpstreamUrl {
    /// How the gate speaks to it.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Its host and port, as written.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }
}

impl FromStr for UpstreamUrl {
    type Err = InvalidUpstream;

    fn from_str(text: &str) -> Result<Self, InvalidUpstream> {
        let not_a_url = || InvalidUpstream::NotAUrl(text.to_owned());
        let parts = text.parse::<Uri>().map_err(|_| not_a_url())?.into_parts();
        let scheme = parts.scheme.ok_or_else(not_a_url)?;
        let protocol = match scheme.as_str() {
            "http" => Protocol::Http1,
            "h2c" => Protocol::H2c,
            other => {
                return Err(InvalidUpstream::Scheme { url: text.to_owned(), scheme: other.to_owned() });
            }
        };
        let authority = parts.authority.ok_or_else(not_a_url)?;
        let path = parts.path_and_query.as_ref().map_or("/", |path| path.as_str());
        if !matches!(path, "" | "/") || authority.as_str().contains('@') {
            return Err(InvalidUpstream::TooMuch(text.to_owned()));
        }
        if authority.host().is_empty() {
            return Err(not_a_url());
        }
        Ok(UpstreamUrl { protocol, authority })
    }
}

impl TryFrom<String> for UpstreamUrl {
    type Error = InvalidUpstream;

    fn try_from(text: String) -> Result<Self, InvalidUpstream> {
        text.parse()
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.protocol {
            Protocol::Http1 => Scheme::HTTP.as_str().to_owned(),
            Protocol::H2c => "h2c".to_owned(),
        };
        write!(f, "{scheme}://{}", self.authority)
    }
}

// === impl Upstreams ===

impl<T> Upstreams<T> {
    pub(crate) fn new(named: impl IntoIterator<Item = (Host, T)>) -> Self {
        let mut upstreams = Upstreams { exact: BTreeMap::new(), suffixes: Vec::new(), any: None };
        for (host, upstream) in named {
            match host.as_str().strip_prefix('*') {
                Some("") => upstreams.any = Some(upstream),
                Some(suffix) => upstreams.suffixes.push((suffix.to_owned(), upstream)),
                None => drop(upstreams.exact.insert(host.as_str().to_owned(), upstream)),
            }
        }
        upstreams.suffixes.sort_by_key(|(suffix, _)| std::cmp::Reverse(suffix.len()));
        upstreams
    }

    /// The upstream that answers for `host` (which may carry a port, a last dot and capitals).
    pub(crate) fn find(&self, host: &str) -> Option<&T> {
        if self.exact.is_empty() && self.suffixes.is_empty() {
            return self.any.as_ref();
        }
        let host = bare(host).to_ascii_lowercase();
        self.exact
            .get(&host)
            .or_else(|| {
                self.suffixes.iter().find(|(suffix, _)| host.ends_with(suffix)).map(|(_, found)| found)
            })
            .or(self.any.as_ref())
    }
}

/// The host of `host[:port]`, without the root's dot.
fn bare(host: &str) -> &str {
    let end = match host.rfind(':') {
        // The colons inside an IPv6 address's brackets are no port.
        Some(colon) if !host[colon..].contains(']') => colon,
        _ => host.len(),
    };
    let host = &host[..end];
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_read_or_refused_with_a_way_out() {
        let url: UpstreamUrl = "h2c://[::1]:50051/".parse().unwrap();
        assert_eq!((url.protocol(), url.authority().as_str()), (Protocol::H2c, "[::1]:50051"));
        assert_eq!("http://app".parse::<UpstreamUrl>().unwrap().to_string(), "http://app");
        for (bad, way_out) in [
            ("127.0.0.1:3000", "http://HOST:PORT"),
            ("https://app", "not https://"),
            ("http://app/base", "no path"),
            ("http://me@app", "no path, query or user name"),
            ("", "http://HOST:PORT"),
        ] {
            let error = bad.parse::<UpstreamUrl>().unwrap_err().to_string();
            assert!(error.contains(way_out), "{bad}: {error}");
        }
    }

    #[test]
    fn the_most_specific_host_wins() {
        let table = Upstreams::new(
            ["*", "*.example.com", "*.shop.example.com", "shop.example.com"]
                .map(|pattern| (pattern.parse().unwrap(), pattern)),
        );
        for (host, pattern) in [
            ("shop.example.com", "shop.example.com"),
            ("SHOP.example.com.:8080", "shop.example.com"),
            ("a.shop.example.com", "*.shop.example.com"),
            ("www.example.com", "*.example.com"),
            ("example.com", "*"),
            ("notexample.com", "*"),
            ("[::1]:80", "*"),
        ] {
            assert_eq!(table.find(host), Some(&pattern), "{host}");
        }
        assert_eq!(Upstreams::new([("a".parse().unwrap(), 1)]).find("b"), None);
    }
}

//! What a trusted proxy has told, and how it goes on.

use std::fmt::Write;
use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::element::{describe_host, node};
use super::{FOR, HOST, PROTO, Peer, insert};

// === impl Peer ===

impl Peer {
    /// Keeps the chain that `headers` have, and adds this peer at its end.
    pub(super) fn append(&self, headers: &mut HeaderMap) {
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

    fn node_plain(&self) -> &str {
        self.text.to_str().unwrap_or("unknown")
    }
}

/// All values of a list field as one (RFC 9110 §5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    if values.is_empty() { None } else { Some(values.join(", ")) }
}

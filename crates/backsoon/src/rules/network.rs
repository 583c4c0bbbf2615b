//! Who the client is, and whether a rule means its address.
//!
//! 1. The address of the connection's peer is believed.
//! 2. `X-Forwarded-For` is believed only from a trusted proxy, and is walked from the right: each entry was written
//!    by the hop to its right, so it counts only while that hop is trusted.
//! 3. An entry that is not an address stops the walk; the hop that sent it is the client.
//! 4. IPv4 addresses mapped into IPv6 (RFC 4291 §2.5.5.2) are IPv4 addresses.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::request::{Request, Scheme};

/// An address or a CIDR network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// The proxies whose `X-Forwarded-For` is believed. None by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrustedProxies(pub Vec<Network>);

/// The client's address and why it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The address, if there is one.
    pub address: Option<IpAddr>,
    /// Why this one.
    pub because: Because,
}

/// Why an address is believed to be the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// The connection has no address (a Unix socket, say).
    NoPeer,
    /// The peer is no trusted proxy, so it is the client, whatever it forwards.
    UntrustedPeer,
    /// The peer is a trusted proxy but forwarded nobody.
    NothingForwarded,
    /// Trusted proxies, this many of them in a row, forwarded it.
    Forwarded {
        /// How many trusted hops vouch for it.
        hops: usize,
    },
    /// A trusted proxy forwarded something that is not an address, so the walk ended at that proxy.
    Malformed,
}

/// The text is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotANetwork {
    /// Not an address, not a network.
    #[error("`{0}` is neither an address nor a network; write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32")]
    Malformed(String),
    /// A network whose address has bits set to the right of its prefix.
    #[error(
        "`{given}` is an address inside a network; did you mean the network {network} or the address {address}?"
    )]
    HostBits {
        /// The text as given.
        given: String,
        /// The network that contains it.
        network: IpNet,
        /// The address alone.
        address: IpAddr,
    },
}

// === impl Network ===

impl Network {
    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        let net: IpNet = text.parse().map_err(|_| NotANetwork::Malformed(text.to_owned()))?;
        let net = match net {
            IpNet::V6(v6) if v6.prefix_len() >= 96 => {
                match (v6.addr().to_ipv4_mapped(), v6.prefix_len() - 96) {
                    (Some(v4), prefix) => ipnet::Ipv4Net::new(v4, prefix).map_or(net, IpNet::V4),
                    (None, _) => net,
                }
            }
            _ => net,
        };
        if net.addr() == net.network() {
            Ok(Self(net))
        } else {
            Err(NotANetwork::HostBits { given: text.to_owned(), network: net.trunc(), address: net.addr() })
        }
    }
}

impl TryFrom<String> for Network {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, NotANetwork> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

// === impl TrustedProxies ===

impl TrustedProxies {
    /// Whether `address` is one of them.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who sent `request`, by the rules at the head of this module.
    pub fn client(&self, request: &Request<'_>) -> Client {
        let Some(peer) = request.peer.map(|peer| peer.to_canonical()) else {
            return Client { address: None, because: Because::NoPeer };
        };
        if !self.trusts(peer) {
            return Client { address: Some(peer), because: Because::UntrustedPeer };
        }
        let mut lines = Vec::new();
        request.headers.each("x-forwarded-for", &mut |value| lines.push(value.to_vec()));
        let entries = lines.iter().rev().flat_map(|line| line.rsplit(|&byte| byte == b','));
        let mut client = Client { address: Some(peer), because: Because::NothingForwarded };
        for (hop, entry) in entries.enumerate() {
            let Some(address) = forwarded_address(entry) else {
                return Client { because: Because::Malformed, ..client };
            };
            client = Client { address: Some(address), because: Because::Forwarded { hops: hop + 1 } };
            if !self.trusts(address) {
                break;
            }
        }
        client
    }

    /// How the visitor came: as this server was spoken to, unless a trusted proxy says otherwise in
    /// `X-Forwarded-Proto`.
    pub fn scheme(&self, request: &Request<'_>) -> Scheme {
        let told = request.peer.filter(|peer| self.trusts(*peer));
        match told.and_then(|_| request.headers.first("x-forwarded-proto")) {
            // Of several hops the first one has seen the visitor.
            Some(value) => match value.split(|&byte| byte == b',').next().map(<[u8]>::trim_ascii) {
                Some(first) if first.eq_ignore_ascii_case(b"https") => Scheme::Https,
                _ => Scheme::Http,
            },
            None => request.scheme,
        }
    }
}

/// Reads `192.0.2.7`, `192.0.2.7:80`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:80`.
fn forwarded_address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address =
        bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip())).ok()?;
    Some(address.to_canonical())
}

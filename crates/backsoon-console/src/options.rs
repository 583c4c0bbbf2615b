//! What a console is told at its start, by flags or by `[admin]` in `backsoon.toml`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use backsoon::decide::Local;
use backsoon::rules::TrustedProxies;
use http::HeaderName;
use serde::{Deserialize, Deserializer, de};

use crate::people::Role;

/// Everything that a console is told. Nothing here changes while it runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where operators connect: `127.0.0.1:9180`; a port alone means this machine only. Nowhere unless given.
    #[serde(deserialize_with = "listen")]
    pub listen: Option<SocketAddr>,
    /// The names under which the console may be reached, without a port; on a loopback address also `localhost` and
    /// the address itself. An address that others can reach needs at least one.
    pub hosts: Vec<String>,
    /// The proxies before the console whose `X-Forwarded-*` are believed, and whose identity header, too.
    pub trusted_proxies: TrustedProxies,
    /// The field by which a trusted proxy says who has signed in there (`X-Forwarded-User`).
    #[serde(deserialize_with = "field")]
    pub identity_header: Option<HeaderName>,
    /// The role of those whom the identity header names and nobody has added here.
    pub identity_role: Role,
    /// This server's own part of every decision, for rehearsals.
    #[serde(skip)]
    pub local: Local,
    /// A session that is not used for so long ends.
    #[serde(skip)]
    pub idle: Duration,
    /// A session ends after so long, used or not.
    #[serde(skip)]
    pub absolute: Duration,
}

/// The options do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Others can reach the address, and nobody has said under which name.
    #[error(
        "the console on {0} can be reached by others, so it must know its names: set hosts = [\"gate.example.com\"] under [admin] in backsoon.toml, or listen on 127.0.0.1"
    )]
    NoHosts(SocketAddr),
    /// Whoever connects could say who they are.
    #[error(
        "identity_header is set and nobody is trusted to send it: name the proxy's address in trusted_proxies under [admin] in backsoon.toml"
    )]
    NobodyTrusted,
}

/// Reads `127.0.0.1:9180`, `[::1]:9180`, `:9180` or `9180`; without an address it is 127.0.0.1.
///
/// # Errors
/// A sentence that says how to write it.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text);
    match port.parse::<u16>() {
        Ok(port) => Ok(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port)),
        Err(_) => text.parse().map_err(|_| {
            format!("`{text}` is no address; write 127.0.0.1:9180, or 9180 for this machine only")
        }),
    }
}

// === impl Options ===

impl Options {
    /// Checks that they fit together.
    ///
    /// # Errors
    /// When the console could be reached under any name, or anybody could say who they are.
    pub fn check(&self) -> Result<(), Unusable> {
        if let Some(address) = self.listen.filter(|address| !address.ip().is_loopback())
            && self.hosts.is_empty()
        {
            return Err(Unusable::NoHosts(address));
        }
        if self.identity_header.is_some() && self.trusted_proxies.0.is_empty() {
            return Err(Unusable::NobodyTrusted);
        }
        Ok(())
    }
}

impl Default for Options {
    /// Nowhere; nobody is believed; sessions end after two idle hours, and after twelve in any case.
    fn default() -> Self {
        Self {
            listen: None,
            hosts: Vec::new(),
            trusted_proxies: TrustedProxies::default(),
            identity_header: None,
            identity_role: Role::Viewer,
            local: Local::default(),
            idle: Duration::from_secs(2 * 3600),
            absolute: Duration::from_secs(12 * 3600),
        }
    }
}

fn listen<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    address(&String::deserialize(deserializer)?).map(Some).map_err(de::Error::custom)
}

fn field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<HeaderName>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map(Some)
        .map_err(|_| de::Error::custom(format!("`{text}` is not the name of a header field")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_host_is_this_machine() {
        for (text, meant) in [
            ("9180", "127.0.0.1:9180"),
            (":0", "127.0.0.1:0"),
            ("[::1]:80", "[::1]:80"),
            ("0.0.0.0:1", "0.0.0.0:1"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), meant);
        }
        assert!(address("gate.example.com:80").unwrap_err().contains("write 127.0.0.1:9180"));
    }

    #[test]
    fn an_address_that_others_reach_needs_a_name() {
        let far = Options { listen: Some("0.0.0.0:9180".parse().unwrap()), ..Options::default() };
        assert!(matches!(far.check(), Err(Unusable::NoHosts(_))));
        assert_eq!(Options { hosts: vec!["gate.example.com".into()], ..far }.check(), Ok(()));
        let anybody =
            Options { identity_header: Some(HeaderName::from_static("x-user")), ..Options::default() };
        assert_eq!(anybody.check(), Err(Unusable::NobodyTrusted));
    }
}

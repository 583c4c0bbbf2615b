//! What the gate is told at its start, by flags or by `[gate]` in `backsoon.toml`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use backsoon::Host;
use backsoon::rules::TrustedProxies;
use serde::{Deserialize, Deserializer, de};

use super::auth;
use super::upstream::UpstreamUrl;

/// Everything the gate is told. Nothing here changes while it runs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Where visitors connect; port 0 lets the system choose one.
    pub listen: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` answer; nowhere unless given.
    pub observe: Option<SocketAddr>,
    /// The upstream for every host that `upstreams` does not name.
    pub upstream: Option<UpstreamUrl>,
    /// Upstreams by host, `*.suffix` or `*`.
    pub upstreams: BTreeMap<Host, UpstreamUrl>,
    /// The proxies before the gate whose `X-Forwarded-*` and `Forwarded` go on to the upstream; none unless given.
    /// The instance at the door must be told the same ones: it believes their `X-Forwarded-For`.
    pub trusted_proxies: TrustedProxies,
    /// How long running requests may take to finish once the gate has been told to stop.
    #[serde(deserialize_with = "duration")]
    pub drain_limit: Duration,
    /// How long a client may take to send a request's head, or to begin one on a connection that it keeps open.
    #[serde(deserialize_with = "duration")]
    pub header_timeout: Duration,
    /// How long an upstream may be silent before its answer begins, counted from the last byte it was sent.
    #[serde(deserialize_with = "duration")]
    pub response_timeout: Duration,
    /// Serve https with this certificate; http without.
    pub tls: Option<Tls>,
    /// Where proxies that were there before ask what to do with a request.
    pub auth: auth::Options,
    /// Whether each answer is told to `tracing` under the target `backsoon::access`.
    pub access_log: AccessLog,
}

/// The files of a certificate, both PEM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate, followed by its intermediates.
    pub cert: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
}

/// Whether answers are logged; `true` and `false` in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "bool")]
pub enum AccessLog {
    /// Nothing is logged per request.
    #[default]
    Off,
    /// One event per answer.
    On,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Options {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            observe: None,
            upstream: None,
            upstreams: BTreeMap::new(),
            trusted_proxies: TrustedProxies::default(),
            drain_limit: Duration::from_secs(30),
            header_timeout: Duration::from_secs(30),
            response_timeout: Duration::from_secs(60),
            tls: None,
            auth: auth::Options::default(),
            access_log: AccessLog::Off,
        }
    }
}

// === impl AccessLog ===

impl From<bool> for AccessLog {
    fn from(on: bool) -> Self {
        if on { AccessLog::On } else { AccessLog::Off }
    }
}

/// Reads a duration such as `30s` or `1m 30s`.
///
/// # Errors
/// A sentence that names the text and how to write it.
pub fn span(text: &str) -> Result<Duration, String> {
    let way_out = || format!("`{text}` is no duration: write 500ms, 30s or 2m");
    let span = text.parse::<jiff::SignedDuration>().map_err(|_| way_out())?;
    Duration::try_from(span).ok().filter(|span| !span.is_zero()).ok_or_else(way_out)
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    span(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_is_read() {
        let options: Options = toml::from_str(
            r#"
            listen = "0.0.0.0:80"
            observe = "127.0.0.1:9100"
            upstream = "http://127.0.0.1:3000"
            upstreams = { "shop.example.com" = "h2c://127.0.0.1:50051", "*.example.com" = "http://app" }
            trusted_proxies = ["10.0.0.0/8", "192.0.2.7", "::1"]
            drain_limit = "1m 30s"
            header_timeout = "5s"
            response_timeout = "500ms"
            tls = { cert = "cert.pem", key = "key.pem" }
            access_log = true
            auth = { listen = "127.0.0.1:8081", patience = "10s", refuse_status = 403 }
            "#,
        )
        .unwrap();
        assert_eq!(options.listen.port(), 80);
        assert_eq!(options.upstreams.len(), 2);
        assert!(options.trusted_proxies.trusts("192.0.2.7".parse().unwrap()));
        assert_eq!(options.drain_limit, Duration::from_secs(90));
        assert_eq!(options.response_timeout, Duration::from_millis(500));
        assert_eq!(options.access_log, AccessLog::On);
        assert_eq!(options.auth.refuse_status, Some(auth::RefuseStatus::Forbidden));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_a_way_out() {
        for (text, way_out) in [
            ("upstrem = \"http://a\"", "unknown field `upstrem`"),
            ("trusted_proxies = [\"10.0.0.0/40\"]", "10.0.0.0/8 or"),
            ("drain_limit = \"soon\"", "write 500ms, 30s or 2m"),
            ("drain_limit = \"-3s\"", "write 500ms, 30s or 2m"),
            ("upstream = \"ftp://a\"", "not ftp://"),
            ("upstreams = { \"a:80\" = \"http://a\" }", "without scheme, port and path"),
            ("auth = { refuse_status = 200 }", "not one of 401 and 403"),
            ("tls = { cert = \"a\" }", "missing field `key`"),
        ] {
            let error = toml::from_str::<Options>(text).unwrap_err().to_string();
            assert!(error.contains(way_out), "{text}: {error}");
        }
    }
}

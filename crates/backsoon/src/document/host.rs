//! The hosts that a site stands for.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One host (`shop.example.com`), every host below a suffix (`*.example.com`), or every host (`*`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(String);

/// The text names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a site; write a host without scheme, port and path (shop.example.com), a suffix (*.example.com) or *"
)]
pub struct NotAHost(String);

// === impl Host ===

impl Host {
    /// Every host.
    pub fn any() -> Self {
        Self("*".into())
    }

    /// The name as written in documents.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `*`.
    pub fn is_any(&self) -> bool {
        self.0 == "*"
    }

    /// The part after `*` of a suffix, with its dot; nothing for one host and for `*`.
    pub(crate) fn suffix(&self) -> Option<&str> {
        self.0.strip_prefix('*').filter(|suffix| !suffix.is_empty())
    }

    /// This host and everything wider that covers it, the most special first and `*` last.
    pub(crate) fn line(&self) -> impl Iterator<Item = Self> {
        let labels = self.0.strip_prefix('*').unwrap_or(&self.0);
        let dots = labels.match_indices('.').map(|(dot, _)| Self(format!("*{}", &labels[dot..])));
        let wider = dots.filter(move |suffix| suffix != self).chain((!self.is_any()).then(Self::any));
        std::iter::once(self.clone()).chain(wider)
    }

    /// Whether every host that `other` stands for is one that this stands for.
    pub fn covers(&self, other: &Self) -> bool {
        match self.suffix() {
            _ if self.is_any() || self == other => true,
            Some(suffix) => {
                other.0.strip_prefix('*').unwrap_or(&other.0).strip_suffix(suffix).is_some_and(|rest| {
                    !rest.is_empty() || other.suffix().is_some_and(|theirs| theirs.len() > suffix.len())
                })
            }
            None => false,
        }
    }
}

/// The host of an authority or a `Host` header: in lower case, without user, port and trailing dots. More than one dot is
/// no host, and a gate says so; where nobody does, a closing must not be passed by it.
pub(crate) fn plain(authority: &str) -> Cow<'_, str> {
    // A request target may have `user@` before its host (RFC 3986 §3.2.1); nobody routes by it.
    let authority = authority.rfind('@').map_or(authority, |at| &authority[at + 1..]);
    let host = match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    };
    if let Some(address) = address(host) {
        return Cow::Owned(address);
    }
    let host = host.trim_end_matches('.');
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

/// An IPv6 address in brackets, in its one canonical spelling (RFC 5952).
fn address(host: &str) -> Option<String> {
    let inner = host.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<std::net::Ipv6Addr>().ok().map(|address| format!("[{address}]"))
}

impl FromStr for Host {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        if text == "*" {
            return Ok(Self::any());
        }
        if let Some(address) = address(text) {
            return Ok(Self(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let labels = name.strip_prefix("*.").unwrap_or(&name);
        let valid = labels.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        });
        if valid && name.len() <= 253 { Ok(Self(name)) } else { Err(NotAHost(text.to_owned())) }
    }
}

impl TryFrom<String> for Host {
    type Error = NotAHost;

    fn try_from(text: String) -> Result<Self, NotAHost> {
        text.parse()
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse().unwrap()
    }

    #[test]
    fn a_suffix_covers_what_lies_below_it_and_nothing_else() {
        let covers = |wide: &str, narrow: &str| host(wide).covers(&host(narrow));
        assert!(covers("*", "shop.example.com"));
        assert!(covers("*", "*.example.com"));
        assert!(covers("*.example.com", "shop.example.com"));
        assert!(covers("*.example.com", "*.eu.example.com"));
        assert!(covers("*.example.com", "*.example.com"));
        assert!(!covers("*.example.com", "example.com"));
        assert!(!covers("*.eu.example.com", "*.example.com"));
        assert!(!covers("*.example.com", "shopexample.com"));
        assert!(!covers("*.example.com", "*"));
        assert!(!covers("shop.example.com", "*"));
    }

    #[test]
    fn hosts_are_read_without_port_case_and_trailing_dot() {
        assert_eq!(plain("Shop.Example.com:8080"), "shop.example.com");
        assert_eq!(plain("shop.example.com."), "shop.example.com");
        assert_eq!(plain("Shop.example.com..:80"), "shop.example.com");
        assert_eq!(plain("[::1]:80"), "[::1]");
        assert_eq!(plain("[::1]"), "[::1]");
        assert_eq!(plain("[0:0::1]:80"), "[::1]");
        assert_eq!(plain("ann:secret@shop.example.com:80"), "shop.example.com");
        assert_eq!(plain(""), "");
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "[::1",
            "[::g]",
            "**",
            "*.*.a",
            "http://a",
            "a:80",
            "a/b",
            "a..b",
            "*a.example",
            "a.*",
            "ä.example",
            "*.",
        ] {
            assert!(text.parse::<Host>().is_err(), "{text:?}");
        }
    }
}

//! Where a session was begun, and in which browser.

use std::net::IpAddr;

use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use crate::client::one;

/// So much is kept of what a browser says of itself, in characters.
pub const LONGEST: usize = 200;

/// Where a session was begun.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Whence {
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// What the browser said of itself, at most [`LONGEST`] characters of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
}

// === impl Whence ===

impl Whence {
    /// Where a client is, and what its browser says of itself.
    pub(crate) fn of(from: IpAddr, headers: &HeaderMap) -> Self {
        let says = one(headers, header::USER_AGENT.as_str()).filter(|text| !text.is_empty());
        let browser = says.map(|text| text.chars().filter(|c| !c.is_control()).take(LONGEST).collect());
        Self { from: Some(from), browser }
    }

    /// The browser in a few words: `Firefox on Linux`.
    pub(crate) fn browser_in_words(&self) -> String {
        let Some(says) = &self.browser else { return "an unknown browser".to_owned() };
        // Whoever is built on another one names that, too; so the first that fits is the one.
        let find = |names: &[(&str, &'static str)]| {
            names.iter().find(|(part, _)| says.contains(part)).map(|(_, name)| *name)
        };
        let browser = find(&[
            ("Edg", "Edge"),
            ("OPR/", "Opera"),
            ("Firefox/", "Firefox"),
            ("FxiOS/", "Firefox"),
            ("CriOS/", "Chrome"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        ]);
        let system = find(&[
            ("Windows", "Windows"),
            ("Android", "Android"),
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Mac OS", "macOS"),
            ("CrOS", "ChromeOS"),
            ("Linux", "Linux"),
        ]);
        match (browser, system) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(browser), None) => browser.to_owned(),
            (None, _) => says.chars().take(40).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_named_in_a_few_words() {
        let words = |says: &str| Whence { from: None, browser: Some(says.into()) }.browser_in_words();
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        assert_eq!(words(chrome), "Chrome on Linux");
        assert_eq!(words(&format!("{chrome} Edg/140.0")), "Edge on Linux");
        assert_eq!(
            words("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"),
            "Firefox on Windows"
        );
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 (KHTML) Version/18 Mobile/1 Safari/604";
        assert_eq!(words(phone), "Safari on iPhone");
        assert_eq!(words("curl/8.5.0"), "curl/8.5.0");
    }
}

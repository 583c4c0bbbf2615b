//! Whose scripts may read a refusal in a browser.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An origin as browsers send it (RFC 6454 §6.2), `https://app.example.com`, or `*` for every one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(String);

/// The text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no origin; write scheme and host in lower case and nothing behind them (https://app.example.com), or `*` for every one"
)]
pub struct NotAnOrigin(String);

// === impl Origin ===

impl Origin {
    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for every origin.
    pub fn is_any(&self) -> bool {
        self.0 == "*"
    }
}

impl TryFrom<String> for Origin {
    type Error = NotAnOrigin;

    fn try_from(text: String) -> Result<Self, NotAnOrigin> {
        let authority = text.split_once("://").filter(|(scheme, authority)| {
            let letters =
                scheme.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
            !scheme.is_empty() && letters && authority.bytes().all(|b| !b.is_ascii_uppercase())
        });
        let authority = authority.and_then(|(_, authority)| authority.parse::<http::uri::Authority>().ok());
        // Browsers leave out a scheme's own port.
        let usual =
            |port| (text.starts_with("http:") && port == 80) || (text.starts_with("https:") && port == 443);
        let whole = authority.is_some_and(|authority| {
            let odd = authority.host().is_empty() || authority.as_str().contains(['@', '*']);
            !odd && !authority.port_u16().is_some_and(usual)
        });
        if text == "*" || whole { Ok(Self(text)) } else { Err(NotAnOrigin(text)) }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for (text, valid) in [
            ("*", true),
            ("https://app.example.com", true),
            ("http://localhost:5173", true),
            ("http://[::1]:8080", true),
            ("capacitor://localhost", true),
            ("https://app.example.com/", false),
            ("https://App.example.com", false),
            ("HTTPS://app.example.com", false),
            ("https://app.example.com:443", false),
            ("http://app.example.com:80", false),
            ("https://ann@app.example.com", false),
            ("app.example.com", false),
            ("https://", false),
            ("://x", false),
            ("null", false),
            ("", false),
            ("https://*.example.com", false),
            ("a://ü:80", false),
            ("a://b:80", true),
        ] {
            assert_eq!(Origin::try_from(text.to_owned()).is_ok(), valid, "{text}");
        }
    }
}

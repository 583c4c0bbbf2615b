//! What a user is called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a user, in lower case: 1 to 64 letters, digits, `.`, `_`, `-`, `+` and `@`, so that an address fits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

/// The text cannot name a user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a user's name; it has 1 to 64 letters, digits, `.`, `_`, `-`, `+` and `@`")]
pub struct NotAUserName(String);

// === impl UserName ===

impl UserName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same as a segment of a store's key: what that cannot have, and `_` itself, is `_` and two digits.
    pub(crate) fn segment(&self) -> String {
        let mut segment = String::new();
        for byte in self.0.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' => segment.push(char::from(byte)),
                other => segment.push_str(&format!("_{other:02x}")),
            }
        }
        segment
    }
}

impl FromStr for UserName {
    type Err = NotAUserName;

    fn from_str(text: &str) -> Result<Self, NotAUserName> {
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+@".contains(&b));
        if valid {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(NotAUserName(text.chars().filter(|c| !c.is_control()).take(80).collect()))
        }
    }
}

impl TryFrom<String> for UserName {
    type Error = NotAUserName;

    fn try_from(text: String) -> Result<Self, NotAUserName> {
        text.parse()
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_names_never_share_a_key_and_every_key_is_one() {
        let names = ["ada", "ada.l", "ada_2e", "_", ".", "a@b.example", "a+b"];
        let segments: Vec<_> = names.iter().map(|name| name.parse::<UserName>().unwrap().segment()).collect();
        for (at, segment) in segments.iter().enumerate() {
            assert!(backsoon::store::check_key(&format!("people/{segment}")).is_ok(), "{segment}");
            assert!(!segments[..at].contains(segment));
        }
        assert_eq!("Ada@Example.com".parse::<UserName>().unwrap().as_str(), "ada@example.com");
        // The longest name fits.
        let longest = "@".repeat(64).parse::<UserName>().unwrap();
        assert!(backsoon::store::check_key(&format!("people/{}", longest.segment())).is_ok());
        for text in ["", "a b", "ä", "a/b", "a\r\nb", &"a".repeat(65)] {
            assert!(text.parse::<UserName>().is_err(), "{text:?}");
        }
    }
}

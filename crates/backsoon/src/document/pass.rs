//! One pass, and the keys that sign the cookies of all passes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Host, hex};
use crate::time::Timestamp;

/// How many passes there may be at once.
pub const MOST_PASSES: usize = 1000;

/// An invitation through every closing of one site, until it expires or is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    /// The name by which it is revoked; its bearer sees it in `Backsoon-Pass`.
    pub id: PassId,
    /// Whom it was made for, in words.
    #[serde(rename = "for")]
    pub bearer: String,
    /// The hosts that it opens.
    #[serde(default = "Host::any")]
    pub site: Host,
    /// When it was made.
    pub created: Timestamp,
    /// The first moment at which it opens nothing any more.
    pub expires: Timestamp,
    /// Who made it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// What the secret of its link is known by.
    pub secret: SecretHash,
}

/// The name of a pass: 1 to 64 of `a-z A-Z 0-9 - _`, so that it can stand in a link, a cookie and a header.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PassId(Arc<str>);

/// The text cannot name a pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a pass's name; it has 1 to 64 letters, digits, `-` and `_`")]
pub struct NotAPass(String);

/// SHA-256 of a link's secret, which is nowhere kept itself.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretHash(pub(crate) [u8; 32]);

/// The keys by which cookies are signed, each with its name; the last one signs, all of them verify.
///
/// They are read from a document and written to a store. They do not serialise otherwise, so that nobody who shows a
/// State shows them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Keys(BTreeMap<String, Key>);

/// One key: 256 random bits.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Key([u8; 32]);

// === impl Pass ===

impl Pass {
    /// Whether it opens nothing any more at `now`.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires <= now
    }
}

// === impl PassId ===

impl PassId {
    /// A new name that no other pass has: `p-` and eight letters and digits that are hard to mistake. It is no secret.
    pub fn random() -> Self {
        const LETTERS: &[u8] = b"23456789abcdefghjkmnpqrstuvwxyz";
        let name = (0..8).map(|_| char::from(LETTERS[fastrand::usize(..LETTERS.len())]));
        Self("p-".chars().chain(name).collect::<String>().into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn shared(&self) -> &Arc<str> {
        &self.0
    }
}

impl FromStr for PassId {
    type Err = NotAPass;

    fn from_str(text: &str) -> Result<Self, NotAPass> {
        let valid = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if valid { Ok(Self(text.into())) } else { Err(NotAPass(text.to_owned())) }
    }
}

impl TryFrom<String> for PassId {
    type Error = NotAPass;

    fn try_from(text: String) -> Result<Self, NotAPass> {
        text.parse()
    }
}

impl From<PassId> for String {
    fn from(id: PassId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for PassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

// === impl SecretHash ===

impl TryFrom<String> for SecretHash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        hex::decode(&text).map(Self).ok_or("the hash of a pass's secret has 64 hexadecimal digits")
    }
}

impl From<SecretHash> for String {
    fn from(hash: SecretHash) -> Self {
        hex::encode(&hash.0)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

// === impl Keys ===

impl Keys {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds `key` under `name`.
    pub(crate) fn insert(&mut self, name: String, key: Key) {
        self.0.insert(name, key);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Key> {
        self.0.get(name)
    }

    /// The one that signs, with its name.
    pub(crate) fn signing(&self) -> Option<(&str, &Key)> {
        self.0.last_key_value().map(|(name, key)| (name.as_str(), key))
    }

    /// What is written to a store, and nowhere else.
    pub(super) fn revealed(&self) -> BTreeMap<&str, String> {
        self.0.iter().map(|(name, key)| (name.as_str(), hex::encode(&key.0))).collect()
    }
}

// === impl Key ===

impl Key {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<String> for Key {
    type Error = &'static str;

    // Without the text: an error is shown.
    fn try_from(text: String) -> Result<Self, &'static str> {
        hex::decode(&text).map(Self).ok_or("a key has 64 hexadecimal digits")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

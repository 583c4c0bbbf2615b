//! Secrets that a machine has drawn: they are shown once, and only their digest is kept.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// 256 random bits; written as 43 characters of base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The SHA-256 of a secret, in hexadecimal. Secrets have 256 random bits, so nothing has to make guessing slow.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

/// The SHA-256 of any text, in hexadecimal: to know a text again without keeping it.
pub(crate) fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

// === impl Secret ===

impl Secret {
    /// A new one.
    ///
    /// # Panics
    /// When the system has no random numbers: no secret can be made then.
    #[allow(clippy::expect_used, reason = "a secret that is not random would be worse than an end")]
    pub fn random() -> Self {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).expect("the system gives random numbers");
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads what a client sent; anything of another form is no secret.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = (text.len() == 43).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten()?;
        (bytes.len() == 32).then(|| Self(text.to_owned()))
    }

    /// The text that its owner is shown.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it. `purpose` keeps digests of one secret apart.
    pub fn digest(&self, purpose: &str) -> Digest {
        let mut hash = Sha256::new();
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(self.0.as_bytes());
        Digest(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

// === impl Digest ===

impl Digest {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` is the same, without telling by the time it takes where it differs.
    pub fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.is(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_secret_is_not_read() {
        let secret = Secret::random();
        assert_eq!(Secret::read(secret.reveal()), Some(secret.clone()));
        for text in [
            "",
            "a",
            &secret.reveal()[1..],
            &format!("{}A", secret.reveal()),
            &"!".repeat(43),
            &"A".repeat(9000),
        ] {
            assert_eq!(Secret::read(text), None, "{text:?}");
        }
        assert_ne!(secret.digest("session"), secret.digest("csrf"));
        assert_eq!(format!("{secret:?}"), "Secret(***)");
    }
}

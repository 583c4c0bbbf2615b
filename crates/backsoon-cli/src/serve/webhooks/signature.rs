//! The signature of Standard Webhooks (<https://www.standardwebhooks.com>), version 1: HMAC-SHA256.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::hidden::Hidden;

/// What a secret in the form of Standard Webhooks begins with.
const PREFIX: &str = "whsec_";

/// Fewer bytes can be guessed; Standard Webhooks asks for as many.
const SHORTEST: usize = 24;

/// What signs the deliveries of one hook.
#[derive(Clone)]
pub(crate) struct Key(Vec<u8>);

/// Why a secret signs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAKey {
    #[error("its secret begins with {PREFIX}, and what follows is no base64")]
    NoBase64,
    #[error(
        "its secret has {0} bytes, and fewer than {SHORTEST} can be guessed; `openssl rand -base64 32` makes a good one (write {PREFIX} before it)"
    )]
    Short(usize),
}

// === impl Key ===

impl Key {
    /// `whsec_` and base64, or any other text as it is.
    pub(crate) fn read(secret: &Hidden) -> Result<Self, NotAKey> {
        let text = secret.reveal().trim();
        let bytes = match text.strip_prefix(PREFIX) {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| NotAKey::NoBase64)?,
            None => text.as_bytes().to_vec(),
        };
        if bytes.len() < SHORTEST { Err(NotAKey::Short(bytes.len())) } else { Ok(Self(bytes)) }
    }

    /// The value of `webhook-signature` for a delivery that is sent at `seconds` since 1970.
    pub(crate) fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        // Keys of any length are allowed, so there is nothing to fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Result<Key, NotAKey> {
        Key::read(&text.to_owned().into())
    }

    #[test]
    fn it_signs_as_the_specification_does() {
        // The example of the libraries of Standard Webhooks.
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_none() {
        assert_eq!(key("hunter2").unwrap_err(), NotAKey::Short(7));
        assert_eq!(key("whsec_aGFsbG8=").unwrap_err(), NotAKey::Short(5));
        assert_eq!(key("whsec_?").unwrap_err(), NotAKey::NoBase64);
        let long = key("a plain text of more than 24 bytes\n").unwrap();
        assert_eq!(long.0.len(), 34, "a file ends with a line break, and it is no part of the secret");
        assert_eq!(format!("{long:?}"), "***");
    }
}

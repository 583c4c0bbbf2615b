//! The cookie of a pass: `1.KEY.PASS.EXPIRY.MAC`.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::document::{Key, Pass, hex};
use crate::request::Headers;

/// The cookie's name where visitors come by https: a browser takes it only from the host itself, over https.
pub const COOKIE_ON_HTTPS: &str = "__Host-backsoon";

/// The cookie's name where visitors come by plain http.
pub const COOKIE: &str = "backsoon";

/// The form of the value.
const VERSION: &str = "1";

/// How many bytes of all `Cookie` fields are looked at.
const LIMIT: usize = 8192;

/// How many cookies of the name are tried: a stranger's cookie for the whole domain is not to hide the right one.
const TRIES: usize = 4;

/// A value taken apart; nothing of it is believed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cookie<'a> {
    pub(super) key: &'a str,
    pub(super) pass: &'a str,
    expiry: &'a str,
    mac: [u8; 32],
}

/// Calls `visit` with the value of each cookie of the name.
pub(super) fn each(headers: &(dyn Headers + Sync), visit: &mut dyn FnMut(&str)) {
    let (mut left, mut tries) = (LIMIT, TRIES);
    headers.each("cookie", &mut |field| {
        let field = &field[..field.len().min(left)];
        left -= field.len();
        // Some servers hand several fields on as one, joined by commas.
        for pair in field.split(|byte| matches!(byte, b';' | b',')) {
            let pair = pair.trim_ascii();
            let value = [COOKIE_ON_HTTPS, COOKIE]
                .into_iter()
                .find_map(|name| pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")));
            if let Some(value) = value.filter(|_| tries > 0) {
                tries -= 1;
                std::str::from_utf8(value).into_iter().for_each(&mut *visit);
            }
        }
    });
}

/// The value of the cookie for `pass`.
pub(super) fn signed(name: &str, key: &Key, pass: &Pass) -> String {
    let expiry = expiry(pass);
    let mac = mac(key, &message(name, pass, &expiry)).finalize().into_bytes();
    format!("{VERSION}.{name}.{}.{expiry}.{}", pass.id, hex::encode(&mac))
}

// === impl Cookie ===

impl<'a> Cookie<'a> {
    pub(super) fn read(value: &'a str) -> Option<Self> {
        let mut parts = value.split('.');
        let version = parts.next()?;
        let (key, pass, expiry) = (parts.next()?, parts.next()?, parts.next()?);
        let mac = hex::decode(parts.next()?)?;
        let whole = version == VERSION && parts.next().is_none();
        whole.then_some(Self { key, pass, expiry, mac })
    }

    /// Whether `key` has signed it for `pass` as it is.
    pub(super) fn is_signed_for(&self, pass: &Pass, key: &Key) -> bool {
        let expiry = expiry(pass);
        let signature = mac(key, &message(self.key, pass, &expiry));
        self.expiry == expiry && signature.verify_slice(&self.mac).is_ok()
    }
}

/// In whole seconds since 1970.
fn expiry(pass: &Pass) -> String {
    pass.expires.as_millis().div_euclid(1000).to_string()
}

/// Neither the names nor a host has a line break in it, so that no two messages are the same.
fn message(key: &str, pass: &Pass, expiry: &str) -> String {
    format!("backsoon pass {VERSION}\n{key}\n{}\n{}\n{expiry}", pass.id, pass.site)
}

fn mac(key: &Key, message: &str) -> Hmac<Sha256> {
    // Not `new_from_slice`: a key has exactly the length that a block takes, and this cannot fail.
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    block[..key.bytes().len()].copy_from_slice(key.bytes());
    let mut mac = Hmac::<Sha256>::new(&block);
    mac.update(message.as_bytes());
    mac
}

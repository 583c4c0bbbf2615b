//! The link of a pass: `/.well-known/backsoon/pass/ID.SECRET`, and `?to=/path` for where it leads.

use std::borrow::Cow;
use std::fmt;

use hmac::digest::CtOutput;
use sha2::{Digest as _, Sha256};

use super::NotInvited;
use super::invitation::random;
use crate::document::{Pass, PassId, SecretHash, hex};
use crate::request::Effect;
use crate::rules::Path;

/// Where links begin. The application is never asked for anything below it.
pub const PREFIX: &str = "/.well-known/backsoon/pass/";

/// The longest place that a link leads to.
const LONGEST: usize = 2048;

/// The link of a pass: whoever has it has the pass.
#[derive(Clone)]
pub struct Link {
    id: PassId,
    secret: Secret,
}

/// A link cannot lead there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no place on the site; write a path that begins with one slash, as in /cart?step=2")]
pub struct NotAPlace(String);

/// 160 random bits.
#[derive(Clone)]
pub(super) struct Secret(String);

/// What a request presents as a link.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub(super) id: &'a str,
    secret: &'a str,
}

/// `path` without the secret of a link, for logs: whatever stands behind the place of links is cut, however it is spelled.
///
/// ```
/// use backsoon::pass::redacted;
/// assert_eq!(redacted("/cart"), "/cart");
/// assert_eq!(redacted("/.well-known/backsoon/pass/p-1.secret?to=/cart"), "/.well-known/backsoon/pass/…");
/// assert_eq!(redacted("//.well-known/backsoon/pass%2Fp-1.secret"), "/.well-known/backsoon/pass/…");
/// ```
pub fn redacted(path: &str) -> Cow<'_, str> {
    let holds_a_link = path.starts_with(PREFIX)
        || may_spell_a_link(path)
            && Path::read(path).any(Effect::Closed, |reading| {
                reading.contains(PREFIX) || reading.ends_with(PREFIX.trim_end_matches('/'))
            });
    if holds_a_link { Cow::Owned(format!("{PREFIX}…")) } else { Cow::Borrowed(path) }
}

/// Whether `path` is a link's in another spelling, which may have its secret: neither a link nor anything of the
/// application's.
pub(crate) fn is_misspelled(path: &str) -> bool {
    if !may_spell_a_link(path) || path.starts_with(PREFIX) {
        return false;
    }
    let read = Path::read(path);
    // Of an odd path the last segment may be cut, and it is the one with the secret.
    let is_place = |reading: &str| read.is_odd() && reading == PREFIX.trim_end_matches('/');
    read.any(Effect::Closed, |reading| reading.starts_with(PREFIX) || is_place(reading))
}

/// Whether it is worth reading: there is hardly a path to which this applies.
fn may_spell_a_link(path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    path.bytes().any(|byte| byte == b'%' || byte.is_ascii_control()) || path.contains("well-known")
}

/// Where the link at `path` leads: a place on the same host, `/` if none or another one is named.
pub(crate) fn target(path: &str) -> String {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let named = query.split('&').find_map(|pair| pair.strip_prefix("to="));
    named.and_then(local).unwrap_or_else(|| "/".to_owned())
}

/// The place that percent-encoded `text` names, encoded again, if it is a path of this host.
fn local(text: &str) -> Option<String> {
    let decoded = decoded(text)?;
    let is_local = decoded.len() <= LONGEST
        && decoded.starts_with(b"/")
        && decoded.get(1) != Some(&b'/')
        && !decoded.starts_with(PREFIX.as_bytes())
        // Browsers read a backslash as a slash, and leave controls out.
        && !decoded.iter().any(|&byte| byte == b'\\' || byte.is_ascii_control());
    let is_kept = |byte: u8| {
        byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}')
    };
    is_local.then(|| {
        decoded.into_iter().fold(String::new(), |mut path, byte| {
            match is_kept(byte) {
                true => path.push(char::from(byte)),
                false => path.push_str(&format!("%{byte:02X}")),
            }
            path
        })
    })
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let digit =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(bytes.next()?)? << 4 | digit(bytes.next()?)?
            }
            byte => byte,
        });
    }
    Some(decoded)
}

// === impl Link ===

impl Link {
    pub(super) fn new(id: PassId, secret: Secret) -> Self {
        Self { id, secret }
    }

    /// The path of the link, secret and all. It is shown to the one who made it, and kept nowhere.
    pub fn path(&self) -> String {
        format!("{PREFIX}{}.{}", self.id, self.secret.0)
    }

    /// The same, leading to `place`: a path of the same host, perhaps with a query.
    ///
    /// # Errors
    /// When it is no such path.
    pub fn leading_to(&self, place: &str) -> Result<String, NotAPlace> {
        let is_kept = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
        let encoded = place.bytes().fold(format!("{}?to=", self.path()), |mut path, byte| {
            match is_kept(&byte) {
                true => path.push(char::from(byte)),
                false => path.push_str(&format!("%{byte:02X}")),
            }
            path
        });
        let leads = place == "/" || target(&encoded) != "/";
        if leads { Ok(encoded) } else { Err(NotAPlace(place.to_owned())) }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({}.…)", self.id)
    }
}

// === impl Secret ===

impl Secret {
    pub(super) fn random() -> Result<Self, NotInvited> {
        Ok(Self(hex::encode(&random::<20>()?)))
    }

    pub(super) fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(&self.0).into())
    }
}

// === impl Presented ===

impl<'a> Presented<'a> {
    /// Reads a path below [`PREFIX`], with or without a query.
    pub(crate) fn read(path: &'a str) -> Option<Self> {
        let rest = path.strip_prefix(PREFIX)?;
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        let (id, secret) = rest.split_once('.')?;
        Some(Self { id, secret })
    }

    pub(super) fn has_secret_of(&self, pass: &Pass) -> bool {
        let shown = CtOutput::<Sha256>::new(Sha256::digest(self.secret));
        shown == CtOutput::new(pass.secret.0.into())
    }
}

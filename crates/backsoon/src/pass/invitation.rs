//! A new pass with the link that its bearer is given.

use std::time::Duration;

use super::Link;
use super::link::Secret;
use crate::document::{Host, Key, Pass, PassId, State};
use crate::time::Timestamp;

/// A pass that is not in any document yet, and its link, which nobody can show again.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The pass.
    pub pass: Pass,
    /// What its bearer is given.
    pub link: Link,
    /// For a document that has no key yet.
    key: (String, Key),
}

/// Why nobody was invited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotInvited {
    /// Nobody would know later whose pass it is.
    #[error("a pass is for somebody: name them in 1 to 100 characters")]
    Nameless,
    /// The operating system has no random numbers to give.
    #[error("the operating system gives no random numbers, so there can be no secret: {0}")]
    NoRandomness(String),
}

// === impl Invitation ===

impl Invitation {
    /// A pass for `bearer` to `site`, valid from `now` on for as long as `lasts`; `by` makes it.
    ///
    /// # Errors
    /// When `bearer` is nobody, or there is no randomness.
    pub fn new(
        bearer: &str,
        site: Host,
        by: &str,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<Self, NotInvited> {
        let bearer = bearer.trim();
        if !(1..=100).contains(&bearer.chars().count()) {
            return Err(NotInvited::Nameless);
        }
        let secret = Secret::random()?;
        let pass = Pass {
            id: PassId::random(),
            bearer: bearer.to_owned(),
            site,
            created: now.whole_seconds(),
            // Up to the next whole second, so that the shortest pass is one.
            expires: (now + lasts + Duration::from_millis(999)).whole_seconds(),
            by: by.to_owned(),
            secret: secret.hash(),
        };
        let key = (format!("k-{:08x}", fastrand::u32(..)), Key::new(random()?));
        Ok(Self { link: Link::new(pass.id.clone(), secret), pass, key })
    }

    /// What the history says of it.
    pub fn note(&self) -> String {
        format!("pass {} for {} ({})", self.pass.id, self.pass.bearer, self.pass.site)
    }

    /// Puts the pass into `state`, and a key if there is none yet.
    pub fn put_into(&self, state: &mut State) {
        if state.passes.iter().all(|pass| pass.id != self.pass.id) {
            state.passes.push(self.pass.clone());
        }
        if state.keys.is_empty() {
            let (name, key) = self.key.clone();
            state.keys.insert(name, key);
        }
    }
}

/// From the operating system: what is random here must not be guessed.
pub(super) fn random<const COUNT: usize>() -> Result<[u8; COUNT], NotInvited> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes).map_err(|error| NotInvited::NoRandomness(error.to_string()))?;
    Ok(bytes)
}

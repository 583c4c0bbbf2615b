//! Passes: what a bearer shows (a cookie), and what a bearer is given (a link).
//!
//! A pass belongs to a site and outlives its windows. Whoever opens its link gets a cookie; a request with that cookie
//! goes through every closing of the site, but not through rules that close.
//!
//! 1. The link's secret has 160 random bits of the operating system, and only its SHA-256 is kept.
//! 2. The cookie's HMAC-SHA256 covers the name of the key, the pass, its site and its expiry.
//! 3. The pass must be in the document that is in force, for this host, with this very expiry: so one that was
//!    revoked, changed or has expired opens nothing, whatever was signed.
//! 4. Whatever cannot be read is no pass. Hashes and signatures are compared in constant time.

mod cookie;
mod invitation;
mod link;

use std::sync::Arc;

use crate::document::{Host, Keys, Pass, PassId, State, plain_host};
use crate::request::Request;
use crate::time::Timestamp;

pub use cookie::{COOKIE, COOKIE_ON_HTTPS};
pub use invitation::{Invitation, NotInvited};
pub use link::{Link, NotAPlace, PREFIX, redacted};
pub(crate) use link::{Presented, is_misspelled, target};

/// The response header that tells the bearer of a pass that the site is closed to others. Its value is the pass's name.
pub const PASS_HEADER: http::HeaderName = http::HeaderName::from_static("backsoon-pass");

/// What such a response says to caches, whatever the application says: one that kept it would open the site to everybody.
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) const NOT_FOR_CACHES: &str = "private, no-store";

/// Fields that outrank `Cache-Control` for caches in front of a site (RFC 9213); such a response has none of them.
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) const FOR_CACHES_ALONE: [&str; 2] = ["cdn-cache-control", "surrogate-control"];

/// The passes that are valid for hosts of one site at one moment, and the keys of their cookies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Passes {
    // Shared between sites: a thousand of either are no million passes.
    valid: Vec<Arc<Pass>>,
    keys: Arc<Keys>,
}

// === impl Passes ===

impl Passes {
    /// All of `state` that are valid at `now`.
    pub(crate) fn at(state: &State, now: Timestamp) -> Self {
        let valid = state.passes.iter().filter(|pass| !pass.is_over(now));
        Self { valid: valid.cloned().map(Arc::new).collect(), keys: Arc::new(state.keys.clone()) }
    }

    /// Those that open any host of `site`.
    pub(crate) fn of(&self, site: &Host) -> Self {
        let shares_hosts = |pass: &&Arc<Pass>| pass.site.covers(site) || site.covers(&pass.site);
        let valid: Vec<_> = self.valid.iter().filter(shares_hosts).cloned().collect();
        // A site that nobody has a pass for is the same site when keys change.
        let keys = if valid.is_empty() { Arc::default() } else { Arc::clone(&self.keys) };
        Self { valid, keys }
    }

    /// The pass whose cookie the request bears, if it bears one that opens its host.
    pub fn bearer(&self, request: &Request<'_>) -> Option<&PassId> {
        if self.valid.is_empty() {
            return None;
        }
        let mut found = None;
        cookie::each(request.headers, &mut |cookie| {
            found = found.or_else(|| self.shown(cookie, request.host));
        });
        found.map(|pass| &pass.id)
    }

    /// The pass that a link presents, if its secret is right and it opens `authority`.
    pub(crate) fn presented(&self, presented: &Presented<'_>, authority: &str) -> Option<&Pass> {
        self.named(presented.id, authority).filter(|pass| presented.has_secret_of(pass))
    }

    /// The cookie's value for `pass`.
    pub(crate) fn cookie(&self, pass: &Pass) -> Option<String> {
        let (name, key) = self.keys.signing()?;
        Some(cookie::signed(name, key, pass))
    }

    fn shown(&self, cookie: &str, authority: &str) -> Option<&Pass> {
        let cookie = cookie::Cookie::read(cookie)?;
        let pass = self.named(cookie.pass, authority)?;
        cookie.is_signed_for(pass, self.keys.get(cookie.key)?).then_some(pass)
    }

    fn named(&self, id: &str, authority: &str) -> Option<&Pass> {
        let mut valid = self.valid.iter().map(Arc::as_ref);
        valid.find(|pass| pass.id.as_str() == id).filter(|pass| opens(pass, authority))
    }
}

fn opens(pass: &Pass, authority: &str) -> bool {
    let host = || plain_host(authority).parse::<Host>();
    pass.site.is_any() || host().is_ok_and(|host| pass.site.covers(&host))
}

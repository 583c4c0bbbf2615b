//! The proof that a page of our own asks, and not that of another site in the same browser.

use http::request::Parts;

use super::{Caller, How};
use crate::guard::is_vouched_for;
use crate::people::secret::Digest;
use crate::problem::{Problem, Result};

/// The field in which a script of our own pages shows that it could read them.
pub const CSRF: &str = "x-csrf-token";

// === impl Caller ===

impl Caller {
    /// What a form of this session has to send along.
    pub(crate) fn csrf(&self) -> Option<Digest> {
        match &self.how {
            How::Session(secret) => Some(secret.digest("csrf")),
            How::Token(_) | How::Proxy => None,
        }
    }

    /// Whether `shown` proves that a page of ours asks.
    pub(crate) fn check_csrf(&self, parts: &Parts, shown: Option<&str>) -> Result<()> {
        let fits = match &self.how {
            // Browsers send no token by themselves.
            How::Token(_) => true,
            How::Session(secret) => {
                is_vouched_for(parts) && shown.is_some_and(|shown| secret.digest("csrf").is(shown))
            }
            How::Proxy => false,
        };
        if fits {
            return Ok(());
        }
        Err(Problem::forbidden(format!(
            "the proof that a page of this console asks is missing or old; load the page again (scripts send the field {CSRF})"
        )))
    }
}

//! Text that is never shown.

use std::fmt;

use serde::Deserialize;

/// A secret, or an address that may hold one. It is read whatever it is, since an error about it would quote it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

// === impl Hidden ===

impl Hidden {
    /// The text itself, for whoever must have it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

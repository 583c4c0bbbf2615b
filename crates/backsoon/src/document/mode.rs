//! How closed a site is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How closed a site is, from open to strictest.
///
/// ```
/// use backsoon::document::Mode;
/// assert!(Mode::Off < Mode::ReadOnly && Mode::ReadOnly < Mode::Hold && Mode::Hold < Mode::On);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Open.
    #[default]
    Off,
    /// Safe methods pass (RFC 9110 §9.2.1); everything else is refused, upgrades and CONNECT too.
    ReadOnly,
    /// Requests wait for the reopening, within limits.
    Hold,
    /// Requests are refused.
    On,
}

/// The text is not a mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a mode; it is one of off, read-only, hold, on")]
pub struct NotAMode(String);

impl Mode {
    /// All of them, from open to strictest.
    pub const ALL: [Self; 4] = [Self::Off, Self::ReadOnly, Self::Hold, Self::On];

    /// Whether visitors are shut out: hold or on.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Hold | Self::On)
    }

    /// The name, as files and the command line write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::ReadOnly => "read-only",
            Self::Hold => "hold",
            Self::On => "on",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = NotAMode;

    fn from_str(text: &str) -> Result<Self, NotAMode> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| NotAMode(text.to_owned()))
    }
}

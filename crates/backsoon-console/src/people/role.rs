//! What somebody may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do, each role everything that the one before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Looks at everything but people and tokens.
    #[default]
    Viewer,
    /// Looks, and keeps its report in the store by the API: a server of the fleet without a connection to the database.
    Server,
    /// Closes, reopens, schedules, extends and changes messages.
    Operator,
    /// Rolls back, and decides who may do what.
    Admin,
}

/// The text is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role; it is one of viewer, server, operator, admin")]
pub struct NotARole(String);

// === impl Role ===

impl Role {
    /// All of them, from the one that may do the least.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Server, Self::Operator, Self::Admin];

    /// The name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Server => "server",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Role {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, NotARole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| NotARole(text.to_owned()))
    }
}

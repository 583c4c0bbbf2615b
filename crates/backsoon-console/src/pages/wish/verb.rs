//! What can be asked for, and who may.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;

use crate::console::Desk;
use crate::people::Role;
use crate::problem::{Problem, Result};

/// What can be asked for; each is rehearsed under `/rehearse/VERB` and done under `/VERB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verb {
    Close,
    Reopen,
    End,
    Amend,
    Rollback,
    Revoke,
}

// === impl Verb ===

impl Verb {
    pub(crate) const ALL: [Self; 6] =
        [Self::Close, Self::Reopen, Self::End, Self::Amend, Self::Rollback, Self::Revoke];

    /// The name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Reopen => "reopen",
            Self::End => "end",
            Self::Amend => "amend",
            Self::Rollback => "rollback",
            Self::Revoke => "revoke",
        }
    }

    /// Who may.
    pub(crate) const fn role(self) -> Role {
        match self {
            Self::Rollback => Role::Admin,
            _ => Role::Operator,
        }
    }
}

impl FromRequestParts<Arc<Desk>> for Verb {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Desk>) -> Result<Self> {
        let name = parts.uri.path().rsplit('/').next().unwrap_or_default();
        let verb = Self::ALL.into_iter().find(|verb| verb.as_str() == name);
        verb.ok_or_else(|| Problem::not_found("there is nothing of that name to be done here"))
    }
}

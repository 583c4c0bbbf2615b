//! One session, as it lies in the store and as others see it.

use backsoon::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::whence::Whence;
use crate::people::UserName;

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who has signed in.
    pub name: UserName,
    /// The user's generation at that time; see [`crate::people::User::generation`].
    pub generation: String,
    /// How they have.
    pub via: Via,
    /// Since when.
    pub created: Timestamp,
    /// When it was last used, to a minute.
    pub seen: Timestamp,
    /// Where and by what it was begun.
    #[serde(flatten)]
    pub whence: Whence,
}

/// A session as others see it, who cannot go on with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// By which it is ended.
    pub id: String,
    /// What it is.
    pub session: Session,
}

/// How somebody has signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// By a password here.
    Password,
    /// At a trusted proxy, which has to say so with every request.
    Proxy,
}

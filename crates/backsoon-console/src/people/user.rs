//! One user, as the store keeps them.

use backsoon::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Password, Role, Secret, UserName};

/// Somebody who may sign in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// What they are called.
    pub name: UserName,
    /// What they may do.
    pub role: Role,
    /// None: they sign in at a trusted proxy alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Password>,
    /// When they were added.
    pub created: Timestamp,
    /// Who added them.
    #[serde(default)]
    pub created_by: String,
    /// Sessions of another generation have ended: every change of the role or the password makes a new one.
    pub generation: String,
}

// === impl User ===

impl User {
    /// A user who was added now.
    pub(crate) fn new(name: UserName, role: Role, password: Option<Password>, by: &str) -> Self {
        let mut user = Self {
            name,
            role,
            password,
            created: Timestamp::now(),
            created_by: by.to_owned(),
            generation: String::new(),
        };
        user.end_sessions();
        user
    }

    /// Ends every session of theirs.
    pub(crate) fn end_sessions(&mut self) {
        self.generation = Secret::random().digest("generation").as_str()[..16].to_owned();
    }
}

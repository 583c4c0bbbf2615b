//! What became of users and tokens: one record for each change, written before the change is made, and never again.
//!
//! So nothing is changed that is not recorded. What then could not be done is recorded as well, by a second record.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use backsoon::store::{self, PutMode, Store};
use backsoon::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Role, Secret};
use crate::records;

/// Where the records are filed, by time.
const HISTORY: &str = "people-history/";

/// The history of one store's users and tokens.
#[derive(Debug, Clone)]
pub struct PeopleHistory {
    store: Arc<dyn Store>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// Who made it, and from where.
    pub by: String,
    /// What was done.
    pub what: Deed,
    /// The user's name, or the token's.
    pub whom: String,
    /// The token's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The role that they have since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Deed {
    /// A user was added.
    Added,
    /// A user got another role.
    RoleChanged,
    /// A user got another password.
    PasswordChanged,
    /// A user got another role and another password.
    RoleAndPasswordChanged,
    /// A user was removed.
    Removed,
    /// A token was made.
    TokenMade,
    /// A token was revoked.
    TokenRevoked,
    /// What the record before says of them was not done after all, or nobody knows.
    NotDone,
}

// === impl PeopleHistory ===

impl PeopleHistory {
    /// The history in `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The newest `limit` records, or those made before `before`; the newest first.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn page(&self, before: Option<Timestamp>, limit: usize) -> store::Result<Vec<Record>> {
        let mut all = records::list::<Record>(&*self.store, HISTORY).await?;
        all.sort_by(|(a, _), (b, _)| b.cmp(a));
        let all = all.into_iter().map(|(_, record)| record);
        Ok(all.filter(|record| before.is_none_or(|before| record.at < before)).take(limit).collect())
    }

    /// Files `record` for good.
    pub(crate) async fn file(&self, record: &Record) -> store::Result<()> {
        loop {
            // Of two within a millisecond neither takes the other's place.
            let name = &Secret::random().digest("record").as_str()[..8].to_owned();
            let key = format!("{HISTORY}{:015}-{name}", record.at.as_millis());
            if records::put(&*self.store, &key, record, PutMode::Create).await? {
                return Ok(());
            }
        }
    }

    /// Says that what `record` tells was not done. Should the store be away, the first record stands alone.
    pub(crate) async fn take_back(&self, record: &Record) {
        let record = Record { at: moment(), what: Deed::NotDone, role: None, ..record.clone() };
        if let Err(error) = self.file(&record).await {
            tracing::warn!(whom = %record.whom, %error, "the history of people has a change that was not made");
        }
    }
}

/// Now, and later than every moment before in this process, so that records stay in their order.
fn moment() -> Timestamp {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = Timestamp::now().as_millis();
    let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)));
    Timestamp::from_millis(last.map_or(now, |last| now.max(last + 1)))
}

// === impl Record ===

impl Record {
    pub(crate) fn new(what: Deed, whom: impl ToString, by: &str) -> Self {
        Self { at: moment(), by: by.to_owned(), what, whom: whom.to_string(), token: None, role: None }
    }

    /// What was done, in a sentence.
    pub fn sentence(&self) -> String {
        let whom = match &self.token {
            Some(id) => format!("token {} ({id})", self.whom),
            None => self.whom.clone(),
        };
        let role = self.role.map(|role| format!(" as {role}")).unwrap_or_default();
        match self.what {
            Deed::Added => format!("{whom} was added{role}"),
            Deed::RoleChanged => {
                format!("{whom} became {}", self.role.map_or("another role", Role::as_str))
            }
            Deed::PasswordChanged => format!("{whom} got another password"),
            Deed::RoleAndPasswordChanged => {
                format!(
                    "{whom} became {} with another password",
                    self.role.map_or("another role", Role::as_str)
                )
            }
            Deed::Removed => format!("{whom} was removed"),
            Deed::TokenMade => format!("{whom} was made{role}"),
            Deed::TokenRevoked => format!("{whom} was revoked"),
            Deed::NotDone => format!("the change before this one to {whom} was not made, or nobody knows"),
        }
    }
}

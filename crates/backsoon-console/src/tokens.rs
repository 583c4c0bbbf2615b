//! Bearer tokens for programs: `bst_<id>_<secret>`, of which only a digest of the secret is kept.

use std::sync::Arc;
use std::time::Duration;

use backsoon::store::{self, PutMode, Store};
use backsoon::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::people::history::{Deed, Record};
use crate::people::secret::Digest;
use crate::people::{PeopleHistory, Role, Secret};
use crate::records;

/// Where tokens are filed.
const TOKENS: &str = "tokens/";

/// What a token begins with, so that scanners for leaked secrets can know it.
const MARK: &str = "bst_";

/// The date of the last use is written at most once in so long: it is a date.
const USED: Duration = Duration::from_secs(24 * 3600);

/// The tokens of one store.
#[derive(Debug, Clone)]
pub struct Tokens {
    store: Arc<dyn Store>,
    history: PeopleHistory,
}

/// One token, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// By which it is revoked.
    pub id: String,
    /// What it is for, or who has it.
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// The day on which it was last used.
    #[serde(default)]
    pub last_used: Option<Timestamp>,
    /// From when on it is worth nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    digest: Digest,
}

/// Why nothing was done about a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotDone {
    /// The store is away.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// It needs a name that people can read.
    #[error("a token's name has 1 to 64 characters, none of them a control character")]
    NotAName,
    /// There is no such token.
    #[error("there is no token `{0}`")]
    NoToken(String),
}

// === impl Tokens ===

impl Tokens {
    /// The tokens of `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { history: PeopleHistory::new(Arc::clone(&store)), store }
    }

    /// All of them, the oldest first.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn list(&self) -> store::Result<Vec<Token>> {
        let mut tokens: Vec<Token> =
            records::list(&*self.store, TOKENS).await?.into_iter().map(|(_, token)| token).collect();
        tokens.sort_by_key(|token| token.created);
        Ok(tokens)
    }

    /// Makes one. The text is shown this once and kept nowhere.
    ///
    /// # Errors
    /// When the name is none, or the store is away.
    pub async fn issue(
        &self,
        name: &str,
        role: Role,
        lasts: Option<Duration>,
        by: &str,
    ) -> Result<(Token, String), NotDone> {
        let name = name.trim();
        if !(1..=64).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return Err(NotDone::NotAName);
        }
        loop {
            let (secret, now) = (Secret::random(), Timestamp::now());
            let token = Token {
                id: Secret::random().digest("token id").as_str()[..12].to_owned(),
                name: name.to_owned(),
                role,
                created: now,
                created_by: by.to_owned(),
                last_used: None,
                expires: lasts.map(|lasts| now + lasts),
                digest: secret.digest("token"),
            };
            let record = Record { role: Some(role), ..token.record(Deed::TokenMade, by) };
            self.history.file(&record).await?;
            match records::put(&*self.store, &key(&token.id), &token, PutMode::Create).await {
                Ok(true) => {
                    let text = format!("{MARK}{}_{}", token.id, secret.reveal());
                    return Ok((token, text));
                }
                Ok(false) => self.history.take_back(&record).await,
                Err(error) => {
                    self.history.take_back(&record).await;
                    return Err(error.into());
                }
            }
        }
    }

    /// Ends one in the name of `by`.
    ///
    /// # Errors
    /// When there is no such token, or the store is away.
    pub async fn revoke(&self, id: &str, by: &str) -> Result<(), NotDone> {
        let missing = || NotDone::NoToken(id.chars().filter(|c| !c.is_control()).take(80).collect());
        let id = read_id(id).ok_or_else(missing)?;
        let Some((token, _)) = records::read::<Token>(&*self.store, &key(id)).await? else {
            return Err(missing());
        };
        let record = token.record(Deed::TokenRevoked, by);
        self.history.file(&record).await?;
        let ended = self.store.delete(&key(id)).await;
        if ended.is_err() {
            self.history.take_back(&record).await;
        }
        Ok(ended?)
    }

    /// The token that `text` is, if it is one and has not expired.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn verify(&self, text: &str) -> store::Result<Option<Token>> {
        let Some((id, secret)) = read(text) else { return Ok(None) };
        let Some((token, _)) = records::read::<Token>(&*self.store, &key(id)).await? else { return Ok(None) };
        let now = Timestamp::now();
        let is_over = token.expires.is_some_and(|expires| expires <= now);
        if token.digest != secret.digest("token") || is_over {
            return Ok(None);
        }
        if token.last_used.is_none_or(|used| now.since(used) >= USED) {
            // Should it fail, the next use writes it.
            let used = |token: &mut Token| token.last_used = Some(now);
            let _ = records::change(&*self.store, &key(id), used).await;
        }
        Ok(Some(token))
    }
}

// === impl Token ===

impl Token {
    fn record(&self, what: Deed, by: &str) -> Record {
        Record { token: Some(self.id.clone()), ..Record::new(what, &self.name, by) }
    }
}

fn key(id: &str) -> String {
    format!("{TOKENS}{id}")
}

fn read_id(id: &str) -> Option<&str> {
    (id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))).then_some(id)
}

fn read(text: &str) -> Option<(&str, Secret)> {
    let (id, secret) = text.strip_prefix(MARK)?.split_once('_')?;
    Some((read_id(id)?, Secret::read(secret)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_known_until_it_is_revoked_and_what_is_kept_is_no_token() {
        let store = Arc::new(backsoon::store::MemoryStore::new());
        let tokens = Tokens::new(store.clone());
        let (token, text) = tokens.issue("ci", Role::Operator, None, "ada").await.unwrap();
        assert_eq!(tokens.verify(&text).await.unwrap().unwrap().role, Role::Operator);
        assert!(tokens.list().await.unwrap()[0].last_used.is_some());
        let kept = store.list("").await.unwrap();
        assert!(kept.iter().all(|entry| !String::from_utf8_lossy(&entry.value).contains(&text[17..])));
        let other = tokens.issue("other", Role::Admin, None, "ada").await.unwrap().1;
        let mixed = format!("{}{}", &text[..17], &other[17..]);
        for wrong in
            [mixed.as_str(), "", "bst_", "bst__", &text[..40], &format!("{text}A"), "bst_../../state_x"]
        {
            assert!(tokens.verify(wrong).await.unwrap().is_none(), "{wrong}");
        }
        tokens.revoke(&token.id, "ada").await.unwrap();
        assert!(tokens.verify(&text).await.unwrap().is_none());
        assert!(matches!(tokens.revoke("../state", "ada").await, Err(NotDone::NoToken(_))));
    }

    #[tokio::test]
    async fn a_token_that_has_expired_is_worth_nothing() {
        let tokens = Tokens::new(Arc::new(backsoon::store::MemoryStore::new()));
        let lasts = Some(Duration::from_millis(1));
        let (_, text) = tokens.issue("ci", Role::Viewer, lasts, "ada").await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(tokens.verify(&text).await.unwrap().is_none());
    }
}

//! Sessions of people who have signed in: a random secret in a cookie, and under its digest in the store who it is.
//!
//! Our own and not tower-sessions': that one's ids have 128 bits and lie in the store as they are, so that whoever reads
//! the store could go on as anybody, and its last write wins, so that an ended session could come back to life.

use std::sync::Arc;
use std::time::Duration;

use backsoon::store::{self, PutMode, Store};
use backsoon::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::people::{Secret, UserName};
use crate::records;

/// Where sessions are filed.
const SESSIONS: &str = "sessions/";

/// The last use is written at most once in so long.
const SEEN: Duration = Duration::from_secs(60);

/// The sessions of one store.
#[derive(Debug, Clone)]
pub struct Sessions {
    store: Arc<dyn Store>,
    idle: Duration,
    absolute: Duration,
}

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

// === impl Sessions ===

impl Sessions {
    /// The sessions of `store`, which end when they are not used for `idle`, and after `absolute` in any case.
    pub fn new(store: Arc<dyn Store>, idle: Duration, absolute: Duration) -> Self {
        Self { store, idle, absolute }
    }

    /// Begins one; what has ended is swept out on this occasion.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn begin(&self, name: UserName, generation: String, via: Via) -> store::Result<Secret> {
        self.sweep().await?;
        let now = Timestamp::now();
        let session = Session { name, generation, via, created: now, seen: now };
        loop {
            let secret = Secret::random();
            if records::put(&*self.store, &key(&secret), &session, PutMode::Create).await? {
                return Ok(secret);
            }
        }
    }

    /// The session of `secret`, unless it is over.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn find(&self, secret: &Secret) -> store::Result<Option<Session>> {
        let Some(session) = self.look(secret).await? else { return Ok(None) };
        let now = Timestamp::now();
        if now.since(session.seen) >= SEEN.min(self.idle / 4) {
            // By compare-and-swap, so that a session that was ended meanwhile stays so. Should it fail, the next use
            // writes it.
            let _ =
                records::change(&*self.store, &key(secret), |session: &mut Session| session.seen = now).await;
        }
        Ok(Some(session))
    }

    /// The same without using it: a page that is only left open is not somebody at work.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn look(&self, secret: &Secret) -> store::Result<Option<Session>> {
        let found = records::read::<Session>(&*self.store, &key(secret)).await?;
        let now = Timestamp::now();
        Ok(found.map(|(session, _)| session).filter(|session| !self.is_over(session, now)))
    }

    /// Ends one.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn end(&self, secret: &Secret) -> store::Result<()> {
        self.store.delete(&key(secret)).await
    }

    /// Every session of `name` that is not over.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn of(&self, name: &UserName) -> store::Result<Vec<Session>> {
        let now = Timestamp::now();
        let all = records::list::<Session>(&*self.store, SESSIONS).await?;
        let all = all.into_iter().map(|(_, session)| session);
        Ok(all.filter(|session| session.name == *name && !self.is_over(session, now)).collect())
    }

    async fn sweep(&self) -> store::Result<()> {
        let now = Timestamp::now();
        for (key, session) in records::list::<Session>(&*self.store, SESSIONS).await? {
            if self.is_over(&session, now) {
                self.store.delete(&key).await?;
            }
        }
        Ok(())
    }

    fn is_over(&self, session: &Session, now: Timestamp) -> bool {
        now.since(session.seen) >= self.idle || now.since(session.created) >= self.absolute
    }
}

fn key(secret: &Secret) -> String {
    format!("{SESSIONS}{}", secret.digest("session").as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(idle: u64, absolute: u64) -> Sessions {
        let store = Arc::new(backsoon::store::MemoryStore::new());
        Sessions::new(store, Duration::from_millis(idle), Duration::from_millis(absolute))
    }

    async fn begin(sessions: &Sessions) -> Secret {
        sessions.begin("ada".parse().unwrap(), "1".into(), Via::Password).await.unwrap()
    }

    #[tokio::test]
    async fn a_session_that_is_not_used_ends_and_one_that_is_used_ends_later() {
        let short = sessions(200, 60_000);
        let (idle, used) = (begin(&short).await, begin(&short).await);
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            assert!(short.find(&used).await.unwrap().is_some());
        }
        assert!(short.find(&idle).await.unwrap().is_none());
        let fixed = sessions(60_000, 100);
        let secret = begin(&fixed).await;
        tokio::time::sleep(Duration::from_millis(120)).await;
        assert!(fixed.find(&secret).await.unwrap().is_none());
        begin(&fixed).await;
        assert_eq!(fixed.store.list(SESSIONS).await.unwrap().len(), 1, "what is over is swept out");
    }

    #[tokio::test]
    async fn an_ended_session_stays_ended_and_the_store_does_not_know_the_cookie() {
        let sessions = sessions(60_000, 60_000);
        let secret = begin(&sessions).await;
        let kept = sessions.store.list("").await.unwrap();
        assert!(
            kept.iter().all(|entry| !format!("{}{:?}", entry.key, entry.value).contains(secret.reveal()))
        );
        sessions.end(&secret).await.unwrap();
        assert!(sessions.find(&secret).await.unwrap().is_none());
    }
}

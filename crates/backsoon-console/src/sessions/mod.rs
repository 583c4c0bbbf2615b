//! Sessions of people who have signed in: a random secret in a cookie, and under its digest in the store who it is.
//!
//! Our own and not tower-sessions': that one's ids have 128 bits and lie in the store as they are, so that whoever reads
//! the store could go on as anybody, and its last write wins, so that an ended session could come back to life.

mod session;
#[cfg(test)]
mod tests;
mod whence;

use std::sync::Arc;
use std::time::Duration;

use backsoon::store::{self, PutMode, Store};
use backsoon::time::Timestamp;

pub use self::session::{Listed, Session, Via};
pub use self::whence::{LONGEST, Whence};
use crate::people::secret::fingerprint;
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
    pub async fn begin(
        &self,
        name: UserName,
        generation: String,
        via: Via,
        whence: Whence,
    ) -> store::Result<Secret> {
        self.sweep().await?;
        let now = Timestamp::now();
        let session = Session { name, generation, via, created: now, seen: now, whence };
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

    /// What the session of `secret` is called in a list.
    pub fn id(&self, secret: &Secret) -> String {
        short(&key(secret))
    }

    /// Every session that is not over, the one used last first. Some may be worth nothing: their users have changed.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn list(&self) -> store::Result<Vec<Listed>> {
        let now = Timestamp::now();
        let all = records::list::<Session>(&*self.store, SESSIONS).await?;
        let going_on = all.into_iter().filter(|(_, session)| !self.is_over(session, now));
        let mut listed: Vec<_> = going_on.map(|(key, session)| Listed { id: short(&key), session }).collect();
        listed.sort_by_key(|listed| std::cmp::Reverse(listed.session.seen));
        Ok(listed)
    }

    /// Ends the session of `name` that is listed as `id`, and gives it back; none, if there is no such session.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn end_listed(&self, name: &UserName, id: &str) -> store::Result<Option<Session>> {
        let all = records::list::<Session>(&*self.store, SESSIONS).await?;
        let found = all.into_iter().find(|(key, session)| session.name == *name && short(key) == id);
        let Some((key, session)) = found else { return Ok(None) };
        self.store.delete(&key).await?;
        Ok(Some(session))
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

/// A name for what is filed under `key`, that tells nothing about the secret.
fn short(key: &str) -> String {
    fingerprint(key)[..12].to_owned()
}

fn key(secret: &Secret) -> String {
    format!("{SESSIONS}{}", secret.digest("session").as_str())
}

//! Sessions of people who have signed in: a random secret in a cookie, and under its digest in the store who it is.
//!
//! Our own and not tower-sessions': that one's ids have 128 bits and lie in the store as they are, so that whoever reads
//! the store could go on as anybody, and its last write wins, so that an ended session could come back to life.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use backsoon::store::{self, PutMode, Store};
use backsoon::time::Timestamp;
use http::{HeaderMap, header};
use serde::{Deserialize, Serialize};

use crate::client::one;
use crate::people::secret::fingerprint;
use crate::people::{Secret, UserName};
use crate::records;

/// Where sessions are filed.
const SESSIONS: &str = "sessions/";

/// The last use is written at most once in so long.
const SEEN: Duration = Duration::from_secs(60);

/// So much is kept of what a browser says of itself, in characters.
pub const LONGEST: usize = 200;

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
    /// Where and by what it was begun.
    #[serde(flatten)]
    pub whence: Whence,
}

/// Where a session was begun.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Whence {
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// What the browser said of itself, at most [`LONGEST`] characters of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
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

// === impl Whence ===

impl Whence {
    /// Where a client is, and what its browser says of itself.
    pub(crate) fn of(from: IpAddr, headers: &HeaderMap) -> Self {
        let says = one(headers, header::USER_AGENT.as_str()).filter(|text| !text.is_empty());
        let browser = says.map(|text| text.chars().filter(|c| !c.is_control()).take(LONGEST).collect());
        Self { from: Some(from), browser }
    }

    /// The browser in a few words: `Firefox on Linux`.
    pub(crate) fn browser_in_words(&self) -> String {
        let Some(says) = &self.browser else { return "an unknown browser".to_owned() };
        // Whoever is built on another one names that, too; so the first that fits is the one.
        let find = |names: &[(&str, &'static str)]| {
            names.iter().find(|(part, _)| says.contains(part)).map(|(_, name)| *name)
        };
        let browser = find(&[
            ("Edg", "Edge"),
            ("OPR/", "Opera"),
            ("Firefox/", "Firefox"),
            ("FxiOS/", "Firefox"),
            ("CriOS/", "Chrome"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        ]);
        let system = find(&[
            ("Windows", "Windows"),
            ("Android", "Android"),
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Mac OS", "macOS"),
            ("CrOS", "ChromeOS"),
            ("Linux", "Linux"),
        ]);
        match (browser, system) {
            (Some(browser), Some(system)) => format!("{browser} on {system}"),
            (Some(browser), None) => browser.to_owned(),
            (None, _) => says.chars().take(40).collect(),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(idle: u64, absolute: u64) -> Sessions {
        let store = Arc::new(backsoon::store::MemoryStore::new());
        Sessions::new(store, Duration::from_millis(idle), Duration::from_millis(absolute))
    }

    async fn begin(sessions: &Sessions) -> Secret {
        sessions.begin("ada".parse().unwrap(), "1".into(), Via::Password, Whence::default()).await.unwrap()
    }

    #[tokio::test]
    async fn a_session_that_is_not_used_ends_and_one_that_is_used_ends_later() {
        let short = sessions(1500, 60_000);
        let (idle, used) = (begin(&short).await, begin(&short).await);
        for _ in 0..6 {
            tokio::time::sleep(Duration::from_millis(400)).await;
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

    #[test]
    fn a_browser_is_named_in_a_few_words() {
        let words = |says: &str| Whence { from: None, browser: Some(says.into()) }.browser_in_words();
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        assert_eq!(words(chrome), "Chrome on Linux");
        assert_eq!(words(&format!("{chrome} Edg/140.0")), "Edge on Linux");
        assert_eq!(
            words("Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"),
            "Firefox on Windows"
        );
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 (KHTML) Version/18 Mobile/1 Safari/604";
        assert_eq!(words(phone), "Safari on iPhone");
        assert_eq!(words("curl/8.5.0"), "curl/8.5.0");
    }

    #[tokio::test]
    async fn a_session_is_ended_by_its_name_in_the_list_and_by_nobody_elses() {
        let sessions = sessions(60_000, 60_000);
        let (kept, ended) = (begin(&sessions).await, begin(&sessions).await);
        let ada: UserName = "ada".parse().unwrap();
        let id = short(&key(&ended));
        assert_eq!(sessions.list().await.unwrap().len(), 2);
        assert!(sessions.end_listed(&"eve".parse().unwrap(), &id).await.unwrap().is_none());
        assert!(sessions.end_listed(&ada, &id).await.unwrap().is_some());
        assert!(sessions.end_listed(&ada, &id).await.unwrap().is_none());
        assert!(
            sessions.find(&ended).await.unwrap().is_none() && sessions.find(&kept).await.unwrap().is_some()
        );
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

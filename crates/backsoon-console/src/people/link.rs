//! The link that makes the first admin: valid once, for a quarter of an hour, while nobody can sign in yet.

use std::time::Duration;

use backsoon::store::{self, PutMode};
use backsoon::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::secret::Digest;
use super::{NotDone, People, Role, Secret, User, UserName};
use crate::records;

/// How long a link is valid.
pub const VALID: Duration = Duration::from_secs(15 * 60);

/// Where the links are filed: in one document, so that only one of them is ever used.
const LINKS: &str = "people-links/first";

/// Every link that is valid: each gate that starts shows one of its own.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Links {
    valid: Vec<Link>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Link {
    digest: Digest,
    until: Timestamp,
}

// === impl People ===

impl People {
    /// A new link's secret.
    ///
    /// # Errors
    /// [`NotDone::AlreadyPeople`] once somebody can sign in, or when the store is away.
    pub async fn first_link(&self) -> Result<Secret, NotDone> {
        if !self.list().await?.is_empty() {
            return Err(NotDone::AlreadyPeople);
        }
        let (secret, now) = (Secret::random(), Timestamp::now());
        let link = Link { digest: secret.digest("first link"), until: now + VALID };
        loop {
            let found = records::read::<Links>(&*self.store, LINKS).await?;
            let (mut links, mode) = found.map_or((Links::default(), PutMode::Create), |(links, version)| {
                (links, PutMode::Update(version))
            });
            links.valid.retain(|link| link.until > now);
            links.valid.push(link.clone());
            if records::put(&*self.store, LINKS, &links, mode).await? {
                return Ok(secret);
            }
            if self
                .store
                .get(LINKS)
                .await?
                .is_some_and(|entry| serde_json::from_slice::<Links>(&entry.value).is_err())
            {
                // Damaged: nobody can use what is there.
                self.store.delete(LINKS).await?;
            }
        }
    }

    /// Whether `secret` could be used now; looking uses nothing up.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn is_valid(&self, secret: &Secret) -> store::Result<bool> {
        let links = records::read::<Links>(&*self.store, LINKS).await?;
        Ok(links.is_some_and(|(links, _)| links.has(secret)) && self.list().await?.is_empty())
    }

    /// Uses a link up, and makes the first admin.
    ///
    /// # Errors
    /// [`NotDone::NoLink`] if it is not valid (any more), what is wrong with the password, or when the store is away.
    pub async fn use_link(&self, secret: &Secret, name: UserName, password: String) -> Result<User, NotDone> {
        super::password::check(name.as_str(), &password)?;
        let Some((links, version)) = records::read::<Links>(&*self.store, LINKS).await? else {
            return Err(NotDone::NoLink);
        };
        if !links.has(secret) || !self.list().await?.is_empty() {
            return Err(NotDone::NoLink);
        }
        // All at once: of two people with two links, one comes first.
        if !records::put(&*self.store, LINKS, &Links::default(), PutMode::Update(version)).await? {
            return Err(NotDone::NoLink);
        }
        self.add(name, Role::Admin, Some(password), "the first link").await
    }
}

// === impl Links ===

impl Links {
    fn has(&self, secret: &Secret) -> bool {
        let (digest, now) = (secret.digest("first link"), Timestamp::now());
        self.valid.iter().any(|link| link.until > now && link.digest == digest)
    }
}

//! The link that makes the first admin: valid once, for a quarter of an hour, while nobody can sign in yet.

use std::net::IpAddr;
use std::time::Duration;

use backsoon::store::{self, PutMode};
use backsoon::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::secret::Digest;
use super::{NotDone, Password, People, Role, Secret, User, UserName};
use crate::records;

/// How long a link is valid.
pub const VALID: Duration = Duration::from_secs(15 * 60);

/// Where the links are filed: in one document, so that only one of them is ever used.
const LINKS: &str = "people-links/first";

/// Where whoever makes the first admin says so, by create-only.
const CLAIM: &str = "people-links/claim";

/// Somebody makes the first admin, or has.
#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    at: Timestamp,
}

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

    /// Uses a link up, and makes the first admin, who came from `from`.
    ///
    /// # Errors
    /// [`NotDone::NoLink`] if it is not valid (any more), what is wrong with the password, or when the store is away.
    pub async fn use_link(
        &self,
        secret: &Secret,
        name: UserName,
        password: String,
        from: IpAddr,
    ) -> Result<User, NotDone> {
        super::password::check(name.as_str(), &password)?;
        if !self.is_valid(secret).await? {
            return Err(NotDone::NoLink);
        }
        // It takes a while, and nothing may lie between the claim and the user.
        let password = Password::hash(password).await;
        self.claim().await?;
        // Links that others have made meanwhile are of no use either, for there will be somebody.
        self.store.delete(LINKS).await?;
        self.add_hashed(name, Role::Admin, Some(password), &format!("the first link from {from}")).await
    }

    /// Of all who have a link, here and at other gates, one may go on.
    async fn claim(&self) -> Result<(), NotDone> {
        let (claim, found) = (Claim { at: Timestamp::now() }, self.store.get(CLAIM).await?);
        let mode = match found {
            None => PutMode::Create,
            Some(entry) => {
                let earlier = serde_json::from_slice::<Claim>(&entry.value).ok();
                // They were removed since, or came to nothing; one that is fresh may be about to make somebody.
                let is_over = earlier.is_none_or(|earlier| claim.at.since(earlier.at) >= VALID);
                if !is_over || !self.list().await?.is_empty() {
                    return Err(NotDone::NoLink);
                }
                PutMode::Update(entry.version)
            }
        };
        match records::put(&*self.store, CLAIM, &claim, mode).await? {
            // A first user who was there before our claim is seen now.
            true if self.list().await?.is_empty() => Ok(()),
            _ => Err(NotDone::NoLink),
        }
    }
}

// === impl Links ===

impl Links {
    fn has(&self, secret: &Secret) -> bool {
        let (digest, now) = (secret.digest("first link"), Timestamp::now());
        self.valid.iter().any(|link| link.until > now && link.digest == digest)
    }
}

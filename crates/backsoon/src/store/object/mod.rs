//! Values as objects in a bucket of Amazon S3 (or what speaks its protocol), Google Cloud Storage or Azure.
//!
//! - `roster/web-1` is the object `<folder>/roster/web-1`. Every write is one conditional request, durable when it is
//!   answered. The service must do conditional puts (`If-Match`, `If-None-Match`) in one step; Amazon's does since 2024.
//! - An object begins with a header of 24 bytes with a random part: an ETag of S3 is a digest of the content, and without
//!   it the same value written again would bring an old version back.
//! - A request that may write is sent once. Everything is over after 10 s.
//! - Credentials come from the environment or the machine, never from the URL.
//! - There is no push: whoever waits for hints asks once a second. A list is a listing and one request per object, 16 at a
//!   time, so a roster costs a request per instance: for some hundred instances choose Redis or a database.
//! - An object without the header was written by somebody else: a list leaves it out, and a get hands it on as it is, so
//!   that whoever reads it says that it is damaged.
//! - An object too large to be a value is never deleted, but copied to `<key>.aside-<Unix time in milliseconds>` first.

mod service;
mod trouble;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{GetOptions, ObjectStoreExt as _, PutPayload};

use self::service::{Service, Tries};
use super::address::{Address, refuse};
use super::{
    ASIDE, Entry, Error, PutMode, Result, Store, VALUE_LIMIT, Version, check_key, check_prefix, check_size,
    now_in_millis,
};

/// What every object begins with; 16 random bytes follow.
const MAGIC: &[u8; 8] = b"BACKSN1\n";

/// The bytes before the value.
const HEADER: usize = MAGIC.len() + 16;

/// How long a request may take, with all its tries.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many objects are read at the same time.
const READERS: usize = 16;

/// A folder in a bucket. Clones share their connections.
#[derive(Clone, Debug)]
pub struct ObjectStore(Arc<Bucket>);

#[derive(Debug)]
struct Bucket {
    service: Service,
    url: String,
    folder: Path,
    reads: Arc<dyn object_store::ObjectStore>,
    /// For what must not be sent twice.
    swaps: Arc<dyn object_store::ObjectStore>,
}

// === impl ObjectStore ===

impl ObjectStore {
    /// The store that `s3://bucket/folder`, `gs://bucket/folder` or `az://container/folder` names. Options: `region`
    /// (S3), `account` (Azure), `endpoint` (a service of one's own), `allow_http=true`, `virtual_hosted_style=true` (S3).
    /// The folder may be left out. It connects when it is first used.
    ///
    /// # Errors
    /// [`Error::Url`] if the URL is no such one, or the environment's settings contradict it.
    pub fn new(url: &str) -> Result<Self> {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
        let service = Service::of(&scheme);
        let address = Address::read(url, service.options())?;
        if !address.url.username().is_empty() || address.url.password().is_some() {
            let why = format!("credentials are not read from the URL; set {}", service.credentials());
            return Err(refuse(url, &why));
        }
        if address.url.host_str().is_none_or(str::is_empty) || address.url.port().is_some() {
            return Err(refuse(
                url,
                &format!(
                    "write {scheme}://bucket/folder; a service of your own is named by ?endpoint=http://host:port"
                ),
            ));
        }
        let folder =
            Path::from_url_path(address.url.path()).map_err(|error| refuse(url, &error.to_string()))?;
        super::tls::provide();
        let client = |tries| service.client(&address, tries).map_err(|error| refuse(url, &error.to_string()));
        let (reads, swaps) = (client(Tries::Two)?, client(Tries::One)?);
        Ok(Self(Arc::new(Bucket { service, url: address.shown(), folder, reads, swaps })))
    }
}

#[async_trait]
impl Store for ObjectStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        check_key(key)?;
        Ok(self.0.read(key).await?.map(|(entry, _)| entry))
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        check_key(key)?;
        check_size(key, &value, || self.url())?;
        self.0.write(key, &value, mode).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        self.0.remove(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        check_prefix(prefix)?;
        self.0.list(prefix).await
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        // What is no key never changes.
        check_key(key).map_or_else(
            |_| Box::pin(futures_util::stream::pending()) as _,
            |()| watch::hints(Arc::clone(&self.0), self.0.path(key)),
        )
    }

    fn url(&self) -> String {
        self.0.url.clone()
    }
}

/// Whose bytes an object holds.
#[derive(PartialEq, Eq)]
enum Written {
    ByUs,
    BySomebodyElse,
}

// === impl Bucket ===

impl Bucket {
    async fn read(&self, key: &str) -> Result<Option<(Entry, Written)>> {
        let doing = format!("reading `{key}`");
        let path = self.path(key);
        let got = match self.ask(self.reads.get_opts(&path, GetOptions::default())).await {
            Err(error) if self.is_absence(&error) => return Ok(None),
            got => got.map_err(|error| self.away(&doing, &error))?,
        };
        let (size, meta) = (got.meta.size, got.meta.clone());
        if size > VALUE_LIMIT + HEADER as u64 {
            return Err(self.too_large(key, size));
        }
        let bytes = self.ask(got.bytes()).await.map_err(|error| self.away(&doing, &error))?;
        let written = if bytes.len() >= HEADER && bytes.starts_with(MAGIC) {
            Written::ByUs
        } else {
            Written::BySomebodyElse
        };
        if written == Written::BySomebodyElse && size > VALUE_LIMIT {
            return Err(self.too_large(key, size));
        }
        let value = if written == Written::ByUs { bytes.slice(HEADER..) } else { bytes };
        let version = self.version(&doing, meta.e_tag, meta.version)?;
        Ok(Some((Entry { key: key.to_owned(), value, version }, written)))
    }

    async fn write(&self, key: &str, value: &[u8], mode: PutMode) -> Result<Version> {
        let doing = format!("writing `{key}`");
        let conflict = || Error::Conflict { key: key.to_owned() };
        let (client, mode) = match mode {
            PutMode::Overwrite => (&self.reads, object_store::PutMode::Overwrite),
            PutMode::Create => (&self.swaps, object_store::PutMode::Create),
            PutMode::Update(Version(token)) => {
                let expected = self.service.expected(token).ok_or_else(conflict)?;
                (&self.swaps, object_store::PutMode::Update(expected))
            }
        };
        let mut object = Vec::with_capacity(HEADER + value.len());
        object.extend_from_slice(MAGIC);
        object.extend_from_slice(&fastrand::u128(..).to_be_bytes());
        object.extend_from_slice(value);
        let path = self.path(key);
        match self.ask(client.put_opts(&path, PutPayload::from(object), mode.into())).await {
            Ok(put) => self.version(&doing, put.e_tag, put.version),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Err(conflict())
            }
            Err(error) => Err(self.away(&doing, &error)),
        }
    }

    async fn remove(&self, key: &str) -> Result<()> {
        let doing = format!("deleting `{key}`");
        let path = self.path(key);
        let size = match self.ask(self.reads.head(&path)).await {
            Ok(found) => found.size,
            Err(error) if self.is_absence(&error) => return Ok(()),
            Err(error) => return Err(self.away(&doing, &error)),
        };
        if size > VALUE_LIMIT + HEADER as u64 {
            let aside = self.path(&format!("{key}{ASIDE}{}", now_in_millis()));
            let copied = self.ask(self.reads.copy(&path, &aside)).await;
            copied.map_err(|error| self.away(&format!("setting `{key}` aside"), &error))?;
        }
        match self.ask(self.reads.delete(&path)).await {
            Err(error) if !self.is_absence(&error) => Err(self.away(&doing, &error)),
            _ => Ok(()),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        let doing = format!("listing `{prefix}`");
        let parents = prefix.rfind('/').map_or("", |slash| &prefix[..slash]);
        let folder = if parents.is_empty() { self.folder.clone() } else { self.path(parents) };
        let listing = self.reads.list(Some(&folder)).try_collect::<Vec<_>>();
        let found = listing.await.map_err(|error| self.away(&doing, &error))?;
        // What was set aside, and what others put there under no key, is not an entry.
        let keys = found.iter().filter_map(|object| self.key(&object.location));
        let keys: Vec<String> =
            keys.filter(|key| key.starts_with(prefix) && check_key(key).is_ok()).collect();
        let reads = futures_util::stream::iter(keys).map(|key| async move { self.read(&key).await });
        let read: Vec<_> = reads.buffer_unordered(READERS).try_collect().await?;
        let ours = read.into_iter().flatten().filter(|(_, written)| *written == Written::ByUs);
        let mut entries: Vec<_> = ours.map(|(entry, _)| entry).collect();
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(entries)
    }

    fn path(&self, key: &str) -> Path {
        // A key is a path as it is: nothing in it needs an escape.
        key.split('/').fold(self.folder.clone(), |path, segment| path.join(segment))
    }

    fn key(&self, path: &Path) -> Option<String> {
        let segments: Vec<_> =
            path.prefix_match(&self.folder)?.map(|part| part.as_ref().to_owned()).collect();
        Some(segments.join("/"))
    }

    fn version(&self, doing: &str, e_tag: Option<String>, version: Option<String>) -> Result<Version> {
        let token = self.service.token(e_tag, version);
        token.map(Version).ok_or_else(|| {
            let why =
                "the service gives no ETag, and without one there is no compare-and-swap: choose another one";
            Error::Away { store: self.url.clone(), doing: doing.to_owned(), source: why.into() }
        })
    }

    /// Does a request; one without an answer within the patience has failed.
    async fn ask<T>(
        &self,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> object_store::Result<T> {
        let answer = tokio::time::timeout(PATIENCE, request).await;
        answer.unwrap_or_else(|_| Err(trouble::timed_out()))
    }

    /// A missing object is nothing; a missing bucket is trouble.
    fn is_absence(&self, error: &object_store::Error) -> bool {
        matches!(error, object_store::Error::NotFound { .. }) && !trouble::is_missing_bucket(error)
    }

    fn too_large(&self, key: &str, size: u64) -> Error {
        Error::TooLarge { key: key.to_owned(), store: self.url.clone(), size, limit: VALUE_LIMIT }
    }

    fn away(&self, doing: &str, error: &object_store::Error) -> Error {
        trouble::away(self.service, &self.url, doing, error)
    }
}

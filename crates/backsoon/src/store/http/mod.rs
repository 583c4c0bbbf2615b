//! Values behind the console of a gate: its API in place of a connection to the database.
//!
//! - A key is a resource below `/api/v1/store/`, and its version is an ETag; compare-and-swap is `If-Match` and
//!   `If-None-Match`. Every answer that counts carries the field `backsoon-store`, so that a proxy or another server that
//!   answers in the console's place is never taken for an empty store.
//! - Hints are server-sent events. A request is over after 10 s; one that may write is sent once, or again when the gate
//!   says that it has done nothing yet (429).
//! - The token comes from the URL's password, the file of `?token_file=` or the environment's `BACKSOON_TOKEN`. It is sent to
//!   that host alone: redirects are not followed, and without TLS there are loopback addresses only.
//! - What the token may not do is refused by the gate: see its documentation of the role `server`.

mod line;
mod trouble;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use reqwest::Method;
use reqwest::header::{ETAG, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use serde::Deserialize;
use tokio::sync::OnceCell;

use self::line::{Answer, Line};
use super::{Entry, Error, PutMode, Result, Store, Version, check_key, check_prefix, check_size};

/// The store of a gate, by its console's API. Clones share their connections.
#[derive(Clone, Debug)]
pub struct HttpStore {
    line: Arc<Line>,
    signature: Arc<OnceCell<String>>,
}

/// What a listing answers.
#[derive(Deserialize)]
struct Listing {
    entries: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    key: String,
    version: String,
    /// In base64.
    value: String,
}

/// Who asks, as the gate sees it.
#[derive(Deserialize)]
struct Me {
    mark: Option<String>,
}

// === impl HttpStore ===

impl HttpStore {
    /// The store behind the console at `https://token:SECRET@host[:port][/base]`. Options: `token_file` (a file with the
    /// token), `cacert` (a file with certificates of authorities that this machine does not know). Without a token in the URL or
    /// a file the environment's `BACKSOON_TOKEN` is taken. `http://` is for loopback addresses alone. It connects when it is
    /// first used.
    ///
    /// # Errors
    /// [`Error::Url`] if the URL is no such one, there is no token, or a file cannot be read.
    pub fn new(url: &str) -> Result<Self> {
        Ok(Self { line: Arc::new(Line::new(url)?), signature: Arc::default() })
    }
}

#[async_trait]
impl Store for HttpStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        check_key(key)?;
        let doing = format!("reading `{key}`");
        match self.line.ask(&doing, &self.line.entry(key), |request| request).await? {
            Answer::Missing => Ok(None),
            Answer::Done { version: Some(version), body } => {
                Ok(Some(Entry { key: key.to_owned(), value: body, version }))
            }
            Answer::TooLarge { size } => Err(self.line.too_large(key, size)),
            _ => Err(self.line.odd(&doing)),
        }
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        check_key(key)?;
        check_size(key, &value, || self.url())?;
        let doing = format!("writing `{key}`");
        let conflict = || Error::Conflict { key: key.to_owned() };
        let condition = match mode {
            PutMode::Overwrite => None,
            PutMode::Create => Some((IF_NONE_MATCH, HeaderValue::from_static("*"))),
            // A version that cannot be sent was never this store's.
            PutMode::Update(version) => Some((IF_MATCH, sendable(&version).ok_or_else(conflict)?)),
        };
        let target = self.line.entry(key).with(Method::PUT);
        let answer = self.line.ask(&doing, &target, |request| {
            let request = request.body(value.clone());
            match &condition {
                Some((name, value)) => request.header(name, value),
                None => request,
            }
        });
        match answer.await? {
            Answer::Done { version: Some(version), .. } => Ok(version),
            Answer::Conflict => Err(conflict()),
            _ => Err(self.line.odd(&doing)),
        }
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let doing = format!("deleting `{key}`");
        match self.line.ask(&doing, &self.line.entry(key).with(Method::DELETE), |request| request).await? {
            Answer::Done { .. } => Ok(()),
            _ => Err(self.line.odd(&doing)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        check_prefix(prefix)?;
        let doing = format!("listing `{prefix}`");
        let target = self.line.listing(prefix);
        let Answer::Done { body, .. } = self.line.ask(&doing, &target, |request| request).await? else {
            return Err(self.line.odd(&doing));
        };
        let read = || -> Option<Vec<Entry>> {
            let listing: Listing = serde_json::from_slice(&body).ok()?;
            let entry = |listed: Listed| {
                let value = STANDARD.decode(listed.value).ok()?.into();
                Some(Entry { key: listed.key, value, version: Version(listed.version) })
            };
            listing.entries.into_iter().map(entry).collect()
        };
        read().ok_or_else(|| self.line.odd(&doing))
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        // What is no key never changes.
        check_key(key).map_or_else(
            |_| Box::pin(futures_util::stream::pending()) as _,
            |()| watch::hints(Arc::clone(&self.line), key),
        )
    }

    async fn signature(&self) -> Result<Option<String>> {
        let ask = async || {
            let doing = "asking who this is";
            let body = self.line.fetch(doing, &self.line.me()).await?;
            let me: Option<Me> = serde_json::from_slice(&body).ok();
            me.and_then(|me| me.mark).ok_or_else(|| self.line.odd(doing))
        };
        Ok(Some(self.signature.get_or_try_init(ask).await?.clone()))
    }

    fn url(&self) -> String {
        self.line.url().to_owned()
    }
}

/// The version as an ETag, if it can be one of the gate's.
fn sendable(version: &Version) -> Option<HeaderValue> {
    let is_tag = version.0.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
    if is_tag { HeaderValue::from_str(&format!("\"{}\"", version.0)).ok() } else { None }
}

/// The version in an answer.
fn version(answer: &reqwest::Response) -> Option<Version> {
    let tag = answer.headers().get(ETAG)?.to_str().ok()?;
    Some(Version(tag.strip_prefix('"')?.strip_suffix('"')?.to_owned()))
}

//! Where the State lives: a small key-value contract with compare-and-swap, and nothing more.
//!
//! A store knows bytes. What they mean lives once, above it, in [`crate::control`] and [`crate::fleet`].
//!
//! # Write your own
//!
//! Implement [`Store`] (four methods over bytes, and the URL that names it), then run [`crate::testing::store::conformance`] (feature `testing`)
//! against it: whatever passes is a store. A store that cannot compare-and-swap is not one, and no flag excuses it.
//!
//! # Keys
//!
//! Keys are slash-separated segments of `A-Z a-z 0-9 . _ -`, none of them empty or starting with a dot; see [`check_key`].
//! A key is never also the directory of other keys (`state` beside `state/x`): the file store cannot hold both.

#[cfg(any(feature = "http", feature = "redis", feature = "object"))]
mod address;
mod awaited;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "http")]
mod http;
mod memory;
#[cfg(feature = "object")]
mod object;
mod open;
#[cfg(any(feature = "http", feature = "redis"))]
mod pauses;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod sql;
#[cfg(any(feature = "http", feature = "redis", feature = "object"))]
mod tls;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;

pub use awaited::awaited;
#[cfg(feature = "file")]
pub use file::FileStore;
#[cfg(feature = "http")]
pub use http::HttpStore;
pub use memory::MemoryStore;
#[cfg(feature = "object")]
pub use object::ObjectStore;
pub use open::{open, open_existing};
#[cfg(feature = "redis")]
pub use redis::RedisStore;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub use sql::SqlStore;

/// One value in a store, with the token that a later compare-and-swap needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key it is filed under.
    pub key: String,
    /// The bytes as they were written.
    pub value: Bytes,
    /// The token of exactly this value.
    pub version: Version,
}

/// A store's opaque token for one value of one key (an ETag, a digest, a counter). Compare it, never read it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(pub String);

/// When a `put` may replace what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutMode {
    /// Whatever is there. Atomic, but it may be lost in a power cut: for beats, which are written again soon.
    Overwrite,
    /// Only if the key holds nothing. Durable when it returns.
    Create,
    /// Only if the key still holds the value of this version. Durable when it returns.
    Update(Version),
}

/// Bytes under keys, with compare-and-swap.
///
/// All methods are safe to call at any time from any task; a future that is dropped half way either did its
/// work or did nothing.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The value under `key`, or `None` if there is none.
    async fn get(&self, key: &str) -> Result<Option<Entry>>;

    /// Writes `value` under `key` if `mode` allows it, in one step, and returns the new version.
    ///
    /// # Errors
    /// [`Error::Conflict`] when `mode` does not allow it: nothing was written.
    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version>;

    /// Removes `key`; removing what is not there is no error.
    async fn delete(&self, key: &str) -> Result<()>;

    /// Every entry whose key starts with `prefix`, in the order of the keys' bytes.
    async fn list(&self, prefix: &str) -> Result<Vec<Entry>>;

    /// A stream that says "look again" at `key`. It may say so for no reason, and may miss a change: callers
    /// also poll.
    ///
    /// Unless a store knows better, it says so once a second, which suits a store that cannot push.
    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        let _ = key;
        once_a_second()
    }

    /// What in this store's set-up may lose or forget a state, in sentences with the way out. It may ask the store.
    async fn caveats(&self) -> Vec<String> {
        Vec::new()
    }

    /// What every change of the State through this store must be signed with, behind the name of whoever makes it; the
    /// store refuses others. Most stores do not care; one that wraps another hands its word on. It may ask the store.
    ///
    /// # Errors
    /// When the store is away.
    async fn signature(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// The URL that names this store to people, without its secrets.
    fn url(&self) -> String;
}

/// What a store answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key did not hold what the caller expected; read again and decide again.
    #[error("`{key}` was changed by someone else in the meantime")]
    Conflict {
        /// The key that changed.
        key: String,
    },
    /// The value is larger than a store of this kind will read into memory.
    #[error("`{key}` in {store} is {size} bytes long; a value has at most {limit}")]
    TooLarge {
        /// The key of the value.
        key: String,
        /// The store's URL.
        store: String,
        /// Its size in bytes.
        size: u64,
        /// The largest size in bytes that is read.
        limit: u64,
    },
    /// The store cannot be reached or does not work.
    #[error("the store {store} is away: {doing}: {source}")]
    Away {
        /// The store's URL, without secrets.
        store: String,
        /// What was tried.
        doing: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The URL does not name a store that this build knows.
    #[error("{0}")]
    Url(String),
    /// The key breaks the rules of [`check_key`].
    #[error("`{0}` is not a key: use segments of letters, digits, `.`, `_` and `-`, separated by `/`")]
    Key(String),
}

/// The largest value in bytes that a store reads into memory: 16 MiB, a thousand times a large State.
pub const VALUE_LIMIT: u64 = 16 * 1024 * 1024;

/// The longest key in bytes: with what a store appends to it, a segment still fits a file name (255 bytes).
const KEY_LIMIT: usize = 200;

/// What stands between the name of a damaged value that was set aside and the Unix time in milliseconds.
const ASIDE: &str = ".aside-";

/// Checks that `key` can be a key in every store: slash-separated segments of `A-Z a-z 0-9 . _ -`, none of them
/// empty or starting with a dot, at most 200 bytes.
///
/// Names that end in `.aside-` and digits are kept for damaged values that a store has set aside.
///
/// # Errors
/// [`Error::Key`] when it cannot.
pub fn check_key(key: &str) -> Result<()> {
    let segment = |s: &str| !s.is_empty() && fits_a_key(s) && !is_aside(s);
    if key.len() <= KEY_LIMIT && key.split('/').all(segment) {
        Ok(())
    } else {
        Err(Error::Key(key.to_owned()))
    }
}

/// Checks that `prefix` can be the start of a key: a key, a key with a slash behind it, or nothing at all.
///
/// # Errors
/// [`Error::Key`] when it cannot.
pub fn check_prefix(prefix: &str) -> Result<()> {
    let (parents, last) =
        prefix.rsplit_once('/').map_or((None, prefix), |(parents, last)| (Some(parents), last));
    if let Some(parents) = parents {
        check_key(parents).map_err(|_| Error::Key(prefix.to_owned()))?;
    }
    if prefix.len() <= KEY_LIMIT && fits_a_key(last) { Ok(()) } else { Err(Error::Key(prefix.to_owned())) }
}

/// A store's URL as it may be shown: without its name and password.
#[must_use]
pub fn without_secrets(url: &str) -> String {
    let is_path = |scheme: &str| scheme.eq_ignore_ascii_case("file") || scheme.eq_ignore_ascii_case("sqlite");
    match url.split_once("://") {
        Some((scheme, rest)) if !is_path(scheme) => match rest.rsplit_once('@') {
            // A password may hold anything, also what ends a host: all before the last `@` counts as one.
            Some((_, host)) => format!("{scheme}://***@{host}"),
            None => url.to_owned(),
        },
        _ => url.to_owned(),
    }
}

/// Refuses what could be written but never be read again.
fn check_size(key: &str, value: &[u8], store: impl FnOnce() -> String) -> Result<()> {
    let size = value.len() as u64;
    if size <= VALUE_LIMIT {
        return Ok(());
    }
    Err(Error::TooLarge { key: key.to_owned(), store: store(), size, limit: VALUE_LIMIT })
}

fn fits_a_key(segment: &str) -> bool {
    !segment.starts_with('.')
        && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

fn is_aside(segment: &str) -> bool {
    let time = segment.rsplit_once(ASIDE).map_or("", |(_, time)| time);
    !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(any(
    feature = "file",
    feature = "sqlite",
    feature = "postgres",
    feature = "mysql",
    feature = "redis",
    feature = "object"
))]
fn now_in_millis() -> u128 {
    // A clock before 1970 is no reason to fail: the number only keeps names apart.
    std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis()
}

/// Which file this is, whatever it is called; `None` where the system does not say.
#[cfg(any(feature = "file", feature = "sqlite"))]
fn identity(found: &std::fs::Metadata) -> Option<(u64, u64)> {
    #[cfg(unix)]
    return Some((std::os::unix::fs::MetadataExt::dev(found), std::os::unix::fs::MetadataExt::ino(found)));
    #[cfg(not(unix))]
    return (|_| None)(found);
}

fn once_a_second() -> BoxStream<'static, ()> {
    Box::pin(futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some(((), ()))
    }))
}

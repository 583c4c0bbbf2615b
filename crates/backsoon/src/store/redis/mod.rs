//! Values in Redis (6 or later), Valkey, or what speaks their protocol: one connection, and changes pushed over it.
//!
//! - All keys with the same first segment are fields of one hash: `roster/web-1` is the field `roster/web-1` of the hash
//!   `{backsoon}:roster`, so a roster of any size is read by one command. The set `{backsoon}` names the hashes. Braces
//!   keep all of it on one node of a cluster.
//! - Every write is one script, and so one step. It says the key on the channel `{backsoon}:changes`, unless it is a beat.
//!   A version is random, and so never comes back.
//! - How durable a write is depends on the server: with `appendonly yes` a killed server loses nothing that was
//!   acknowledged, and a power cut loses what `appendfsync` allows (a second, or nothing with `always`). A failover to a
//!   replica loses what that one had not received. [`Store::caveats`] names what it sees of this.
//! - A value too large to be one is never deleted, but set aside in the field `<key>.aside-<Unix time in milliseconds>`.
//! - A field that somebody else wrote is handed on as it is, so that whoever reads it says that it is damaged.

mod caveats;
mod line;
mod scripts;
mod trouble;
mod watch;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use redis::{
    Client, IntoConnectionInfo as _, ProtocolVersion, RedisError, TlsCertificates, Value, from_redis_value,
};

use self::line::Line;
use self::scripts::{HEADER, Scripts};
use super::address::{Address, refuse};
use super::{
    ASIDE, Entry, Error, PutMode, Result, Store, VALUE_LIMIT, Version, check_key, check_prefix, check_size,
    fits_a_key, now_in_millis,
};

/// The largest field that is read.
const LARGEST: u64 = VALUE_LIMIT + HEADER as u64;

/// Keys under these change all the time, and nobody waits for them.
const BEATS: [&str; 3] = ["crew/", "roster/", "leases/"];

/// Hashes in a Redis database. Clones share one connection.
#[derive(Clone)]
pub struct RedisStore {
    /// What all names in the database start with, braces included.
    tag: String,
    line: Arc<Line>,
    scripts: Arc<Scripts>,
}

// === impl RedisStore ===

impl RedisStore {
    /// The store that `redis://[user:password@]host[:port][/db][?prefix=NAME]` names; `rediss://` is the same over TLS,
    /// with the system's certificates or those of `?cacert=/path/ca.pem`. It connects when it is first used.
    ///
    /// # Errors
    /// [`Error::Url`] if the URL is no such one.
    pub fn new(url: &str) -> Result<Self> {
        let address = Address::read(url, &["prefix", "cacert"])?;
        let prefix = address.option("prefix").unwrap_or("backsoon");
        if !fits_a_key(prefix) {
            return Err(refuse(url, "a prefix is made of letters, digits, `.`, `_` and `-`"));
        }
        let client = client(url, &address)?;
        let tag = format!("{{{prefix}}}");
        let line = Arc::new(Line::new(client, format!("{tag}:changes"), address.shown()));
        Ok(Self { tag, line, scripts: Arc::new(Scripts::new()) })
    }

    fn hash_of(&self, key: &str) -> String {
        let segment = key.split_once('/').map_or(key, |(segment, _)| segment);
        format!("{}:{segment}", self.tag)
    }

    /// Where a change of `key` is said; nowhere for a beat.
    fn channel_for(&self, key: &str) -> &str {
        if BEATS.iter().any(|beats| key.starts_with(beats)) { "" } else { self.line.channel() }
    }

    fn entry(&self, key: String, field: Vec<u8>) -> Result<Entry> {
        let version = scripts::version(&field).map(str::to_owned);
        let start = if version.is_some() { HEADER } else { 0 };
        let size = (field.len() - start) as u64;
        if size > VALUE_LIMIT {
            return Err(self.too_large(key, size));
        }
        let version = Version(version.unwrap_or_else(|| scripts::version_of_raw(&field)));
        Ok(Entry { key, value: Bytes::from(field).slice(start..), version })
    }

    fn too_large(&self, key: String, size: u64) -> Error {
        Error::TooLarge { key, store: self.url(), size, limit: VALUE_LIMIT }
    }

    fn away<'a>(&'a self, doing: &'a str) -> impl Fn(RedisError) -> Error + 'a {
        move |error| trouble::away(&self.line, doing, &error)
    }

    /// The hashes that may hold keys with this prefix.
    async fn hashes(&self, prefix: &str) -> Result<Vec<String>> {
        if prefix.contains('/') {
            return Ok(vec![self.hash_of(prefix)]);
        }
        let names = self.line.ask(|mut connection| async move {
            redis::cmd("SMEMBERS").arg(&self.tag).query_async::<Vec<String>>(&mut connection).await
        });
        let names = names.await.map_err(self.away("listing the hashes"))?;
        let start = format!("{}:{prefix}", self.tag);
        Ok(names.into_iter().filter(|name| name.starts_with(&start)).collect())
    }
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RedisStore").field(&self.url()).finish()
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        check_key(key)?;
        let mut get = self.scripts.get.key(self.hash_of(key));
        get.arg(key).arg(LARGEST);
        let got = self.line.ask(|mut connection| async move { get.invoke_async(&mut connection).await });
        match got.await.map_err(self.away(&format!("reading `{key}`")))? {
            Value::Nil => Ok(None),
            Value::Int(size) => Err(self.too_large(key.to_owned(), size.unsigned_abs())),
            field => {
                let field = from_redis_value::<Vec<u8>>(field).map_err(RedisError::from);
                self.entry(key.to_owned(), field.map_err(self.away(&format!("reading `{key}`")))?).map(Some)
            }
        }
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        check_key(key)?;
        check_size(key, &value, || self.url())?;
        let (mode, expected) = match mode {
            PutMode::Overwrite => ("overwrite", String::new()),
            PutMode::Create => ("create", String::new()),
            PutMode::Update(Version(expected)) => ("update", expected),
        };
        let version = format!("{:032x}", fastrand::u128(..));
        let mut put = self.scripts.put.key(self.hash_of(key));
        put.key(&self.tag).arg(key).arg(LARGEST).arg(scripts::field(&version, &value));
        put.arg(mode).arg(expected).arg(self.channel_for(key));
        let put = self.line.ask(|mut connection| async move { put.invoke_async(&mut connection).await });
        match put.await.map_err(self.away(&format!("writing `{key}`")))? {
            0 => Err(Error::Conflict { key: key.to_owned() }),
            _ => Ok(Version(version)),
        }
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let mut delete = self.scripts.delete.key(self.hash_of(key));
        delete
            .arg(key)
            .arg(LARGEST)
            .arg(format!("{key}{ASIDE}{}", now_in_millis()))
            .arg(self.channel_for(key));
        let gone =
            self.line.ask(|mut connection| async move { delete.invoke_async::<i64>(&mut connection).await });
        gone.await.map(drop).map_err(self.away(&format!("deleting `{key}`")))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        check_prefix(prefix)?;
        let mut entries = Vec::new();
        for hash in self.hashes(prefix).await? {
            let fields = self.line.ask(|mut connection| async move {
                redis::cmd("HGETALL").arg(hash).query_async::<Vec<(Vec<u8>, Vec<u8>)>>(&mut connection).await
            });
            for (key, field) in fields.await.map_err(self.away(&format!("listing `{prefix}`")))? {
                // What was set aside, and what others put there under no key, is not an entry.
                let key = String::from_utf8(key).ok().filter(|key| key.starts_with(prefix));
                if let Some(key) = key.filter(|key| check_key(key).is_ok()) {
                    entries.push(self.entry(key, field)?);
                }
            }
        }
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(entries)
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        // What is no key never changes.
        check_key(key).map_or_else(
            |_| Box::pin(futures_util::stream::pending()) as _,
            |()| watch::hints(Arc::clone(&self.line), key),
        )
    }

    async fn caveats(&self) -> Vec<String> {
        let asked = self.line.ask(async |connection| Ok(caveats::of(connection).await)).await;
        asked.unwrap_or_else(|error| {
            vec![trouble::away(&self.line, "looking at its settings", &error).to_string()]
        })
    }

    fn url(&self) -> String {
        self.line.url().to_owned()
    }
}

fn client(url: &str, address: &Address) -> Result<Client> {
    let broken = |error: RedisError| {
        let why = error.detail().map(str::to_owned).unwrap_or_else(|| error.to_string());
        refuse(url, &format!("{why}; write redis://[user:password@]host[:port][/database]"))
    };
    if address.url.host_str().is_none_or(str::is_empty) {
        return Err(refuse(url, "the host is missing; write redis://host:6379"));
    }
    let info = address.url.clone().into_connection_info().map_err(broken)?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(settings);
    match (address.url.scheme(), address.option("cacert")) {
        ("rediss", cacert) => {
            super::tls::provide();
            let root_cert = cacert.map(std::fs::read).transpose().map_err(|error| {
                refuse(url, &format!("{error}: the certificates of `cacert`; name a file that can be read"))
            })?;
            Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert }).map_err(broken)
        }
        (_, Some(_)) => Err(refuse(url, "`cacert` is for TLS; write rediss://")),
        (_, None) => Client::open(info).map_err(broken),
    }
}

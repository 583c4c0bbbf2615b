//! A store is named by a URL; this is the list of those that a URL can name.

#[cfg(any(feature = "file", feature = "sqlite"))]
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Error, MemoryStore, Result, Store, without_secrets};

/// One kind of store: a line of the list at the end of this file.
struct Scheme {
    name: &'static str,
    /// How such a URL looks.
    form: &'static str,
    feature: &'static str,
    /// `None` if this build lacks the feature.
    open: Option<Opener>,
}

pub(super) type Opener = fn(Place, IfMissing) -> BoxFuture<'static, Result<Option<Arc<dyn Store>>>>;

/// What to do where no store is yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfMissing {
    Create,
    Leave,
}

/// What follows the scheme.
pub(super) struct Place {
    url: String,
    rest: String,
}

/// Opens the store that `url` names, and makes it if there is none yet: `memory:` (a new and empty one each
/// time), `file:./state` (a directory), `sqlite:./backsoon.db` (a file in a directory that exists), or one that the whole
/// fleet shares: `postgres://user:password@host/database`, `mysql://user:password@host/database`, `redis://host`,
/// `s3://bucket/folder`, `gs://bucket/folder`, `az://container/folder`; or the console of a gate,
/// `https://token:SECRET@gate.example`, which stands before such a store.
///
/// A path of this machine is taken as it is, relative to the working directory; nothing in it is decoded. A store on
/// another machine is not connected to before it is first used.
///
/// # Errors
/// [`Error::Url`] if no store of this build is named so, [`Error::Away`] if it cannot be opened or made.
pub async fn open(url: &str) -> Result<Arc<dyn Store>> {
    let (open, place) = resolve(url)?;
    let store = open(place, IfMissing::Create).await?;
    store.ok_or_else(|| Error::Url(format!("the store `{url}` could not be made")))
}

/// Opens the store that `url` names only if there is one already, and writes nothing to find out.
///
/// # Errors
/// As [`open`].
pub async fn open_existing(url: &str) -> Result<Option<Arc<dyn Store>>> {
    let (open, place) = resolve(url)?;
    open(place, IfMissing::Leave).await
}

pub(super) fn resolve(url: &str) -> Result<(Opener, Place)> {
    let named = url.split_once(':').map(|(name, rest)| (name.to_ascii_lowercase(), rest));
    let Some((name, rest)) = named.filter(|(name, _)| !name.contains(['/', '\\', '.'])) else {
        return Err(Error::Url(no_scheme(&without_secrets(url))));
    };
    let Some(scheme) = SCHEMES.iter().find(|scheme| scheme.name == name) else {
        let shown = without_secrets(url);
        let rest = shown.split_once(':').map_or("", |(_, rest)| rest);
        return Err(Error::Url(unknown_scheme(&shown, &name, rest)));
    };
    let open = scheme.open.ok_or_else(|| {
        let Scheme { name, feature, .. } = scheme;
        Error::Url(format!(
            "`{}`: this build has no `{name}:` stores; build it with the feature `{feature}`",
            without_secrets(url)
        ))
    })?;
    Ok((open, Place { url: url.to_owned(), rest: rest.to_owned() }))
}

fn no_scheme(url: &str) -> String {
    let meant = match url {
        "" => String::new(),
        path if path.ends_with(".db") => format!("; did you mean `sqlite:{path}`?"),
        path => format!("; did you mean `file:{path}`?"),
    };
    format!("`{url}` does not say what kind of store it is; this build knows {}{meant}", known())
}

fn unknown_scheme(url: &str, name: &str, rest: &str) -> String {
    let near = SCHEMES.iter().map(|scheme| (strsim::damerau_levenshtein(scheme.name, name), scheme.name));
    // Of a short name little is left: `ftp` is no slip of `http`.
    let nearest = near.filter(|(distance, _)| *distance <= 2 && distance * 2 < name.len()).min();
    let meant = nearest.map_or(String::new(), |(_, meant)| format!("; did you mean `{meant}:{rest}`?"));
    format!("`{url}`: there are no `{name}:` stores; this build knows {}{meant}", known())
}

fn known() -> String {
    let here = SCHEMES.iter().filter(|scheme| scheme.open.is_some());
    here.map(|scheme| format!("`{}`", scheme.form)).collect::<Vec<_>>().join(", ")
}

async fn memory(place: Place, _: IfMissing) -> Result<Option<Arc<dyn Store>>> {
    if !place.rest.is_empty() {
        return Err(Error::Url(format!("`{}`: a store in memory has no name; write `memory:`", place.url)));
    }
    Ok(Some(Arc::new(MemoryStore::new())))
}

#[cfg(feature = "file")]
async fn file(place: Place, if_missing: IfMissing) -> Result<Option<Arc<dyn Store>>> {
    let store = super::FileStore::at(place.path()?, if_missing).await?;
    Ok(store.map(|store| Arc::new(store) as Arc<dyn Store>))
}

#[cfg(feature = "sqlite")]
async fn sqlite(place: Place, if_missing: IfMissing) -> Result<Option<Arc<dyn Store>>> {
    let store = super::SqlStore::at(place.path()?, if_missing).await?;
    Ok(store.map(|store| Arc::new(store) as Arc<dyn Store>))
}

#[cfg(feature = "postgres")]
async fn postgres(place: Place, _: IfMissing) -> Result<Option<Arc<dyn Store>>> {
    // It connects later: a server that is away now may be there soon.
    Ok(Some(Arc::new(super::SqlStore::postgres(&place.url)?)))
}

#[cfg(feature = "postgres")]
use postgres as postgresql;

#[cfg(feature = "mysql")]
async fn mysql(place: Place, _: IfMissing) -> Result<Option<Arc<dyn Store>>> {
    Ok(Some(Arc::new(super::SqlStore::mysql(&place.url)?)))
}

#[cfg(feature = "mysql")]
use mysql as mariadb;

#[cfg(feature = "redis")]
async fn redis(place: Place, _: IfMissing) -> Result<Option<Arc<dyn Store>>> {
    // It connects later: a server that is away now may be there soon.
    Ok(Some(Arc::new(super::RedisStore::new(&place.url)?)))
}

#[cfg(feature = "redis")]
use redis as rediss;

#[cfg(feature = "object")]
async fn object(place: Place, _: IfMissing) -> Result<Option<Arc<dyn Store>>> {
    Ok(Some(Arc::new(super::ObjectStore::new(&place.url)?)))
}

#[cfg(feature = "object")]
use {object as az, object as gs, object as s3};

#[cfg(feature = "http")]
async fn https(place: Place, _: IfMissing) -> Result<Option<Arc<dyn Store>>> {
    // It connects later: a gate that is away now may be there soon.
    Ok(Some(Arc::new(super::HttpStore::new(&place.url)?)))
}

#[cfg(feature = "http")]
use https as http;

// === impl Place ===

#[cfg(any(feature = "file", feature = "sqlite"))]
impl Place {
    /// The absolute path in `file:./state`, `file:/state` or `file:///state`.
    fn path(&self) -> Result<PathBuf> {
        let refuse = |why: &str| Err(Error::Url(format!("`{}`: {why}", self.url)));
        let path = match self.rest.strip_prefix("//") {
            Some(path) if path.starts_with('/') => path,
            Some(_) => {
                return refuse("a store of files is on this machine; after `//` there must be a third `/`");
            }
            None => &self.rest,
        };
        if path.is_empty() {
            return refuse("the path is missing");
        }
        if path == ":memory:" {
            return refuse("for a store that lives in memory write `memory:`");
        }
        if path.starts_with('~') {
            return refuse(
                "nobody expands the `~` here; write the whole path, or `$HOME` where a shell reads it",
            );
        }
        if path.contains(['?', '\0']) {
            return refuse("a path here has no `?` and no options behind it");
        }
        // Absolute, so that a later change of the working directory moves no store.
        std::path::absolute(Path::new(path)).or_else(|error| refuse(&error.to_string()))
    }
}

macro_rules! schemes {
    ($($name:ident, $form:literal $(, feature $feature:literal)?;)*) => {
        const SCHEMES: &[Scheme] = &[$(Scheme {
            name: stringify!($name),
            form: $form,
            feature: concat!($($feature)?),
            open: {
                $(#[cfg(not(feature = $feature))] { None })?
                $(#[cfg(feature = $feature)])? { Some(|place, if_missing| Box::pin($name(place, if_missing))) }
            },
        },)*];
    };
}

schemes! {
    memory, "memory:";
    file, "file:./state", feature "file";
    sqlite, "sqlite:./backsoon.db", feature "sqlite";
    postgres, "postgres://user:password@host/database", feature "postgres";
    postgresql, "postgresql://user:password@host/database", feature "postgres";
    mysql, "mysql://user:password@host/database", feature "mysql";
    mariadb, "mariadb://user:password@host/database", feature "mysql";
    redis, "redis://host", feature "redis";
    rediss, "rediss://host", feature "redis";
    s3, "s3://bucket/folder", feature "object";
    gs, "gs://bucket/folder", feature "object";
    az, "az://container/folder", feature "object";
    https, "https://token:SECRET@gate.example", feature "http";
    http, "http://token:SECRET@127.0.0.1:PORT", feature "http";
}

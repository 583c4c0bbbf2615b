//! Values as files in a directory: easy to read, to copy and to back up, and pushed by the operating system.
//!
//! - `state` lies in `<directory>/state`, `fleet/web-1` in `<directory>/fleet/web-1`.
//! - Every write holds the lock on `<directory>/.lock`, fills `.tmp` beside the value and renames it into place:
//!   whoever is killed half way leaves the old value, and a `.tmp` that the next writer there throws away.
//! - Reading one value takes no lock. A version is the SHA-256 of the value.
//! - A value too large to be one is never deleted, but renamed to `<name>.aside-<Unix time in milliseconds>`.

mod directory;
mod disk;
mod lock;
mod trouble;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use tokio::task::spawn_blocking;

use self::directory::Directory;
use self::lock::Ticket;
use super::open::IfMissing;
use super::{Entry, PutMode, Result, Store, Version, check_key, check_prefix, check_size};

/// A directory as a store. Clones share it, and so do all processes that open the same directory.
///
/// It needs a file system with locks: a local one, or NFS version 4.
#[derive(Clone, Debug)]
pub struct FileStore {
    directory: Arc<Directory>,
    /// The writers of this process line up here, so that only one of them at a time asks for the lock.
    queue: Arc<tokio::sync::Mutex<()>>,
}

// === impl FileStore ===

impl FileStore {
    /// Opens the directory, and makes it (and its parents) if it is not there yet.
    ///
    /// # Errors
    /// [`Error::Away`](super::Error::Away) if it cannot be made or is not a directory.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let directory = Directory::new(path.into());
        blocking(&directory, Directory::make).await?;
        Ok(Self::from(directory))
    }

    pub(super) async fn at(path: PathBuf, if_missing: IfMissing) -> Result<Option<Self>> {
        match if_missing {
            IfMissing::Create => Self::open(path).await.map(Some),
            IfMissing::Leave => {
                let directory = Directory::new(path);
                let exists = blocking(&directory, Directory::exists).await?;
                Ok(exists.then(|| Self::from(directory)))
            }
        }
    }

    /// The directory that holds everything.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Does `work` under the lock. If the caller goes away while it still waits for the lock, it is never done.
    async fn locked<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Directory) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = Arc::clone(&self.queue).lock_owned().await;
        let ticket = Ticket::new();
        let of_the_caller = ticket.give_up_on_drop();
        let result = blocking(&self.directory, move |directory| {
            let _turn = turn;
            let _lock = directory.lock(&ticket)?;
            work(directory)
        });
        let result = result.await;
        drop(of_the_caller);
        result
    }
}

impl From<Arc<Directory>> for FileStore {
    fn from(directory: Arc<Directory>) -> Self {
        Self { directory, queue: Arc::default() }
    }
}

#[async_trait]
impl Store for FileStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        check_key(key)?;
        let key = key.to_owned();
        blocking(&self.directory, move |directory| directory.read(&key)).await
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        check_key(key)?;
        check_size(key, &value, || self.url())?;
        let key = key.to_owned();
        self.locked(move |directory| directory.write(&key, &value, &mode)).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        check_key(key)?;
        let key = key.to_owned();
        self.locked(move |directory| directory.remove(&key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        check_prefix(prefix)?;
        let prefix = prefix.to_owned();
        blocking(&self.directory, move |directory| directory.list(&prefix)).await
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        // What is no key never changes.
        check_key(key).map_or_else(
            |_| Box::pin(futures_util::stream::pending()) as _,
            |()| watch::hints(self.directory.path_of(key)),
        )
    }

    fn url(&self) -> String {
        self.directory.url()
    }
}

/// Does what the operating system may take its time for, on a thread that may wait.
async fn blocking<T: Send + 'static>(
    directory: &Arc<Directory>,
    work: impl FnOnce(&Directory) -> Result<T> + Send + 'static,
) -> Result<T> {
    let theirs = Arc::clone(directory);
    let stopped = |error| directory.away("working in", directory.path(), std::io::Error::other(error));
    spawn_blocking(move || work(&theirs)).await.map_err(stopped)?
}

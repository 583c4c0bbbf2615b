//! A store that may be away when a server starts, and is opened as soon as it is there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::sync::OnceCell;

use super::open::resolve;
use super::{Entry, PutMode, Result, Store, Version, open, without_secrets};

/// How often the stream of hints sees whether the store is there.
const PAUSE: Duration = Duration::from_secs(1);

/// Opens the store that `url` names whenever it is asked for something, until that works.
#[derive(Debug)]
struct Awaited {
    url: String,
    store: Arc<OnceCell<Arc<dyn Store>>>,
}

/// The store that `url` names, opened when it is first used, and as often as it takes: for a server, which starts also
/// while its store is away.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let store = backsoon::store::awaited("memory:")?;
/// assert!(store.get("state").await?.is_none());
/// assert!(backsoon::store::awaited("flie:./state").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Url`](super::Error::Url) if no store of this build is named so.
pub fn awaited(url: &str) -> Result<Arc<dyn Store>> {
    resolve(url)?;
    Ok(Arc::new(Awaited { url: url.to_owned(), store: Arc::default() }))
}

// === impl Awaited ===

impl Awaited {
    async fn there(&self) -> Result<&Arc<dyn Store>> {
        self.store.get_or_try_init(|| open(&self.url)).await
    }
}

#[async_trait]
impl Store for Awaited {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.there().await?.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        self.there().await?.put(key, value, mode).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.there().await?.delete(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.there().await?.list(prefix).await
    }

    /// Whoever listens polls as well, and so has the store opened.
    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        let (store, key) = (Arc::clone(&self.store), key.to_owned());
        let hints = async move {
            loop {
                if let Some(store) = store.get() {
                    return store.hints(&key);
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        stream::once(hints).flatten().boxed()
    }

    async fn caveats(&self) -> Vec<String> {
        match self.store.get() {
            Some(store) => store.caveats().await,
            None => Vec::new(),
        }
    }

    async fn signature(&self) -> Result<Option<String>> {
        self.there().await?.signature().await
    }

    fn url(&self) -> String {
        self.store.get().map_or_else(|| without_secrets(&self.url), |store| store.url())
    }
}

//! Hints of one store over one connection, however many streams there are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use tokio::sync::watch;

/// Where the hints come from.
#[async_trait]
pub(in super::super) trait Source: Send + Sync + 'static {
    /// Rings the keys that change, and all of them once it listens, until nobody waits for any more.
    async fn follow(&self, keys: &Keys) -> sqlx::Result<()>;
}

/// The hints of one store.
pub(in super::super) struct News {
    source: Arc<dyn Source>,
    /// How the store is shown.
    url: String,
    /// Owned by the task that follows: when it ends, with its runtime or for want of streams, so do the bells.
    keys: Mutex<Weak<Keys>>,
}

/// Who waits for which key.
#[derive(Debug, Default)]
pub(in super::super) struct Keys {
    bells: Mutex<HashMap<String, watch::Sender<()>>>,
    /// Since the last failure.
    listened: AtomicBool,
}

/// One stream of hints.
struct Stream {
    news: Arc<News>,
    key: String,
    bell: Option<watch::Receiver<()>>,
}

/// The pause after the first failure; it doubles with each further one.
const RETRY: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

// === impl News ===

impl News {
    pub(in super::super) fn from(source: impl Source, url: &str) -> Arc<Self> {
        Arc::new(Self { source: Arc::new(source), url: url.to_owned(), keys: Mutex::default() })
    }

    /// The first hint says that the stream waits for more: what was read before it may be old.
    pub(in super::super) fn hints(self: &Arc<Self>, key: &str) -> BoxStream<'static, ()> {
        let stream = Stream { news: Arc::clone(self), key: key.to_owned(), bell: None };
        Box::pin(futures_util::stream::unfold(stream, |mut stream| async move {
            stream.next().await;
            Some(((), stream))
        }))
    }

    fn listen_for(&self, key: &str) -> watch::Receiver<()> {
        let mut shared = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = shared.upgrade().unwrap_or_else(|| {
            let keys = Arc::<Keys>::default();
            *shared = Arc::downgrade(&keys);
            tokio::spawn(follow(Arc::clone(&self.source), self.url.clone(), Arc::clone(&keys)));
            keys
        });
        keys.listen_for(key)
    }
}

async fn follow(source: Arc<dyn Source>, url: String, keys: Arc<Keys>) {
    let mut failures = 0;
    // The task may run before its first stream is written down.
    tokio::task::yield_now().await;
    while let Err(error) = super::caught(source.follow(&keys)).await {
        if keys.listened.swap(false, Ordering::Relaxed) {
            failures = 0;
        }
        if failures == 0 {
            tracing::warn!(store = %url, %error, "no hints from this store; polling it, and trying again");
        }
        let pause = LONGEST.min(RETRY * 2_u32.pow(failures.min(6)));
        failures += 1;
        // Random, so that a fleet does not come back all at once.
        tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        if keys.awaited().is_empty() {
            return;
        }
    }
}

// === impl Keys ===

impl Keys {
    fn listen_for(&self, key: &str) -> watch::Receiver<()> {
        self.bells().entry(key.to_owned()).or_default().subscribe()
    }

    pub(in super::super) fn ring(&self, key: &str) {
        if let Some(bell) = self.bells().get(key) {
            bell.send_replace(());
        }
    }

    /// It listens now, and may have missed anything before.
    pub(in super::super) fn ring_all(&self) {
        self.listened.store(true, Ordering::Relaxed);
        self.bells().values().for_each(|bell| bell.send_replace(()));
    }

    /// The keys that somebody waits for.
    pub(in super::super) fn awaited(&self) -> Vec<String> {
        let mut bells = self.bells();
        bells.retain(|_, bell| bell.receiver_count() > 0);
        bells.keys().cloned().collect()
    }

    fn bells(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Stream ===

impl Stream {
    async fn next(&mut self) {
        if let Some(bell) = &mut self.bell
            && bell.changed().await.is_ok()
        {
            return;
        }
        // The first time, or the task has ended.
        self.bell = Some(self.news.listen_for(&self.key));
    }
}

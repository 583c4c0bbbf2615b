//! A store as an instance on another machine sees it, counted.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backsoon::fleet::Place;
use backsoon::store::{self, Entry, PutMode, Store, Version};
use bytes::Bytes;
use futures_core::stream::BoxStream;

/// Counts what it is asked, and puts the name of another host into reports.
#[derive(Debug)]
pub(crate) struct Away {
    store: Arc<dyn Store>,
    here: Vec<u8>,
    there: Vec<u8>,
    counts: Arc<Counts>,
    put: Mutex<Option<Instant>>,
}

/// What a fleet has asked of its store.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    gets: AtomicU64,
    puts: AtomicU64,
    lists: AtomicU64,
    listed: AtomicU64,
    put: AtomicU64,
    failed: AtomicU64,
    /// The first one's reason.
    why: OnceLock<String>,
}

// === impl Away ===

impl Away {
    pub(crate) fn new(store: Arc<dyn Store>, n: usize, counts: Arc<Counts>) -> Self {
        let named = |host: &str| format!("\"host\":\"{host}\"").into_bytes();
        let (here, there) = (named(&Place::here().host), named(&format!("machine-{n}")));
        Self { store, here, there, counts, put: Mutex::new(None) }
    }

    /// When the State was last begun to be put.
    pub(crate) fn last_put(&self) -> Option<Instant> {
        *self.put.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moved(&self, value: Bytes) -> Bytes {
        let found = value.windows(self.here.len()).position(|bytes| bytes == self.here);
        found.map_or_else(
            || value.clone(),
            |at| [&value[..at], &self.there, &value[at + self.here.len()..]].concat().into(),
        )
    }

    fn counted<T>(&self, answer: store::Result<T>) -> store::Result<T> {
        if let Err(error @ store::Error::Away { .. }) = &answer {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
            self.counts.why.get_or_init(|| error.to_string());
        }
        answer
    }
}

#[async_trait]
impl Store for Away {
    async fn get(&self, key: &str) -> store::Result<Option<Entry>> {
        self.counts.gets.fetch_add(1, Ordering::Relaxed);
        self.counted(self.store.get(key).await)
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> store::Result<Version> {
        self.counts.puts.fetch_add(1, Ordering::Relaxed);
        let value = if key.starts_with("roster/") { self.moved(value) } else { value };
        self.counts.put.fetch_add(value.len() as u64, Ordering::Relaxed);
        if key == "state" {
            *self.put.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        self.counted(self.store.put(key, value, mode).await)
    }

    async fn delete(&self, key: &str) -> store::Result<()> {
        self.counts.puts.fetch_add(1, Ordering::Relaxed);
        self.counted(self.store.delete(key).await)
    }

    async fn list(&self, prefix: &str) -> store::Result<Vec<Entry>> {
        let listed = self.counted(self.store.list(prefix).await);
        self.counts.lists.fetch_add(1, Ordering::Relaxed);
        let bytes = listed.iter().flatten().map(|entry| entry.value.len() as u64).sum();
        self.counts.listed.fetch_add(bytes, Ordering::Relaxed);
        listed
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        self.store.hints(key)
    }

    fn url(&self) -> String {
        self.store.url()
    }
}

// === impl Counts ===

impl Counts {
    pub(crate) fn copy(&self) -> Self {
        let copy = |count: &AtomicU64| AtomicU64::new(count.load(Ordering::Relaxed));
        Self {
            gets: copy(&self.gets),
            puts: copy(&self.puts),
            lists: copy(&self.lists),
            listed: copy(&self.listed),
            put: copy(&self.put),
            failed: copy(&self.failed),
            why: self.why.clone(),
        }
    }

    /// How many puts and lists.
    pub(crate) fn asked_since(&self, before: &Self) -> (u64, u64) {
        let more =
            |now: &AtomicU64, then: &AtomicU64| now.load(Ordering::Relaxed) - then.load(Ordering::Relaxed);
        (more(&self.puts, &before.puts), more(&self.lists, &before.lists))
    }

    pub(crate) fn since<'a>(&'a self, before: &'a Self, took: Duration) -> impl fmt::Display + 'a {
        struct Since<'a>(&'a Counts, &'a Counts, Duration);
        impl fmt::Display for Since<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let more = |of: fn(&Counts) -> &AtomicU64| {
                    (of(self.0).load(Ordering::Relaxed) - of(self.1).load(Ordering::Relaxed)) as f64
                };
                let rate = |of| more(of) / self.2.as_secs_f64();
                let (puts, gets, lists) = (rate(|c| &c.puts), rate(|c| &c.gets), rate(|c| &c.lists));
                let (put, listed) = (rate(|c| &c.put) / puts, rate(|c| &c.listed) / 1e6);
                write!(
                    f,
                    "{puts:>9.0} puts a second ({put:.0} bytes each), {gets:.0} gets, {lists:.2} lists ({listed:.1} MB)"
                )?;
                match more(|c| &c.failed) {
                    0.0 => Ok(()),
                    failed => {
                        let why = self.0.why.get().map_or("", String::as_str);
                        write!(f, "; {failed} in all failed, the first of all because: {why}")
                    }
                }
            }
        }
        Since(self, before, took)
    }
}

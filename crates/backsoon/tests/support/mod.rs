//! A store that can be made to fail in the ways in which stores fail.

#![allow(dead_code, unreachable_pub, reason = "every test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backsoon::store::{Entry, Error, MemoryStore, PutMode, Result, Store, Version};
use bytes::Bytes;
use futures_core::stream::BoxStream;

/// How a [`Moody`] store feels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It works.
    Fine,
    /// Every call fails at once.
    Away,
    /// No call ever returns.
    Hangs,
    /// Every call takes this many milliseconds before it does anything.
    Slow(u64),
    /// Every `put` takes this many milliseconds before it does anything.
    SlowPuts(u64),
    /// Every read fails, and writes work.
    NoReads,
    /// The next `put` of the state lands, but its answer is lost; then it works again.
    LosesOneAnswer,
    /// The next `put` of the state lands, but its answer is lost; then it is away.
    LosesOneAnswerAndGoes,
    /// The next `put` of the state fails and does not land; then it works again.
    FailsOnce,
    /// No `put` of the state lands.
    TakesNoState,
    /// The next `put` of the state lands only after the state was read once more, and its answer is lost; then it works.
    LandsLate,
    /// The next `get` of the state brings something else than what lies there; then it works.
    GarblesOneRead,
}

/// A store around another one, with moods.
#[derive(Debug, Clone)]
pub struct Moody {
    pub inner: Arc<dyn Store>,
    mood: Arc<Mutex<Mood>>,
    puts: Arc<AtomicUsize>,
    late: Arc<Mutex<Option<(Bytes, PutMode)>>>,
}

impl Moody {
    pub fn new() -> Arc<Self> {
        Self::around(Arc::new(MemoryStore::new()))
    }

    pub fn around(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            mood: Arc::new(Mutex::new(Mood::Fine)),
            puts: Arc::default(),
            late: Arc::default(),
        })
    }

    pub fn feel(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// How often the state was put so far.
    pub fn puts(&self) -> usize {
        self.puts.load(Ordering::SeqCst)
    }

    async fn mood(&self, key: &str) -> Result<Mood> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Away => Err(away(key)),
            Mood::Hangs => std::future::pending().await,
            Mood::Slow(millis) => {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok(mood)
            }
            mood => Ok(mood),
        }
    }
}

pub fn away(key: &str) -> Error {
    Error::Away { store: "moody:".into(), doing: key.into(), source: "no answer".into() }
}

#[async_trait]
impl Store for Moody {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        let mood = self.mood(key).await?;
        if mood == Mood::NoReads {
            return Err(away(key));
        }
        let mut found = self.inner.get(key).await;
        if key == "state" && mood == Mood::GarblesOneRead {
            self.feel(Mood::Fine);
            found = found.map(|entry| entry.map(|entry| Entry { value: "{\"schem".into(), ..entry }));
        }
        let late = if key == "state" { self.late.lock().unwrap().take() } else { None };
        if let Some((value, mode)) = late {
            // Nobody waits for its answer any more.
            let _ = self.inner.put(key, value, mode).await;
        }
        found
    }

    async fn put(&self, key: &str, value: Bytes, mode_of_put: PutMode) -> Result<Version> {
        let mood = self.mood(key).await?;
        if let Mood::SlowPuts(millis) = mood {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        if key != "state" {
            return self.inner.put(key, value, mode_of_put).await;
        }
        if matches!(mood, Mood::FailsOnce | Mood::TakesNoState | Mood::LandsLate) {
            if mood != Mood::TakesNoState {
                self.feel(Mood::Fine);
            }
            if mood == Mood::LandsLate {
                *self.late.lock().unwrap() = Some((value, mode_of_put));
            }
            return Err(away(key));
        }
        self.puts.fetch_add(1, Ordering::SeqCst);
        let answer = self.inner.put(key, value, mode_of_put).await;
        let next = match mood {
            Mood::LosesOneAnswer => Mood::Fine,
            Mood::LosesOneAnswerAndGoes => Mood::Away,
            _ => return answer,
        };
        self.feel(next);
        answer.and(Err(away(key)))
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.mood(key).await?;
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.mood(prefix).await?;
        self.inner.list(prefix).await
    }

    fn hints(&self, key: &str) -> BoxStream<'static, ()> {
        self.inner.hints(key)
    }

    fn url(&self) -> String {
        "moody:".into()
    }
}

/// Waits until `is_so`, and fails the test after ten seconds.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "not within ten seconds: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A condition that holds for everything below `prefix`.
pub fn below(prefix: &str) -> backsoon::rules::Condition {
    let path = vec![backsoon::rules::PathPattern::prefix(prefix).unwrap()];
    backsoon::rules::Condition { path, ..Default::default() }
}

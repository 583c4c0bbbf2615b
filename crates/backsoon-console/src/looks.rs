//! Looks at the roster, one for all who ask.
//!
//! A small roster is read whenever somebody asks. Where reading takes long, because there are thousands of servers or the
//! store is slow, what was read last is good for [`KEPT`], and is read again meanwhile: so the roster costs the store the
//! same whether one person looks or a hundred do. A receipt takes only a look that began when its State was there
//! already ([`Receipt::of`]).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backsoon::State;
use backsoon::document::Lineage;
use backsoon::fleet::{Lookout, Roster};
use backsoon::receipt::{Expect, Receipt};
use backsoon::store::{self, Store};
use tokio::sync::Notify;

use crate::console::Desk;

/// What takes no longer is done again for everybody.
const CHEAP: Duration = Duration::from_millis(5);
/// For how long a look is good where looking is not cheap: longer than somebody who listens waits for the next one.
const KEPT: Duration = Duration::from_secs(2);
/// Looking takes at most this part of the time.
const SHARE: u32 = 10;

/// Looks at the roster of one store.
#[derive(Debug)]
pub(crate) struct Looks {
    cheap: Duration,
    kept: Duration,
    /// Who is lost is told by looking again and again, so all looks are one.
    lookout: tokio::sync::Mutex<Lookout>,
    last: Mutex<Option<Look>>,
    newest: Mutex<Option<Newest>>,
    wanted: Notify,
}

/// The newest State that somebody has asked about, and since when it certainly lies in the store.
#[derive(Debug)]
struct Newest {
    lineage: Lineage,
    revision: u64,
    since: Instant,
}

/// One look.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) roster: Arc<Roster>,
    pub(crate) lookout: Arc<Lookout>,
    begun: Instant,
    took: Duration,
}

/// Looks again where somebody was shown what was read before. It ends with the console.
pub(crate) async fn keep(desk: Arc<Desk>) {
    loop {
        desk.looks.wanted.notified().await;
        let begun = Instant::now();
        // Whoever asks after the last look is too old is told what is wrong.
        let _ = desk.looks.fresh(&*desk.store).await;
        tokio::time::sleep(begun.elapsed() * SHARE).await;
    }
}

// === impl Looks ===

impl Looks {
    /// The roster as it is, or was a moment ago.
    pub(crate) async fn recent(&self, store: &dyn Store) -> store::Result<Look> {
        let last = self.last().clone();
        match last.filter(|look| look.took > self.cheap && look.begun.elapsed() < self.kept) {
            Some(look) => {
                self.wanted.notify_one();
                Ok(look)
            }
            None => self.fresh(store).await,
        }
    }

    /// The roster as it is, or was a moment ago, but not before `state` was in the store. Call it with one that was.
    ///
    /// A list is not read at one moment everywhere: one that began before the change may have a report from after it,
    /// and miss somebody who joined in between and is still open.
    pub(crate) async fn recent_of(&self, store: &dyn Store, state: &State) -> store::Result<Look> {
        let since = self.since(state);
        let look = self.recent(store).await?;
        if look.begun >= since { Ok(look) } else { self.fresh(store).await }
    }

    fn since(&self, state: &State) -> Instant {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*newest {
            Some(newest) if newest.lineage == state.lineage && newest.revision >= state.revision => {
                newest.since
            }
            _ => {
                let since = Instant::now();
                *newest = Some(Newest { lineage: state.lineage.clone(), revision: state.revision, since });
                since
            }
        }
    }

    /// The roster as it is.
    pub(crate) async fn fresh(&self, store: &dyn Store) -> store::Result<Look> {
        let asked = Instant::now();
        let mut lookout = self.lookout.lock().await;
        // Somebody may have begun after us and been first.
        if let Some(look) = self.last().clone().filter(|look| look.begun >= asked) {
            return Ok(look);
        }
        let begun = Instant::now();
        let roster = match Roster::look(store, &mut lookout).await {
            Ok(roster) => Arc::new(roster),
            Err(error) => {
                // Nobody could report meanwhile.
                *lookout = Lookout::new();
                self.forget();
                return Err(error);
            }
        };
        let look = Look { roster, lookout: Arc::new(lookout.clone()), begun, took: begun.elapsed() };
        *self.last() = Some(look.clone());
        Ok(look)
    }

    /// Something was changed, or the store has gone: what was read before says nothing any more.
    pub(crate) fn forget(&self) {
        *self.last() = None;
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<Look>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            cheap: CHEAP,
            kept: KEPT,
            lookout: tokio::sync::Mutex::default(),
            last: Mutex::default(),
            newest: Mutex::default(),
            wanted: Notify::new(),
        }
    }
}

// === impl Look ===

impl Look {
    /// What this look proves.
    pub(crate) fn receipt(&self, store: &dyn Store, state: &State, expect: &Expect) -> Receipt {
        Receipt::of(store.url(), state, expect, &self.roster, &self.lookout)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use backsoon::store::{Entry, MemoryStore, PutMode, Version};
    use bytes::Bytes;

    use super::*;

    /// A store that takes its time, and counts how often it is asked for a list.
    #[derive(Debug)]
    struct Slow {
        store: MemoryStore,
        takes: Duration,
        lists: AtomicUsize,
    }

    #[async_trait]
    impl Store for Slow {
        async fn get(&self, key: &str) -> store::Result<Option<Entry>> {
            self.store.get(key).await
        }

        async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> store::Result<Version> {
            self.store.put(key, value, mode).await
        }

        async fn delete(&self, key: &str) -> store::Result<()> {
            self.store.delete(key).await
        }

        async fn list(&self, prefix: &str) -> store::Result<Vec<Entry>> {
            self.lists.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(self.takes).await;
            self.store.list(prefix).await
        }

        fn url(&self) -> String {
            "slow:".into()
        }
    }

    #[tokio::test]
    async fn where_looking_takes_long_many_share_one_look_until_something_changes() {
        let takes = Duration::from_millis(50);
        let store = Slow { store: MemoryStore::new(), takes, lists: AtomicUsize::new(0) };
        let looks = Looks { kept: Duration::from_secs(600), ..Looks::default() };
        let both = tokio::join!(looks.recent(&store), looks.recent(&store), looks.recent(&store));
        assert!(both.0.is_ok() && both.1.is_ok() && both.2.is_ok());
        let lists = || store.lists.load(Ordering::SeqCst);
        // The first one had begun before the others asked, or not.
        assert!(lists() <= 2, "{}", lists());
        let before = lists();
        looks.recent(&store).await.unwrap();
        assert_eq!(lists(), before);
        looks.forget();
        looks.recent(&store).await.unwrap();
        assert_eq!(lists(), before + 1);
    }

    #[tokio::test]
    async fn what_was_read_before_a_state_was_there_proves_nothing_of_it() {
        let takes = Duration::from_millis(50);
        let store = Slow { store: MemoryStore::new(), takes, lists: AtomicUsize::new(0) };
        let looks = Looks { kept: Duration::from_secs(600), ..Looks::default() };
        let lists = || store.lists.load(Ordering::SeqCst);
        looks.recent(&store).await.unwrap();
        let first = State { revision: 1, ..State::new() };
        looks.recent_of(&store, &first).await.unwrap();
        assert_eq!(lists(), 2, "the first look is from before");
        looks.recent_of(&store, &first).await.unwrap();
        assert_eq!(lists(), 2, "the second one is not");
        let second = State { revision: 2, ..first.clone() };
        looks.recent_of(&store, &second).await.unwrap();
        looks.recent_of(&store, &first).await.unwrap();
        assert_eq!(lists(), 3, "what lies in the store since the second lies there since the first, too");
        looks.recent_of(&store, &State { revision: 1, ..State::new() }).await.unwrap();
        assert_eq!(lists(), 4, "another history");
    }

    #[tokio::test]
    async fn where_looking_is_cheap_everybody_sees_what_is_there() {
        let store = Slow { store: MemoryStore::new(), takes: Duration::ZERO, lists: AtomicUsize::new(0) };
        let looks = Looks { cheap: Duration::from_secs(600), ..Looks::default() };
        for _ in 0..20 {
            looks.recent(&store).await.unwrap();
        }
        assert_eq!(store.lists.load(Ordering::SeqCst), 20);
    }
}

//! Hints where the contract cannot look: before the directory is there, after it was replaced, and not for nothing.

use std::fs;
use std::time::Duration;

use backsoon::store::{FileStore, MemoryStore, PutMode, SqlStore, Store};
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;

/// Far longer than a hint takes.
const LONG: Duration = Duration::from_secs(10);

async fn hinted(hints: &mut BoxStream<'static, ()>) -> bool {
    tokio::time::timeout(LONG, hints.next()).await == Ok(Some(()))
}

/// Reads hints until none has come for a while, and says how many came.
async fn drain(hints: &mut BoxStream<'static, ()>) -> usize {
    let mut count = 0;
    while count < 1000 && tokio::time::timeout(Duration::from_millis(300), hints.next()).await.is_ok() {
        count += 1;
    }
    count
}

#[tokio::test]
async fn a_file_is_watched_before_its_directory_is_made() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let store = FileStore::open(place.path()).await.expect("the store opens");
    let mut hints = store.hints("deep/er/key");
    assert!(hinted(&mut hints).await, "the first hint says that the watch has begun");
    drain(&mut hints).await;
    for value in ["made with its directories", "changed", "changed again"] {
        store.put("deep/er/key", value.into(), PutMode::Overwrite).await.expect("a write");
        assert!(hinted(&mut hints).await, "no hint of what was {value}");
        drain(&mut hints).await;
    }
}

#[tokio::test]
async fn a_file_is_watched_on_after_its_directory_was_replaced() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let store = FileStore::open(place.path().join("state")).await.expect("the store opens");
    store.put("fleet/web-1", "one".into(), PutMode::Create).await.expect("a value");
    let mut hints = store.hints("fleet/web-1");
    drain(&mut hints).await;
    let directory = store.path().join("fleet");
    fs::rename(&directory, store.path().join("old")).expect("the directory goes");
    assert!(hinted(&mut hints).await, "no hint that the directory went");
    drain(&mut hints).await;
    store.put("fleet/web-1", "two".into(), PutMode::Create).await.expect("a new directory");
    assert!(hinted(&mut hints).await, "no hint of the value in the new directory");
    drain(&mut hints).await;
    store.put("fleet/web-1", "three".into(), PutMode::Overwrite).await.expect("another value");
    assert!(hinted(&mut hints).await, "no hint of the next value in the new directory");
}

#[tokio::test]
async fn a_change_by_hand_is_hinted() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let store = FileStore::open(place.path()).await.expect("the store opens");
    let mut hints = store.hints("state");
    drain(&mut hints).await;
    fs::write(place.path().join("state"), "by hand").expect("the edit");
    assert!(hinted(&mut hints).await);
}

#[tokio::test]
async fn neither_reading_nor_other_keys_are_hinted() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let stores: [Box<dyn Store>; 3] = [
        Box::new(MemoryStore::new()),
        Box::new(FileStore::open(place.path()).await.expect("the store opens")),
        Box::new(SqlStore::sqlite(place.path().join("backsoon.db")).await.expect("the store opens")),
    ];
    for store in stores {
        store.put("state", "value".into(), PutMode::Create).await.expect("a value");
        let mut hints = store.hints("state");
        drain(&mut hints).await;
        for _ in 0..20 {
            store.get("state").await.expect("a get");
            store.list("").await.map(drop).unwrap_or_default();
            store.put("fleet/web-1", "beat".into(), PutMode::Overwrite).await.expect("a beat");
        }
        assert_eq!(drain(&mut hints).await, 0, "hints for nothing on {}", store.url());
    }
}

#[tokio::test]
async fn a_store_that_cannot_push_hints_by_the_clock() {
    /// All four methods, and nothing else.
    #[derive(Debug)]
    struct Plain(MemoryStore);

    #[async_trait::async_trait]
    impl Store for Plain {
        async fn get(&self, key: &str) -> backsoon::store::Result<Option<backsoon::store::Entry>> {
            self.0.get(key).await
        }
        async fn put(
            &self,
            key: &str,
            value: bytes::Bytes,
            mode: PutMode,
        ) -> backsoon::store::Result<backsoon::store::Version> {
            self.0.put(key, value, mode).await
        }
        async fn delete(&self, key: &str) -> backsoon::store::Result<()> {
            self.0.delete(key).await
        }
        async fn list(&self, prefix: &str) -> backsoon::store::Result<Vec<backsoon::store::Entry>> {
            self.0.list(prefix).await
        }
        fn url(&self) -> String {
            "plain:".to_owned()
        }
    }

    let mut hints = Plain(MemoryStore::new()).hints("state");
    assert!(hinted(&mut hints).await && hinted(&mut hints).await);
}

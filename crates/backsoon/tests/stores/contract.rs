//! Every store of this crate keeps the contract.

use std::sync::Arc;

use backsoon::store::{FileStore, MemoryStore, SqlStore, Store};
use backsoon::testing::store::conformance;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_the_contract() {
    let store = MemoryStore::new();
    conformance(async || Arc::new(store.clone()) as Arc<dyn Store>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn file_keeps_the_contract() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let open = async || FileStore::open(place.path().join("state")).await.expect("the store opens");
    // Handles opened apart meet only on disk, as two processes do; clones share a queue too.
    conformance(async || Arc::new(open().await) as Arc<dyn Store>).await;
    let store = open().await;
    conformance(async || Arc::new(store.clone()) as Arc<dyn Store>).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_keeps_the_contract() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let open = async || SqlStore::sqlite(place.path().join("backsoon.db")).await.expect("the store opens");
    conformance(async || Arc::new(open().await) as Arc<dyn Store>).await;
    let store = open().await;
    conformance(async || Arc::new(store.clone()) as Arc<dyn Store>).await;
}

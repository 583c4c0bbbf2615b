//! Every store of this crate keeps the contract.

use std::sync::Arc;

use backsoon::store::{MemoryStore, Store};
use backsoon::testing::store::conformance;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn memory_keeps_the_contract() {
    let store = MemoryStore::new();
    conformance(async || Arc::new(store.clone()) as Arc<dyn Store>).await;
}

//! A Redis server that is killed, restarted empty or emptied.

use std::sync::Arc;
use std::time::Duration;

use backsoon::Mode;
use backsoon::store::{PutMode, Store};
use testbed::Redis;

use super::fleet::{control, eventually, join, off, on, open, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_that_lasts_has_every_acknowledged_write() {
    let mut redis = Redis::lasting(&[]);
    let store = open(&redis.url()).await;
    let mut acknowledged = 0;
    for round in 0..3 {
        let writer = {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut last = acknowledged;
                // Until the server is gone.
                while store.put("state", (last + 1).to_string().into(), PutMode::Overwrite).await.is_ok() {
                    last += 1;
                }
                last
            })
        };
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::task::block_in_place(|| redis.kill());
        let last = writer.await.expect("the writer");
        assert!(last > acknowledged, "round {round} wrote something");
        tokio::task::block_in_place(|| redis.start_again());
        eventually("it is back", async || store.get("state").await.is_ok()).await;
        let held: u64 = text(&store, "state").await.and_then(|text| text.parse().ok()).expect("a number");
        // The last one may have landed without its answer.
        assert!(held == last || held == last + 1, "acknowledged {last}, and {held} is there");
        acknowledged = held;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_keeps_what_it_knew_when_the_server_restarts_empty() {
    let mut redis = Redis::start(&[]);
    let store = open(&redis.url()).await;
    let empty = async || {
        tokio::task::block_in_place(|| redis.kill());
        redis.forget();
        tokio::task::block_in_place(|| redis.start_again());
    };
    survives(&store, empty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_keeps_what_it_knew_when_the_server_is_emptied() {
    let redis = Redis::start(&[]);
    let store = open(&redis.url()).await;
    survives(&store, async || assert_eq!(redis.cli(&["FLUSHALL"]), "OK")).await;
}

/// Whatever empties the store: nobody opens, and `off` and `on` go on from what the instance held.
async fn survives(store: &Arc<dyn Store>, mut empty: impl AsyncFnMut()) {
    let (instance, control) = (join(store, "web-1").await, control(store));
    let closed = on(&control).await;
    eventually("it is closed", async || instance.mode("*") == Mode::On).await;
    empty().await;
    eventually("it says what it holds", async || {
        store.list("kept/").await.is_ok_and(|kept| !kept.is_empty())
            && store.get("state").await.is_ok_and(|state| state.is_none())
    })
    .await;
    assert_eq!(instance.mode("*"), Mode::On, "an empty store opens nobody");

    let opened = off(&control).await;
    assert!(opened.revision > closed.revision, "{} after {}", opened.revision, closed.revision);
    eventually("it is open", async || instance.mode("*") == Mode::Off).await;
    empty().await;
    eventually("it says again what it holds", async || {
        store.list("kept/").await.is_ok_and(|kept| !kept.is_empty())
    })
    .await;
    assert_eq!(instance.mode("*"), Mode::Off);
    let closed = on(&control).await;
    assert!(closed.revision > opened.revision);
    eventually("it is closed again", async || instance.mode("*") == Mode::On).await;
    instance.leave().await;
}

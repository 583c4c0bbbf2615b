//! Servers that die, hang and come back, and networks that swallow bytes.

use std::sync::Arc;
use std::time::Duration;

use backsoon::store::PutMode;
use futures_util::StreamExt as _;
use testbed::{Fault, Proxy};

use super::sql_bed::{Bed, away, create, eventually, on_both, open};

on_both! {
    a_killed_server_keeps_what_it_acknowledged;
    a_server_that_is_away_comes_up;
    a_silent_network_is_an_error_and_then_works_again;
    a_reconnect_is_a_hint;
    all_streams_share_one_connection;
    what_was_given_up_behind_a_lock_never_lands;
}

/// Longer than any call may take: without a connection 3 s, without an answer 10 s.
const BOUND: Duration = Duration::from_secs(20);

async fn a_killed_server_keeps_what_it_acknowledged(mut bed: Bed) {
    let store = open(&bed.database().await).await;
    create(&store, "first").await;
    for round in 0..3 {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    for number in 0.. {
                        let key = format!("round-{round}/{writer}/{number}");
                        match store.put(&key, key.clone().into(), PutMode::Create).await {
                            Ok(version) => acknowledged.push((key, version)),
                            Err(error) => {
                                away::<()>(Err(error));
                                break;
                            }
                        }
                    }
                    acknowledged
                })
            })
            .collect();
        eventually("many are written", async || {
            // Each of the four may have written one more than it knows of.
            store.list(&format!("round-{round}/")).await.is_ok_and(|written| written.len() > 24)
        })
        .await;
        bed.kill().await;
        let acknowledged = futures_util::future::join_all(writers).await;
        bed.start_again().await;
        eventually("the store is back", async || store.get("first").await.is_ok()).await;
        let there = store.list(&format!("round-{round}/")).await.expect("a list");
        let mut checked = 0;
        for (key, version) in acknowledged.into_iter().flat_map(|written| written.expect("no panic")) {
            let found = there.iter().find(|entry| entry.key == key).expect("what was acknowledged is there");
            assert_eq!((&found.version, &*found.value), (&version, key.as_bytes()));
            checked += 1;
        }
        assert!(checked > 20 && there.len() >= checked, "{checked} acknowledged, {} there", there.len());
        // What was not acknowledged either landed as a whole or not at all.
        assert!(there.iter().all(|entry| entry.value == entry.key), "a value that nobody wrote");
        assert!(there.len() <= checked + 4, "each writer had one write on its way");
    }
}

async fn a_server_that_is_away_comes_up(mut bed: Bed) {
    let url = bed.database().await;
    bed.stop().await;
    let store = open(&url).await;
    let calls = async {
        for sentence in [
            away(store.get("state").await),
            away(store.list("").await),
            away(store.put("state", "value".into(), PutMode::Create).await),
            away(store.delete("state").await),
        ] {
            assert!(
                sentence.contains("refused") && sentence.contains("look whether the server runs"),
                "{sentence}"
            );
        }
    };
    tokio::time::timeout(4 * BOUND, calls).await.expect("each call ends in time");
    bed.start_again().await;
    eventually("it has come up", async || {
        store.put("state", "value".into(), PutMode::Overwrite).await.is_ok()
    })
    .await;
    // And over the connection that has been idle while the server was started again.
    bed.stop().await;
    bed.start_again().await;
    eventually("it is back", async || store.get("state").await.is_ok_and(|found| found.is_some())).await;
}

async fn a_silent_network_is_an_error_and_then_works_again(bed: Bed) {
    let proxy = Proxy::to(bed.port()).await;
    let url = bed.database().await.replace(&format!(":{}/", bed.port()), &format!(":{}/", proxy.port()));
    let store = open(&url).await;
    create(&store, "state").await;
    store.get("state").await.expect("a get");
    proxy.set(Fault::Silent);
    for _ in 0..2 {
        let (read, written) = tokio::join!(
            tokio::time::timeout(BOUND, store.get("state")),
            tokio::time::timeout(BOUND, store.put("state", "late".into(), PutMode::Overwrite)),
        );
        away(read.expect("an answer in time"));
        away(written.expect("an answer in time"));
    }
    proxy.set(Fault::None);
    eventually("it works again", async || {
        store.put("state", "new".into(), PutMode::Overwrite).await.is_ok() && store.get("state").await.is_ok()
    })
    .await;

    proxy.set(Fault::Cut);
    away(store.put("state", "cut".into(), PutMode::Overwrite).await);
    proxy.set(Fault::None);
    eventually("it works again", async || {
        store.put("state", "newer".into(), PutMode::Overwrite).await.is_ok()
    })
    .await;
}

async fn a_reconnect_is_a_hint(bed: Bed) {
    let proxy = Proxy::to(bed.port()).await;
    let direct = bed.database().await;
    let url = direct.replace(&format!(":{}/", bed.port()), &format!(":{}/", proxy.port()));
    let (store, other) = (open(&url).await, open(&direct).await);
    create(&other, "state").await;
    let mut hints = store.hints("state");
    quiet(&mut hints).await;
    proxy.set(Fault::Cut);
    other.put("state", "while it was deaf".into(), PutMode::Overwrite).await.expect("a put");
    tokio::time::sleep(Duration::from_millis(500)).await;
    proxy.set(Fault::None);
    heard(&mut hints, "the listener is back and may have missed something").await;
    quiet(&mut hints).await;
    other.put("state", "heard".into(), PutMode::Overwrite).await.expect("a put");
    heard(&mut hints, "it listens as before").await;
}

async fn all_streams_share_one_connection(bed: Bed) {
    let url = bed.database().await;
    let (store, other) = (open(&url).await, open(&url).await);
    create(&other, "state").await;
    let mut streams: Vec<_> = (0..50).map(|_| store.hints("state")).collect();
    let mut idle = store.hints("idle");
    for stream in &mut streams {
        quiet(stream).await;
    }
    quiet(&mut idle).await;
    let count = bed.either(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        "SELECT count(*) FROM information_schema.processlist WHERE db = database() AND user = 'tester'",
    );
    let connections: u32 = bed.sql(&url, count).await.trim().parse().expect("a number");
    assert_eq!(connections, 2, "one of the other store, which has written, and one that all streams share");
    other.put("state", "new".into(), PutMode::Overwrite).await.expect("a put");
    for stream in &mut streams {
        heard(stream, "each stream is told").await;
    }
    let told = tokio::time::timeout(Duration::from_millis(700), idle.next()).await;
    assert!(told.is_err(), "another key's change is no hint");
    drop((streams, idle));
    eventually("nobody listens for nobody", async || bed.sql(&url, count).await.trim() == "1").await;
    quiet(&mut store.hints("state")).await;
}

async fn what_was_given_up_behind_a_lock_never_lands(bed: Bed) {
    let url = bed.database().await;
    let store = open(&url).await;
    create(&store, "state").await;
    let lock = bed.either(
        "BEGIN; SELECT 1 FROM backsoon_entries WHERE `key` = 'state' FOR UPDATE; SELECT pg_sleep(16); COMMIT",
        "BEGIN; SELECT 1 FROM backsoon_entries WHERE `key` = 'state' FOR UPDATE; SELECT SLEEP(16); COMMIT",
    );
    let locked = bed.sql(&url, lock);
    let given_up = async {
        // Until the other has it.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let written =
            tokio::time::timeout(BOUND, store.put("state", "given up".into(), PutMode::Overwrite)).await;
        let sentence = away(written.expect("an answer in time"));
        assert!(sentence.contains("holds the row"), "{sentence}");
        let found = store.get("state").await.expect("reading needs no lock").expect("it is there");
        assert_eq!(found.value, "value");
    };
    tokio::join!(locked, given_up);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let found = store.get("state").await.expect("a get").expect("it is there");
    assert_eq!(found.value, "value");
}

/// Reads away hints about the past.
async fn quiet(hints: &mut (impl futures_core::Stream<Item = ()> + Unpin)) {
    while tokio::time::timeout(Duration::from_millis(300), hints.next()).await.is_ok() {}
}

async fn heard(hints: &mut (impl futures_core::Stream<Item = ()> + Unpin), what: &str) {
    let hint = tokio::time::timeout(Duration::from_secs(20), hints.next()).await;
    assert_eq!(hint, Ok(Some(())), "{what}");
}

//! What Redis refuses is a sentence with the way out, and what its settings may lose is said.

use backsoon::store::{Error, PutMode, Store};
use testbed::Redis;

use super::fleet::{open, put, text};

/// What was said, which must be that the store is away.
fn said<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.expect_err("it should have been refused");
    assert!(matches!(error, Error::Away { .. }), "{error:?}");
    error.to_string()
}

async fn put_said(store: &dyn Store, key: &str) -> String {
    said(store.put(key, vec![b'x'; 1_000_000].into(), PutMode::Overwrite).await)
}

#[tokio::test]
async fn a_wrong_or_missing_password_is_said_and_never_shown() {
    let redis = Redis::start(&["--requirepass", "open-sesame"]);
    let at = |user: &str| format!("redis://{user}127.0.0.1:{}", redis.port());
    for (user, way_out) in [
        ("", "it wants a password: write it in the store's URL, redis://:password@host"),
        (":hush-wrong@", "the name or the password is wrong"),
        ("ann:hush-wrong@", "the name or the password is wrong"),
    ] {
        let store = open(&at(user)).await;
        for sentence in [said(store.get("state").await), put_said(&*store, "state").await] {
            assert!(sentence.contains(way_out) && !sentence.contains("hush"), "{user}: {sentence}");
        }
    }
    let store = open(&at(":open-sesame@")).await;
    put(&store, "state", "value").await;
    // A percent sign in a password is written as such.
    redis.cli(&["-a", "open-sesame", "CONFIG", "SET", "requirepass", "a%/b"]);
    put(&open(&at(":a%25%2Fb@")).await, "state", "value").await;
}

#[tokio::test]
async fn nobody_there_is_said() {
    let port = testbed::port::free();
    let sentence = said(open(&format!("redis://127.0.0.1:{port}")).await.get("state").await);
    assert!(sentence.contains("start Redis, or correct the host and the port"), "{sentence}");
    let sentence = said(open("redis://no-such-host.invalid").await.get("state").await);
    assert!(sentence.contains("correct the host in the store's URL"), "{sentence}");
    let redis = Redis::start(&[]);
    let sentence = said(open(&format!("{}/99", redis.url())).await.get("state").await);
    assert!(sentence.contains("no database of that number"), "{sentence}");
}

#[tokio::test]
async fn a_full_memory_keeps_the_old_value() {
    let redis = Redis::start(&[]);
    let store = open(&redis.url()).await;
    put(&store, "state", "old").await;
    redis.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let sentence = put_said(&*store, "state").await;
    assert!(sentence.contains("its memory is full (maxmemory), and nothing was written"), "{sentence}");
    assert_eq!(text(&store, "state").await.as_deref(), Some("old"));
    store.delete("state").await.expect("to delete makes room");
    redis.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    put(&store, "state", "new").await;
}

#[tokio::test]
async fn a_replica_refuses_writes_and_is_named() {
    let primary = Redis::start(&[]);
    let replica = Redis::start(&["--replicaof", "127.0.0.1", &primary.port().to_string()]);
    put(&open(&primary.url()).await, "state", "value").await;
    let store = open(&replica.url()).await;
    super::fleet::eventually("it has the value", async || {
        store.get("state").await.is_ok_and(|entry| entry.is_some())
    })
    .await;
    let sentence = put_said(&*store, "state").await;
    assert!(sentence.contains("is a replica, and nothing was written: name the primary"), "{sentence}");
    let caveats = store.caveats().await.join("\n");
    assert!(caveats.contains("this Redis server is a replica"), "{caveats}");
    // A replica that is made the primary is taken as one.
    replica.cli(&["REPLICAOF", "NO", "ONE"]);
    put(&store, "state", "new").await;
}

#[tokio::test]
async fn an_intruder_in_our_place_is_named_and_left_alone() {
    let redis = Redis::start(&[]);
    let store = open(&redis.url()).await;
    for place in ["{backsoon}:state", "{backsoon}"] {
        redis.cli(&["SET", place, "somebody else's"]);
        let read = if place == "{backsoon}" {
            store.list("").await.map(drop)
        } else {
            store.get("state").await.map(drop)
        };
        for sentence in [put_said(&*store, "state").await, said(read)] {
            assert!(sentence.contains("something else uses the name"), "{place}: {sentence}");
            assert!(sentence.contains("?prefix=NAME"), "{place}: {sentence}");
        }
        assert_eq!(redis.cli(&["GET", place]), "somebody else's");
        assert_eq!(redis.cli(&["DBSIZE"]), "1", "nothing half done beside it");
        redis.cli(&["DEL", place]);
    }
    put(&store, "state", "ours").await;
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_said() {
    let redis = Redis::start(&["--stop-writes-on-bgsave-error", "yes"]);
    let store = open(&redis.url()).await;
    put(&store, "state", "old").await;
    redis.cli(&["CONFIG", "SET", "save", "3600 1"]);
    // It saves beside its data: a directory in the way makes every snapshot fail.
    std::fs::create_dir(redis.folder().join("dump.rdb")).expect("a directory in the way");
    redis.cli(&["BGSAVE"]);
    super::fleet::eventually("the snapshot fails", async || {
        redis.cli(&["INFO", "persistence"]).contains("rdb_last_bgsave_status:err")
    })
    .await;
    let sentence = put_said(&*store, "state").await;
    assert!(sentence.contains("it cannot save to its disk and so takes no writes"), "{sentence}");
    assert_eq!(text(&store, "state").await.as_deref(), Some("old"));
}

#[tokio::test]
async fn a_user_with_too_few_rights_is_told_and_one_without_the_channel_may_still_write() {
    let redis = Redis::start(&[]);
    redis.cli(&[
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">pw",
        "~{backsoon}*",
        "&*",
        "+@read",
        "+@connection",
        "+@scripting",
    ]);
    redis.cli(&["ACL", "SETUSER", "deaf", "on", ">pw", "~{backsoon}*", "resetchannels", "+@all"]);
    let at = |user: &str| format!("redis://{user}:pw@127.0.0.1:{}", redis.port());
    let sentence = put_said(&*open(&at("reader")).await, "state").await;
    assert!(sentence.contains("let this user run the commands that the store's scripts call"), "{sentence}");
    let deaf = open(&at("deaf")).await;
    put(&deaf, "state", "value").await;
    assert_eq!(text(&deaf, "state").await.as_deref(), Some("value"));
    let mut hints = deaf.hints("state");
    let hint =
        tokio::time::timeout(std::time::Duration::from_secs(10), futures_util::StreamExt::next(&mut hints));
    assert!(hint.await.is_ok(), "who may not listen looks again by the clock");
}

#[tokio::test]
async fn what_may_be_lost_is_said() {
    let redis = Redis::lasting(&[]);
    let store = open(&redis.url()).await;
    let caveats = async || store.caveats().await.join("\n");
    assert_eq!(caveats().await, "");
    let set = |name: &str, value: &str| assert_eq!(redis.cli(&["CONFIG", "SET", name, value]), "OK");
    set("maxmemory-policy", "volatile-lru");
    assert_eq!(caveats().await, "", "nothing of ours expires");
    set("maxmemory-policy", "allkeys-lru");
    assert!(caveats().await.contains("may evict the state"), "{}", caveats().await);
    set("maxmemory-policy", "noeviction");
    set("appendonly", "no");
    assert!(caveats().await.contains("forgets the state when it restarts"), "{}", caveats().await);
    set("save", "3600 1");
    assert!(caveats().await.contains("since its last snapshot"), "{}", caveats().await);
    redis.cli(&["ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-config"]);
    let app = open(&format!("redis://app:pw@127.0.0.1:{}", redis.port())).await;
    assert!(app.caveats().await.join("\n").contains("could not be checked"), "{:?}", app.caveats().await);
}

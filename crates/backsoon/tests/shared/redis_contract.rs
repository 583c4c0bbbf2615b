//! Redis keeps the contract, its URLs are read, and its layout is what is documented.

use std::sync::Arc;

use backsoon::store::{Error, PutMode, RedisStore, Store, VALUE_LIMIT};
use backsoon::testing::store::conformance;
use bytes::Bytes;
use futures_util::future::join_all;
use testbed::Redis;

use super::fleet::{a_fleet_follows, open, put};

fn store(redis: &Redis) -> RedisStore {
    RedisStore::new(&redis.url()).expect("a good URL")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis_keeps_the_contract() {
    let redis = Redis::start(&[]);
    // Handles opened apart have connections of their own, as two processes do; clones share one.
    conformance(async || Arc::new(store(&redis)) as Arc<dyn Store>).await;
    let shared = store(&redis);
    conformance(async || Arc::new(shared.clone()) as Arc<dyn Store>).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_follows_over_redis() {
    let redis = Redis::start(&[]);
    a_fleet_follows(open(&redis.url()).await, open(&redis.url()).await).await;
}

#[tokio::test]
async fn keys_lie_where_the_documentation_says_and_prefixes_do_not_meet() {
    let redis = Redis::start(&[]);
    let url = format!("{}/3?prefix=shop", redis.url());
    let (store, other) = (open(&url).await, open(&redis.url()).await);
    assert_eq!(store.url(), url);
    for key in ["state", "roster/web-1", "roster/web-2", "statement"] {
        put(&store, key, "value").await;
    }
    let keys: Vec<_> = store.list("").await.expect("a list").into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["roster/web-1", "roster/web-2", "state", "statement"]);
    let keys: Vec<_> = store.list("sta").await.expect("a list").into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["state", "statement"], "a prefix may end within a segment");
    assert_eq!(other.list("").await.expect("a list"), [], "another database and another prefix");
    let cli = |words: &[&str]| redis.cli(&[&["-n", "3"][..], words].concat());
    let mut hashes: Vec<_> = cli(&["KEYS", "*"]).lines().map(str::to_owned).collect();
    hashes.sort();
    assert_eq!(hashes, ["{shop}", "{shop}:roster", "{shop}:state", "{shop}:statement"]);
    assert_eq!(cli(&["HLEN", "{shop}:roster"]), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_roster_of_ten_thousand_is_read_whole_by_one_command() {
    let redis = Redis::start(&[]);
    let store = open(&redis.url()).await;
    let report = Bytes::from(vec![b'r'; 700]);
    for chunk in (0..10_000).collect::<Vec<u32>>().chunks(500) {
        let keys = chunk.iter().map(|number| format!("roster/web-{number:05}"));
        let puts = keys.map(|key| {
            let (store, report) = (Arc::clone(&store), report.clone());
            async move { store.put(&key, report, PutMode::Overwrite).await }
        });
        assert!(join_all(puts).await.iter().all(Result::is_ok));
    }
    let before = redis.cli(&["INFO", "commandstats"]);
    let roster = store.list("roster/").await.expect("a list");
    let after = redis.cli(&["INFO", "commandstats"]);
    assert_eq!(roster.len(), 10_000);
    assert!(roster.is_sorted_by(|a, b| a.key < b.key) && roster.iter().all(|entry| entry.value == report));
    let calls = |stats: &str, name: &str| {
        let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{name}:")));
        line.and_then(|line| line.split("calls=").nth(1)?.split(',').next()?.parse::<u32>().ok()).unwrap_or(0)
    };
    assert_eq!((calls(&before, "hgetall"), calls(&after, "hgetall")), (0, 1));
    assert_eq!(calls(&after, "scan") + calls(&after, "hscan") + calls(&after, "keys"), 0);
}

#[tokio::test]
async fn a_url_that_is_not_one_says_why_and_tells_no_password() {
    let cases = [
        ("redis://", "`redis://`: "),
        ("redis:host", "the host is missing"),
        ("redis://:hush@host/x", "Invalid database number"),
        ("redis://:hush@host:port/0", "`redis://***@host:port/0`: invalid port number"),
        (
            "redis://host?prefx=a",
            "there is no option `prefx`, did you mean `prefix`? (there are `prefix`, `cacert`)",
        ),
        ("redis://host?prefix=a&prefix=b", "the option `prefix` is there twice"),
        ("redis://host?prefix=", "the option `prefix` has no value"),
        ("redis://host?prefix={a}", "a prefix is made of letters"),
        ("redis://host#insecure", "there is nothing behind a `#`"),
        ("redis://host?cacert=/ca.pem", "`cacert` is for TLS; write rediss://"),
        ("rediss://host?cacert=/no/such/file", "name a file that can be read"),
        ("redsi://:hush@host", "did you mean `redis://***@host`?"),
    ];
    for (url, expected) in cases {
        let said = backsoon::store::open(url).await.expect_err(url).to_string();
        assert!(said.contains(expected) && !said.contains("hush"), "{url}: {said}");
    }
    // Opening connects to nobody.
    let store = open("redis://ann:hush@no-such-host.invalid:1/2?prefix=a").await;
    assert_eq!(store.url(), "redis://ann@no-such-host.invalid:1/2?prefix=a");
    assert_eq!(format!("{store:?}"), r#"RedisStore("redis://ann@no-such-host.invalid:1/2?prefix=a")"#);
}

#[tokio::test]
async fn what_somebody_else_wrote_is_handed_on_and_can_be_replaced() {
    let redis = Redis::start(&[]);
    let store = open(&redis.url()).await;
    for raw in ["by hand", "b1:0123456789abcdef0123456789abcdeX:x", ""] {
        redis.cli(&["HSET", "{backsoon}:state", "state", raw]);
        let entry = store.get("state").await.expect("a get").expect("it is there");
        assert_eq!(entry.value, raw);
        assert_eq!(store.list("state/").await.expect("a list"), []);
        let created = store.put("state", "new".into(), PutMode::Create).await;
        assert!(matches!(created, Err(Error::Conflict { .. })), "{created:?}");
        store.put("state", "new".into(), PutMode::Update(entry.version.clone())).await.expect("replaced");
        let again = store.put("state", "newer".into(), PutMode::Update(entry.version)).await;
        assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    }
    for foreign in ["with space", ".hidden", "state/../x"] {
        redis.cli(&["HSET", "{backsoon}:state", foreign, "value"]);
    }
    put(&store, "other", "value").await;
    let keys: Vec<_> = store.list("").await.expect("a list").into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["other", "state"]);
}

#[tokio::test]
async fn a_huge_value_is_refused_and_set_aside_but_never_deleted() {
    let redis = Redis::start(&[]);
    let store = open(&redis.url()).await;
    let version = store.put("state", "value".into(), PutMode::Create).await.expect("a value");
    redis.cli(&[
        "EVAL",
        "redis.call('HSET', KEYS[1], 'state', string.rep('x', 16777300))",
        "1",
        "{backsoon}:state",
    ]);
    for refused in [store.get("state").await.map(drop), store.list("").await.map(drop)] {
        let Err(Error::TooLarge { key, size: 16_777_300, limit: VALUE_LIMIT, .. }) = &refused else {
            panic!("{refused:?}");
        };
        assert_eq!(key, "state");
    }
    for mode in [PutMode::Create, PutMode::Update(version)] {
        let put = store.put("state", "new".into(), mode).await;
        assert!(matches!(put, Err(Error::Conflict { .. })), "{put:?}");
    }
    store.delete("state").await.expect("it is set aside");
    assert_eq!(store.get("state").await.expect("a get"), None);
    assert_eq!(store.list("").await.expect("a list"), []);
    let aside = redis.cli(&["HKEYS", "{backsoon}:state"]);
    assert!(aside.starts_with("state.aside-"), "{aside}");
    assert_eq!(redis.cli(&["HSTRLEN", "{backsoon}:state", &aside]), "16777300");
    store.put("state", "new".into(), PutMode::Create).await.expect("the key is free");
}

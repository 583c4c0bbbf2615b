//! Objects in a bucket. Credentials come from the environment, so each test runs in a process that has some.

use std::process::Command;
use std::sync::Arc;

use backsoon::store::{Error, ObjectStore, PutMode, Store, VALUE_LIMIT};
use backsoon::testing::store::conformance;
use futures_util::StreamExt as _;
use testbed::S3;

use super::fleet::{a_fleet_follows, open, put, text};

/// Runs the test of this name once more with credentials, unless this is that run.
fn with_credentials(test: &str) -> bool {
    const CHILD: &str = "BACKSOON_TEST_CHILD_S3";
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("the path of this binary");
    let mut command = Command::new(program);
    command.args(["--exact", &format!("s3::{test}"), "--nocapture"]).env(CHILD, "yes");
    command.env("AWS_ACCESS_KEY_ID", "key").env("AWS_SECRET_ACCESS_KEY", "hush");
    let output = command.output().expect("the child runs");
    let words = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success() && words[0].contains("1 passed"), "{}", words.concat());
    false
}

fn bucket() -> S3 {
    let s3 = S3::start();
    s3.make_bucket("bucket");
    s3
}

/// What was said, which must be that the store is away.
fn said<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    let error = result.expect_err("it should have been refused");
    assert!(matches!(error, Error::Away { .. }), "{error:?}");
    let said = error.to_string();
    assert!(!said.contains("hush") && !said.contains('\n'), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s3_keeps_the_contract() {
    if with_credentials("s3_keeps_the_contract") {
        let s3 = bucket();
        let store = || ObjectStore::new(&s3.url("bucket")).expect("a good URL");
        conformance(async || Arc::new(store()) as Arc<dyn Store>).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_follows_over_s3() {
    if with_credentials("a_fleet_follows_over_s3") {
        let s3 = bucket();
        a_fleet_follows(open(&s3.url("bucket")).await, open(&s3.url("bucket")).await).await;
    }
}

#[tokio::test]
async fn what_is_not_ours_is_left_out_of_lists_and_handed_on_by_a_get() {
    if !with_credentials("what_is_not_ours_is_left_out_of_lists_and_handed_on_by_a_get") {
        return;
    }
    let s3 = bucket();
    let store = open(&s3.url("bucket")).await;
    put(&store, "state", "ours").await;
    for foreign in ["/bucket/folder/by-hand", "/bucket/folder/a~b", "/bucket/folder/.hidden", "/bucket/state"]
    {
        s3.put(foreign, b"somebody else's");
    }
    let keys: Vec<_> = store.list("").await.expect("a list").into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["state"]);
    let raw = store.get("by-hand").await.expect("a get").expect("it is there");
    assert_eq!(raw.value, "somebody else's");
    store.put("by-hand", "ours".into(), PutMode::Update(raw.version)).await.expect("it can be replaced");
    assert_eq!(text(&store, "by-hand").await.as_deref(), Some("ours"));
}

#[tokio::test]
async fn a_huge_object_is_refused_and_set_aside_but_never_deleted() {
    if !with_credentials("a_huge_object_is_refused_and_set_aside_but_never_deleted") {
        return;
    }
    let s3 = bucket();
    let store = open(&s3.url("bucket")).await;
    s3.put("/bucket/folder/state", &vec![b'x'; VALUE_LIMIT as usize + 100]);
    for refused in [store.get("state").await.map(drop), store.list("").await.map(drop)] {
        let Err(Error::TooLarge { size, limit: VALUE_LIMIT, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(size, VALUE_LIMIT + 100);
    }
    store.delete("state").await.expect("it is set aside");
    assert_eq!(store.get("state").await.expect("a get"), None);
    assert_eq!(store.list("").await.expect("a list"), []);
    store.put("state", "new".into(), PutMode::Create).await.expect("the key is free");
    let all = s3.names("bucket");
    assert!(all.iter().any(|name| name.starts_with("folder/state.aside-")), "{all:?}");
}

#[tokio::test]
async fn the_same_bytes_again_are_another_version() {
    if !with_credentials("the_same_bytes_again_are_another_version") {
        return;
    }
    let s3 = bucket();
    let store = open(&s3.url("bucket")).await;
    let first = store.put("state", "same".into(), PutMode::Create).await.expect("a value");
    let second = store.put("state", "same".into(), PutMode::Overwrite).await.expect("the same value");
    assert_ne!(first, second);
    let stale = store.put("state", "new".into(), PutMode::Update(first)).await;
    assert!(matches!(stale, Err(Error::Conflict { .. })), "{stale:?}");
}

#[tokio::test]
async fn a_missing_bucket_is_away_and_not_empty() {
    if !with_credentials("a_missing_bucket_is_away_and_not_empty") {
        return;
    }
    let s3 = S3::start();
    let store = open(&s3.url("missing")).await;
    for sentence in [
        said(store.get("state").await),
        said(store.list("").await),
        said(store.put("state", "value".into(), PutMode::Create).await),
    ] {
        assert!(sentence.contains("make the bucket, or correct its name"), "{sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_is_said_and_comes_back_by_itself() {
    if !with_credentials("a_service_that_is_away_is_said_and_comes_back_by_itself") {
        return;
    }
    let mut s3 = bucket();
    let store = open(&s3.url("bucket")).await;
    put(&store, "state", "old").await;
    let mut hints = store.hints("state");
    hints.next().await.expect("the first hint");
    tokio::task::block_in_place(|| s3.kill());
    let begun = std::time::Instant::now();
    for sentence in [
        said(store.get("state").await),
        said(store.put("state", "new".into(), PutMode::Create).await),
        said(store.delete("state").await),
    ] {
        assert!(sentence.contains("start the service, or correct the endpoint"), "{sentence}");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(35), "{:?}", begun.elapsed());
    tokio::task::block_in_place(|| s3.start_again());
    s3.make_bucket("bucket");
    assert_eq!(text(&store, "state").await, None, "this service forgets");
    let hint = tokio::time::timeout(std::time::Duration::from_secs(20), hints.next()).await;
    assert_eq!(hint.expect("a hint in time"), Some(()));
}

#[tokio::test]
async fn a_url_that_is_not_one_says_why() {
    let cases = [
        ("s3://", "write s3://bucket/folder"),
        ("s3://key:hush@bucket", "credentials are not read from the URL; set AWS_ACCESS_KEY_ID"),
        ("s3://bucket:9000/x", "a service of your own is named by ?endpoint=http://host:port"),
        ("s3://bucket/x?regoin=a", "there is no option `regoin`, did you mean `region`?"),
        ("gs://bucket?region=a", "there is no option `region`"),
        ("az://container?acount=a", "did you mean `account`?"),
        ("s3://bucket?allow_http=maybe", "maybe"),
    ];
    for (url, expected) in cases {
        let said = backsoon::store::open(url).await.expect_err(url).to_string();
        assert!(said.contains(expected) && !said.contains("hush"), "{url}: {said}");
    }
    for url in ["s3://bucket/a/b?region=eu-central-1", "az://container/a?account=shop"] {
        assert_eq!(open(url).await.url(), url);
    }
}

//! The line to Redis: it may break, fall silent or lead through TLS; changes are pushed, and nothing waits for ever.

use std::time::{Duration, Instant};

use backsoon::store::Error;
use futures_util::StreamExt as _;
use testbed::redis::Certificate;
use testbed::{Fault, Proxy, Redis};

use super::fleet::{eventually, open, put, text};

/// How soon a hint must come.
const SOON: Duration = Duration::from_secs(15);

/// No operation takes longer than to connect and to be answered, with room for a loaded machine.
const BOUND: Duration = Duration::from_secs(12);

#[tokio::test]
async fn a_lost_line_is_a_hint_once_it_is_back_and_so_is_what_follows() {
    let redis = Redis::start(&[]);
    let proxy = Proxy::to(redis.port()).await;
    let (watched, other) =
        (open(&format!("redis://127.0.0.1:{}", proxy.port())).await, open(&redis.url()).await);
    let mut hints = watched.hints("state");
    let mut hint = async || tokio::time::timeout(SOON, hints.next()).await.expect("a hint in time");
    hint().await;
    for round in 0..2 {
        proxy.set(Fault::Cut);
        // Nobody is told of this one.
        put(&other, "state", &format!("missed in round {round}")).await;
        proxy.set(Fault::None);
        hint().await;
        assert_eq!(text(&watched, "state").await, Some(format!("missed in round {round}")));
        put(&other, "state", "pushed").await;
        hint().await;
    }
}

#[tokio::test]
async fn hundreds_of_listeners_share_one_connection_and_hear_only_their_key() {
    let redis = Redis::start(&[]);
    let (store, other) = (open(&redis.url()).await, open(&redis.url()).await);
    let mut listeners: Vec<_> = (0..300).map(|_| store.hints("state")).collect();
    for hints in &mut listeners {
        hints.next().await.expect("the first hint");
    }
    let clients = redis.cli(&["CLIENT", "LIST"]);
    let subscribed = clients.lines().filter(|line| line.contains(" sub=1 ")).count();
    assert_eq!(subscribed, 1, "{clients}");

    put(&other, "roster/web-1", "a beat").await;
    put(&other, "leases/w1", "a beat").await;
    put(&other, "history/a/1", "another key").await;
    let mut last = listeners.pop().expect("a listener");
    let quiet = tokio::time::timeout(Duration::from_millis(300), last.next()).await;
    assert!(quiet.is_err(), "a hint about another key");
    put(&other, "state", "new").await;
    for hints in listeners.iter_mut().chain([&mut last]) {
        tokio::time::timeout(SOON, hints.next()).await.expect("a hint in time").expect("a hint");
    }
}

#[tokio::test]
async fn a_silent_line_fails_in_bounded_time_and_recovers_by_itself() {
    let redis = Redis::start(&[]);
    let proxy = Proxy::to(redis.port()).await;
    let store = open(&format!("redis://127.0.0.1:{}", proxy.port())).await;
    put(&store, "state", "old").await;
    for fault in [Fault::Silent, Fault::LosesAnswers, Fault::Cut] {
        proxy.set(fault);
        let begun = Instant::now();
        let failed = [store.get("state").await.map(drop), store.list("").await.map(drop)];
        assert!(begun.elapsed() < 2 * BOUND, "{fault:?} took {:?}", begun.elapsed());
        for error in failed {
            assert!(matches!(error, Err(Error::Away { .. })), "{fault:?}: {error:?}");
        }
        proxy.set(Fault::None);
        eventually("it works again", async || store.get("state").await.is_ok()).await;
    }
    assert_eq!(text(&store, "state").await.as_deref(), Some("old"));
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_away_and_may_have_landed() {
    let redis = Redis::start(&[]);
    let proxy = Proxy::to(redis.port()).await;
    let store = open(&format!("redis://127.0.0.1:{}", proxy.port())).await;
    put(&store, "state", "old").await;
    proxy.set(Fault::LosesAnswers);
    let lost = store.put("state", "new".into(), backsoon::store::PutMode::Overwrite).await;
    let said = lost.expect_err("nobody answered").to_string();
    assert!(said.contains("whether a write landed is not known"), "{said}");
    proxy.set(Fault::None);
    eventually("it is read back", async || store.get("state").await.is_ok()).await;
    assert_eq!(text(&store, "state").await.as_deref(), Some("new"));
}

#[tokio::test]
async fn a_stopped_server_is_away_and_a_continued_one_is_back() {
    let mut redis = Redis::start(&[]);
    let store = open(&redis.url()).await;
    put(&store, "state", "old").await;
    redis.signal("STOP");
    // The signal takes a moment to arrive.
    eventually("it hangs, and that is said", async || {
        let begun = Instant::now();
        let got = store.get("state").await;
        assert!(begun.elapsed() < BOUND, "{got:?}");
        got.is_err_and(|error| error.to_string().contains("it does not answer in time"))
    })
    .await;
    redis.signal("CONT");
    eventually("it works again", async || store.get("state").await.is_ok()).await;
}

#[tokio::test]
async fn tls_is_trusted_by_the_authority_that_is_named_and_by_no_other() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let pem = made.cert.pem();
    let redis = Redis::with_tls(&Certificate { certificate: &pem, key: &made.signing_key.serialize_pem() });
    let authority = redis.folder().join("cert.pem");
    let base = format!("rediss://localhost:{}", redis.port());
    let store = open(&format!("{base}?cacert={}", authority.display())).await;
    put(&store, "state", "over TLS").await;
    assert_eq!(text(&store, "state").await.as_deref(), Some("over TLS"));
    assert!(store.hints("state").next().await.is_some());

    let stranger = open(&base).await.get("state").await.expect_err("nobody vouches for it").to_string();
    assert!(stranger.contains("?cacert="), "{stranger}");
    let named = format!("rediss://127.0.0.1:{}?cacert={}", redis.port(), authority.display());
    let named = open(&named).await.get("state").await.expect_err("another name").to_string();
    assert!(named.contains("certificate is not good for this name"), "{named}");
    let plain = open(&format!("redis://localhost:{}", redis.port())).await.get("state").await;
    assert!(matches!(plain, Err(Error::Away { .. })), "{plain:?}");
}

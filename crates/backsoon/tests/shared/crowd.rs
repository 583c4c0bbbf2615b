//! A fleet whose store does not let it in: it knocks, but it does not hammer.

use std::time::Duration;

use backsoon::Instance;
use backsoon::join::Options;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::bed::with_credentials;
use super::fleet::open;

/// How many instances there are, each with a store of its own.
const FLEET: usize = 50;

/// How long it is not counted yet: by then the pauses have grown to their longest.
const RUSH: Duration = Duration::from_secs(12);

/// How long it is counted.
const SPELL: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres() {
    knock("postgres://127.0.0.1:PORT/db", 1.3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mariadb() {
    knock("mysql://127.0.0.1:PORT/db", 1.3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis() {
    knock("redis://127.0.0.1:PORT", 1.3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s3() {
    if with_credentials(concat!(module_path!(), "::s3")) {
        knock("s3://bucket/folder?endpoint=http://127.0.0.1:PORT&allow_http=true", 2.5).await;
    }
}

/// Looks and reports, each about once in five seconds, hints once in ten, each with a second try or one to learn
/// why: `at_most` is more than that, and less than without pauses that grow.
async fn knock(url: &str, at_most: f64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = url.replace("PORT", &listener.local_addr().expect("an address").port().to_string());
    let knocks = tokio::spawn(async move {
        let mut knocks = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < RUSH + SPELL {
            let next = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
            if let Ok(Ok((client, _))) = next {
                knocks.push(begun.elapsed());
                drop(client);
            }
        }
        knocks
    });
    let fleet = join_all((0..FLEET).map(async |number| {
        let mut options = Options::default();
        options.name = Some(format!("web-{number}"));
        Instance::join(open(&url).await, options).await
    }))
    .await;
    let knocks = knocks.await.expect("a count");
    drop(fleet);
    let counted: Vec<_> = knocks.iter().filter(|at| **at > RUSH).collect();
    let each = counted.len() as f64 / FLEET as f64 / SPELL.as_secs_f64();
    // On a starved machine they try less often, never more often.
    assert!(!counted.is_empty(), "{url}: they try again");
    assert!(each <= at_most, "{url}: they hammer: {each} a second and instance");
}

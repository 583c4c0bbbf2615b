//! A fleet whose store does not let it in: it knocks, but it does not hammer, and not in step.

use std::time::Duration;

use backsoon::join::Options;
use backsoon::Instance;
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::bed::with_credentials;
use super::fleet::open;

/// How many instances there are, each with a store of its own.
const FLEET: usize = 50;

/// How long it is counted, once the first rush is over.
const SPELL: Duration = Duration::from_secs(10);

/// Looks, reports and hints: three that try, each about once a second and with a try to learn why.
const AT_MOST: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres() {
    knock("postgres://127.0.0.1:PORT/db").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn mariadb() {
    knock("mysql://127.0.0.1:PORT/db").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis() {
    knock("redis://127.0.0.1:PORT").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn s3() {
    if with_credentials(concat!(module_path!(), "::s3")) {
        knock("s3://bucket/folder?endpoint=http://127.0.0.1:PORT&allow_http=true").await;
    }
}

async fn knock(url: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = url.replace("PORT", &listener.local_addr().expect("an address").port().to_string());
    let knocks = tokio::spawn(async move {
        let mut knocks = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(8) + SPELL {
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
    let counted: Vec<_> = knocks.iter().filter(|at| **at > Duration::from_secs(8)).collect();
    let each = counted.len() as f64 / FLEET as f64 / SPELL.as_secs_f64();
    let mut slices = [0_usize; 100];
    for at in &counted {
        slices[((at.as_millis() - 8000) / 100).min(99) as usize] += 1;
    }
    let fullest = slices.iter().max().copied().unwrap_or_default();
    println!("{url}: {each:.2} knocks a second and instance, {fullest} in the fullest tenth of a second of {}", counted.len());
    assert!(each > 0.05, "they try again: {each}");
    assert!(each <= AT_MOST as f64, "they hammer: {each} a second and instance");
    assert!(fullest * 10 < counted.len().max(FLEET), "they come in step: {slices:?}");
}

//! A store that is killed under load: no visitor notices, the age is told, and after the return all is proven again.

use std::time::{Duration, Instant};

use testbed::{Postgres, Redis};

use super::gate::{self, PATIENCE};
use super::main_job::{Load, Word, run};
use super::place::Place;

/// Longer than any try to reach the store, so that every way to wait for it is met.
const AWAY: Duration = Duration::from_secs(12);

/// A store's server.
enum Server {
    Postgres(Postgres),
    Redis(Redis),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres() {
    let server = Postgres::start().await;
    let store = server.database().await;
    nobody_notices(Server::Postgres(server), &store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn redis() {
    let server = Redis::lasting(&[]);
    let store = server.url();
    nobody_notices(Server::Redis(server), &store).await;
}

async fn nobody_notices(mut server: Server, store: &str) {
    let place = Place::with(&[("BACKSOON_STORE", store)]);
    let observe = testbed::port::free();
    let load = Load::on(&place, 1, &format!("--observe 127.0.0.1:{observe}")).await;
    let age = || age(observe);
    assert!(age() < 60.0, "it was heard from");
    for (verb, word) in [("on", Word::Closed), ("off", Word::Open)] {
        server.kill().await;
        tokio::time::sleep(AWAY).await;
        assert!(age() > AWAY.as_secs_f64() / 2.0, "{} s: the age is told", age());
        // Nobody can turn it now: that is an error, and changes nothing.
        let ran = run(&place, verb).await;
        assert_eq!(ran.code, 4, "{ran:?}");
        server.start_again().await;
        let begun = Instant::now();
        while age() > 5.0 {
            assert!(begun.elapsed() < PATIENCE, "it is not heard from again: {} s", age());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ran = load.turn(&place, &format!("{verb} --wait"), word).await;
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains("1 live, all have it"), "{ran:?}");
    }
    let all = load.ends_well().await;
    println!(
        "{} requests passed, {} refused, 0 leaked, 0 lost, and the store was away twice",
        all.passed, all.refused
    );
}

/// How long ago the gate has heard from its store, in seconds.
fn age(observe: u16) -> f64 {
    let figures = gate::answer(([127, 0, 0, 1], observe).into(), "/metrics");
    let age = figures.lines().find_map(|line| line.strip_prefix("backsoon_state_age_seconds "));
    age.and_then(|age| age.parse().ok()).unwrap_or_else(|| panic!("no age in {figures}"))
}

// === impl Server ===

impl Server {
    async fn kill(&mut self) {
        match self {
            Self::Postgres(server) => server.kill().await,
            Self::Redis(server) => tokio::task::block_in_place(|| server.kill()),
        }
    }

    async fn start_again(&mut self) {
        match self {
            Self::Postgres(server) => server.start_again().await,
            Self::Redis(server) => tokio::task::block_in_place(|| server.start_again()),
        }
    }
}

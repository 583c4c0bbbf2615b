//! Three gates on each store, closed and reopened under load: after each confirmed closing nothing reaches the
//! upstream, and no request is lost.

use testbed::{MariaDb, Postgres, Redis, S3};

use super::main_job::Turns;
use super::place::Place;

/// How often each fleet is turned; `BACKSOON_ROUNDS` says otherwise.
const ROUNDS: usize = 10;

async fn three_gates_on(store: &str) {
    let rounds = std::env::var("BACKSOON_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let place = Place::with(&[
        ("BACKSOON_STORE", store),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ]);
    let (on, off) = ("on --wait --instances 3".into(), "off --wait --instances 3".into());
    let proof = "3 servers at revision".into();
    let kind = store.split(':').next().unwrap_or(store).to_owned();
    Turns { store: kind, gates: 3, rounds, on, off, proof }.under_load(&place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gates_on_postgres() {
    let server = Postgres::start().await;
    three_gates_on(&server.database().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gates_on_mariadb() {
    let server = MariaDb::start().await;
    three_gates_on(&server.database().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gates_on_redis() {
    let server = Redis::start(&[]);
    three_gates_on(&server.url()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_gates_on_s3() {
    let server = S3::start();
    server.make_bucket("backsoon");
    three_gates_on(&server.url("backsoon")).await;
}

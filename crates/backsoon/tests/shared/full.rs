//! A store that is full or read-only: who follows it goes on, who writes is told, and nothing is lost.

use std::time::Duration;

use backsoon::control::Error;
use backsoon::{Host, Mode, Window};

use super::bed::{Bed, on_all};
use super::fleet::{control, eventually, join, off, on, open};

on_all! {
    lasting:
    a_store_that_takes_nothing_says_so_and_loses_nothing;
}

async fn a_store_that_takes_nothing_says_so_and_loses_nothing(bed: Bed) {
    let url = bed.url("full").await;
    let operator = control(&open(&url).await);
    let fleet = [join(&open(&url).await, "web-1").await, join(&open(&url).await, "web-2").await];
    let closed = on(&operator).await;
    eventually("all are closed", async || fleet.iter().all(|one| one.mode("*") == Mode::On)).await;

    bed.takes_nothing(&url).await;
    let why = match &bed {
        Bed::Redis(_) => "its memory is full",
        _ => "read-only",
    };
    let late: Host = "late".parse().expect("a host");
    // A connection that the server ended for it says something else once.
    eventually("it is said why", async || {
        let error = operator.begin(&late, Window::new(Mode::On)).await.expect_err("it takes nothing");
        assert!(matches!(error, Error::Store(_)), "nothing was written, and that is known: {error:?}");
        error.to_string().contains(why)
    })
    .await;
    assert_eq!(operator.read().await.expect("it can be read").as_ref(), Some(&closed));
    // Those who can read it are not behind.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for instance in &fleet {
        assert_eq!(instance.mode("*"), Mode::On);
        let fresh = async || instance.report().is_some_and(|report| report.age_ms < 2_500);
        eventually("it still reads the store", fresh).await;
    }

    bed.takes_all(&url).await;
    eventually("it takes writes again", async || operator.begin(&late, Window::new(Mode::On)).await.is_ok())
        .await;
    eventually("all follow", async || fleet.iter().all(|one| one.mode("late") == Mode::On)).await;
    let opened = off(&operator).await;
    assert_eq!(opened.revision, closed.revision + 2, "what was refused counts for nothing");
    eventually("all are open", async || fleet.iter().all(|one| one.mode("*") == Mode::Off)).await;
}

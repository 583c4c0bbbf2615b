//! Processes that write at the same time: every change lands.

use super::child;

const PROCESSES: u64 = 3;
const INCREMENTS: u64 = 60;

#[tokio::test]
async fn processes_that_race_on_files_lose_nothing() {
    if let Some(url) = child::store_of_the_child() {
        return increment_often(&url).await;
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    let url = format!("file:{}", place.path().join("state").display());
    race("race::processes_that_race_on_files_lose_nothing", &url).await;
}

#[tokio::test]
async fn processes_that_race_on_sqlite_lose_nothing() {
    if let Some(url) = child::store_of_the_child() {
        return increment_often(&url).await;
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    // Nobody has made the database yet: the processes race for that as well.
    let url = format!("sqlite:{}", place.path().join("backsoon.db").display());
    race("race::processes_that_race_on_sqlite_lose_nothing", &url).await;
}

async fn race(test: &str, url: &str) {
    let children: Vec<_> = (0..PROCESSES).map(|_| child::start(test, url)).collect();
    for mut child in children {
        let status = child.0.wait().expect("the child has ended");
        assert!(status.success(), "a racing process failed: {status}");
    }
    let store = child::open(url).await;
    let total = child::get(&store, "counter").await.map(|entry| child::number(&entry.value));
    assert_eq!(total, Some(PROCESSES * INCREMENTS));
}

async fn increment_often(url: &str) {
    let store = child::open(url).await;
    for _ in 0..INCREMENTS {
        child::increment(&store, "counter").await;
    }
}

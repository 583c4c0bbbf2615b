//! `kill -9` at random moments: what is stored is always a whole value, the old one or the new one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backsoon::store::{PutMode, Store, Version};
use bytes::Bytes;

use super::child;

const ROUNDS: usize = 60;

/// The first is written as a State is, the second as a beat is.
const KEYS: [&str; 2] = ["state", "fleet/web-1"];

#[tokio::test]
async fn a_killed_writer_leaves_whole_files() {
    if let Some(url) = child::store_of_the_child() {
        return write_until_killed(&url).await;
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    let url = format!("file:{}", place.path().join("state").display());
    kill_often("crash::a_killed_writer_leaves_whole_files", &url).await;
    for directory in ["state", "state/fleet"] {
        let left = place.path().join(directory).join(".tmp");
        assert!(!left.exists(), "the writer after a killed one throws its leftovers away");
    }
}

#[tokio::test]
async fn a_killed_writer_leaves_whole_rows() {
    if let Some(url) = child::store_of_the_child() {
        return write_until_killed(&url).await;
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite:{}", place.path().join("backsoon.db").display());
    kill_often("crash::a_killed_writer_leaves_whole_rows", &url).await;
}

async fn kill_often(test: &str, url: &str) {
    let store = child::open(url).await;
    let mut written = [0; KEYS.len()];
    for round in 0..ROUNDS {
        let before = versions(&store).await;
        let mut writer = child::start(test, url);
        let start = Instant::now();
        while versions(&store).await.iter().zip(&before).any(|(now, before)| now == before) {
            assert!(start.elapsed() < Duration::from_secs(60), "the writer of round {round} writes nothing");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..10_000))).await;
        writer.0.kill().expect("the writer is killed");
        writer.0.wait().expect("the writer has ended");

        for (key, number) in KEYS.into_iter().zip(&mut written) {
            let entry = child::get(&store, key).await.expect("a killed writer removes nothing");
            let now = whole(&entry.value);
            assert!(now > *number, "round {round}: {key} went from {number} to {now}, though it was written");
            // Whoever was killed holds no lock any more: both ways to write work at once.
            *number = now + 1;
            store
                .put(key, value(*number), PutMode::Update(entry.version))
                .await
                .expect("a swap after the kill");
            store.put(key, value(*number), PutMode::Overwrite).await.expect("an overwrite after the kill");
        }
    }
}

async fn write_until_killed(url: &str) {
    let store = child::open(url).await;
    let mut number = 0;
    for key in KEYS {
        number = number.max(child::get(&store, key).await.map_or(0, |entry| whole(&entry.value)));
    }
    let [state, beat] = KEYS;
    loop {
        number += 1;
        let mode = child::get(&store, state).await.map_or(PutMode::Create, |e| PutMode::Update(e.version));
        store.put(state, value(number), mode).await.expect("a swap");
        store.put(beat, value(number), PutMode::Overwrite).await.expect("an overwrite");
    }
}

async fn versions(store: &Arc<dyn Store>) -> Vec<Option<Version>> {
    let mut versions = Vec::new();
    for key in KEYS {
        versions.push(child::get(store, key).await.map(|entry| entry.version));
    }
    versions
}

/// A number, again and again, over a few bytes or many pages.
fn value(number: u64) -> Bytes {
    let times = 1 + usize::try_from(number * 7919 % 20_000).unwrap_or(0);
    format!("{number:010}").repeat(times).into()
}

/// The number that a value was made of, if the value is whole.
fn whole(found: &Bytes) -> u64 {
    assert!(found.len() >= 10, "{} bytes are no whole value", found.len());
    let number = child::number(&found[..10]);
    assert!(*found == value(number), "{} bytes that begin with {number} are no whole value", found.len());
    number
}

//! Many at once: every change lands once, one wins, and nobody sees half of anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::Outcome;
use super::ground::{Ground, ensure, get};
use crate::store::{Entry, Error, PutMode, Store, Version};

const WORKERS: usize = 8;
const INCREMENTS: usize = 25;

pub(super) async fn no_increment_is_lost(ground: &Ground) -> Outcome {
    let key = ground.key("counter");
    ground.put(&key, b"0", PutMode::Create).await?;
    crowd(ground, |store, _| increment(store, key.clone())).await?;
    let (total, expected) = (ground.entry(&key).await?.value, WORKERS * INCREMENTS);
    ensure!(
        total == expected.to_string(),
        "{WORKERS} workers added {INCREMENTS} each; that makes {expected}, and the store says {total:?}"
    );
    Ok(())
}

async fn increment(store: Arc<dyn Store>, key: String) -> Result<(), String> {
    let mut conflicts = 0;
    for _ in 0..INCREMENTS {
        loop {
            let entry = get(&*store, &key).await?.ok_or("the counter vanished while it was counted")?;
            let count = std::str::from_utf8(&entry.value).ok().and_then(|text| text.parse::<usize>().ok());
            let count = count.ok_or_else(|| format!("the counter reads {:?}", entry.value))?;
            let next = Bytes::from((count + 1).to_string());
            // The others get their chance between the look and the write.
            tokio::task::yield_now().await;
            match store.put(&key, next, PutMode::Update(entry.version)).await {
                Ok(_) => break,
                // Each conflict must stem from an increment that landed, and there are only so many.
                Err(Error::Conflict { .. }) if conflicts < WORKERS * INCREMENTS => conflicts += 1,
                Err(Error::Conflict { .. }) => return Err("a put conflicts though nobody wrote".to_owned()),
                Err(error) => return Err(format!("an increment failed with more than a conflict: {error}")),
            }
        }
    }
    Ok(())
}

pub(super) async fn one_of_many_creators_wins(ground: &Ground) -> Outcome {
    for round in 0..8 {
        one_wins(ground, &ground.key(&format!("created-{round}")), &PutMode::Create).await?;
    }
    Ok(())
}

pub(super) async fn one_of_many_updaters_wins(ground: &Ground) -> Outcome {
    for round in 0..8 {
        let key = ground.key(&format!("updated-{round}"));
        let version = ground.put(&key, b"before", PutMode::Create).await?;
        one_wins(ground, &key, &PutMode::Update(version)).await?;
    }
    Ok(())
}

async fn one_wins(ground: &Ground, key: &str, mode: &PutMode) -> Outcome {
    let swap = |store: Arc<dyn Store>, worker: usize| {
        let (key, mode) = (key.to_owned(), mode.clone());
        async move {
            match store.put(&key, Bytes::from(worker.to_string()), mode).await {
                Ok(version) => Ok(Some((worker, version))),
                Err(Error::Conflict { .. }) => Ok(None),
                Err(error) => Err(format!("a racing put failed with more than a conflict: {error}")),
            }
        }
    };
    let winners: Vec<(usize, Version)> = crowd(ground, swap).await?.into_iter().flatten().collect();
    let [(winner, version)] = &winners[..] else {
        return Err(format!("{} of {WORKERS} were told that their {mode:?} landed", winners.len()));
    };
    let entry = ground.entry(key).await?;
    let theirs = entry.value == winner.to_string() && entry.version == *version;
    ensure!(theirs, "worker {winner} was told that it won with {version:?}, and the store holds {entry:?}");
    Ok(())
}

pub(super) async fn a_reader_never_sees_half_a_write(ground: &Ground) -> Outcome {
    let keys = ["a", "b/c", "d"].map(|name| ground.key(name));
    let value = |round: u8| vec![b'a' + round % 26; 64 * 1024];
    for key in &keys {
        ground.put(key, &value(0), PutMode::Create).await?;
    }
    let done = Arc::new(AtomicBool::new(false));
    let mut readers: JoinSet<Outcome> = JoinSet::new();
    for listing in [Listing::Yes, Listing::No] {
        let (store, done, keys) = (Arc::clone(&ground.other), Arc::clone(&done), keys.clone());
        let prefix = ground.prefix().to_owned();
        readers.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                read(&*store, &listing, &prefix, &keys).await?;
                tokio::task::yield_now().await;
            }
            Ok(())
        });
    }
    let mut written = Ok(Version(String::new()));
    for round in 0..50 {
        for key in &keys {
            written = written.and(ground.put(key, &value(round), PutMode::Overwrite).await);
        }
    }
    done.store(true, Ordering::Relaxed);
    while let Some(read) = readers.join_next().await {
        read.map_err(|error| format!("a reader panicked: {error}"))??;
    }
    written.map(drop)
}

enum Listing {
    Yes,
    No,
}

/// Reads all keys once; each must be there and hold one value.
async fn read(store: &dyn Store, listing: &Listing, prefix: &str, keys: &[String]) -> Outcome {
    let entries = match listing {
        Listing::Yes => store.list(prefix).await.map_err(|error| format!("list failed: {error}"))?,
        Listing::No => get(store, &keys[0]).await?.into_iter().collect(),
    };
    let expected = if matches!(listing, Listing::Yes) { keys.len() } else { 1 };
    let (found, replaced) = (entries.len(), "while values were replaced");
    ensure!(found == expected, "{replaced}, a reader found {found} of {expected}");
    for Entry { key, value, .. } in entries {
        let whole = value.len() == 64 * 1024 && value.iter().all(|byte| *byte == value[0]);
        ensure!(whole, "{replaced}, a reader saw a mixture of two ({} bytes) under `{key}`", value.len());
    }
    Ok(())
}

pub(super) async fn a_dropped_put_leaves_the_old_or_the_new(ground: &Ground) -> Outcome {
    let key = ground.key("dropped");
    ground.put(&key, b"0", PutMode::Create).await?;
    let mut held = ground.entry(&key).await?;
    for round in 1..=40_u64 {
        let new = Bytes::from(round.to_string().repeat(1000));
        let patience = Duration::from_micros(round * round * 2);
        let swap = ground.one.put(&key, new.clone(), PutMode::Update(held.version.clone()));
        // What the put says is of no interest: a caller that went away does not hear it either.
        let _ = tokio::time::timeout(patience, swap).await;
        let entry = ground.entry(&key).await?;
        let whole = entry.value == held.value || entry.value == new;
        ensure!(whole, "a put that was dropped after {patience:?} left {} bytes", entry.value.len());
        held = settle(ground, &key, entry.version, round).await?;
    }
    let last = ground.entry(&key).await?;
    ensure!(last == held, "a put that was dropped before landed after a later one");
    Ok(())
}

/// Swaps once more: a dropped put may still land before that, but only as a whole, and never after it.
async fn settle(ground: &Ground, key: &str, mut version: Version, round: u64) -> Result<Entry, String> {
    let value = Bytes::from(format!("settled in round {round}"));
    // The dropped put can come in between once.
    for _ in 0..2 {
        match ground.other.put(key, value.clone(), PutMode::Update(version)).await {
            Ok(version) => return Ok(Entry { key: key.to_owned(), value, version }),
            Err(Error::Conflict { .. }) => version = ground.entry(key).await?.version,
            Err(error) => return Err(format!("after a dropped put, the next one failed: {error}")),
        }
    }
    Err("after a dropped put, the next ones conflict though nobody else wrote".to_owned())
}

/// Lets all workers loose at once, half of them on each handle.
async fn crowd<T, F>(ground: &Ground, work: impl Fn(Arc<dyn Store>, usize) -> F) -> Result<Vec<T>, String>
where
    T: Send + 'static,
    F: Future<Output = Result<T, String>> + Send + 'static,
{
    let start = Arc::new(Barrier::new(WORKERS));
    // Whoever still works when the set is dropped is stopped.
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let start = Arc::clone(&start);
        let work = work(Arc::clone(ground.both()[worker % 2]), worker);
        workers.spawn(async move {
            start.wait().await;
            work.await
        });
    }
    let mut results = Vec::new();
    while let Some(result) = workers.join_next().await {
        results.push(result.map_err(|error| format!("a worker panicked: {error}"))??);
    }
    Ok(results)
}

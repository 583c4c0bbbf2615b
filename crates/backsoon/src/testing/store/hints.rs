//! A change elsewhere says "look again" soon.

use std::time::Duration;

use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;

use super::Outcome;
use super::ground::{Ground, ensure};
use crate::store::{PutMode, Version};

/// How soon a hint must come. Stores are far faster; a loaded machine is not.
const SOON: Duration = Duration::from_secs(5);

/// Without a hint for this long, the stream is taken to have said all that it had to say about the past.
const QUIET: Duration = Duration::from_millis(200);

pub(super) async fn every_change_by_another_handle_is_hinted(ground: &Ground) -> Outcome {
    let key = ground.key("watched/key");
    let mut hints = ground.other.hints(&key);
    let mut version = Version(String::new());
    for change in ["created", "updated", "overwritten", "deleted", "created again"] {
        quiet(&mut hints).await;
        match change {
            "updated" => version = ground.put(&key, b"updated", PutMode::Update(version)).await?,
            "overwritten" => version = ground.put(&key, b"overwritten", PutMode::Overwrite).await?,
            "deleted" => ground.delete(&key).await?,
            _ => version = ground.put(&key, change.as_bytes(), PutMode::Create).await?,
        }
        match tokio::time::timeout(SOON, hints.next()).await {
            Ok(Some(())) => {}
            Ok(None) => return Err(format!("the hints ended before `{key}` was {change}")),
            Err(_) => return Err(format!("`{key}` was {change}, and no hint came in {} s", SOON.as_secs())),
        }
    }
    let mut late = ground.one.hints(&key);
    quiet(&mut late).await;
    ground.put(&key, b"late", PutMode::Overwrite).await?;
    let heard = tokio::time::timeout(SOON, late.next()).await;
    ensure!(heard == Ok(Some(())), "a stream opened on a key that exists brought no hint of its change");
    Ok(())
}

/// Reads away hints about the past; a store that hints by the clock is never quiet, and need not be.
async fn quiet(hints: &mut BoxStream<'static, ()>) {
    for _ in 0..10 {
        if tokio::time::timeout(QUIET, hints.next()).await.is_err() {
            return;
        }
    }
}

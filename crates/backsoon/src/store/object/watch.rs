//! "Look again", found out by asking the service whether the object is another one.

use std::sync::Arc;
use std::time::Duration;

use futures_core::stream::BoxStream;
use object_store::path::Path;
use object_store::{Error, GetOptions};

use super::Bucket;
use super::trouble;

/// The pause between two looks: each is a request that somebody pays for.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest pause after failures.
const LONGEST: Duration = Duration::from_secs(10);

struct Watch {
    bucket: Arc<Bucket>,
    path: Path,
    /// The ETag at the last look, of nothing at all if there was no object.
    seen: Option<Option<String>>,
    failures: u32,
}

/// The first hint says that the watch has begun.
pub(super) fn hints(bucket: Arc<Bucket>, path: Path) -> BoxStream<'static, ()> {
    let watch = Watch { bucket, path, seen: None, failures: 0 };
    Box::pin(futures_util::stream::unfold(watch, |mut watch| async move {
        watch.next().await;
        Some(((), watch))
    }))
}

// === impl Watch ===

impl Watch {
    async fn next(&mut self) {
        loop {
            if self.seen.is_some() || self.failures > 0 {
                tokio::time::sleep(self.pause()).await;
            }
            match self.look().await {
                Ok(found) => {
                    self.failures = 0;
                    if self.seen.as_ref() != Some(&found) {
                        self.seen = Some(found);
                        return;
                    }
                }
                Err(error) => {
                    if self.failures == 0 {
                        let error = self.bucket.away("listening for changes", &error);
                        tracing::warn!(%error, "hints are late until the store can be looked at again");
                    }
                    self.failures = self.failures.saturating_add(1);
                }
            }
        }
    }

    async fn look(&self) -> object_store::Result<Option<String>> {
        let seen = self.seen.clone().flatten();
        let options = GetOptions { head: true, if_none_match: seen.clone(), ..GetOptions::default() };
        match self.bucket.ask(self.bucket.reads.get_opts(&self.path, options)).await {
            Ok(found) => Ok(found.meta.e_tag),
            Err(Error::NotModified { .. }) => Ok(seen),
            Err(error @ Error::NotFound { .. }) if !trouble::is_missing_bucket(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn pause(&self) -> Duration {
        let longest = LONGEST.min(PAUSE * 2_u32.saturating_pow(self.failures.min(10)));
        // A little less than that each time, so that a fleet does not ask as one.
        let millis = longest.as_millis() as u64;
        Duration::from_millis(fastrand::u64(millis * 3 / 4..=millis))
    }
}

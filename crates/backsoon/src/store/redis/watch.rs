//! "Look again", pushed by Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_core::stream::BoxStream;
use redis::RedisError;
use tokio::sync::broadcast;

use super::line::{Event, Line};
use super::trouble;

/// The longest pause between two tries to listen.
const LONGEST: Duration = Duration::from_secs(10);

/// The first pause. Between it and twice as much, so that a fleet does not come back as one.
const SHORTEST: Duration = Duration::from_millis(250);

/// A connection that was heard for this long was a good one: the next pause is a short one again.
const GOOD: Duration = Duration::from_secs(10);

/// Listens over the connection that all hints of a store share.
struct Watch {
    line: Arc<Line>,
    key: String,
    events: Option<broadcast::Receiver<Event>>,
    begun: Instant,
    failures: u32,
    warned: bool,
}

/// The first hint says that the watch has begun, and so does one after every loss.
pub(super) fn hints(line: Arc<Line>, key: &str) -> BoxStream<'static, ()> {
    let watch =
        Watch { line, key: key.to_owned(), events: None, begun: Instant::now(), failures: 0, warned: false };
    Box::pin(futures_util::stream::unfold(watch, |mut watch| async move {
        watch.next().await;
        Some(((), watch))
    }))
}

// === impl Watch ===

impl Watch {
    async fn next(&mut self) {
        loop {
            let Some(events) = &mut self.events else {
                match self.begin().await {
                    Ok(()) => return,
                    Err(error) => {
                        let is_there = error.code().is_some();
                        self.warn(&error);
                        self.pause().await;
                        // A server that answers, and only forbids to listen, is worth a look.
                        if is_there {
                            return;
                        }
                        continue;
                    }
                }
            };
            match events.recv().await {
                Ok(Event::Changed(key)) if *key != *self.key => {}
                Ok(Event::Changed(_)) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Ok(Event::Lost) | Err(broadcast::error::RecvError::Closed) => {
                    self.events = None;
                    if self.begun.elapsed() > GOOD {
                        self.failures = 0;
                    }
                    self.pause().await;
                }
            }
        }
    }

    async fn begin(&mut self) -> Result<(), RedisError> {
        // Before the subscription, so that nothing is lost between the two.
        let events = self.line.events();
        self.line.listen(SHORTEST).await?;
        self.events = Some(events);
        self.begun = Instant::now();
        self.warned = false;
        Ok(())
    }

    async fn pause(&mut self) {
        let longest = LONGEST.min(SHORTEST * 2_u32.saturating_pow(self.failures.min(10) + 1));
        self.failures = self.failures.saturating_add(1);
        let millis = longest.as_millis() as u64;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(millis / 2..=millis))).await;
    }

    fn warn(&mut self, error: &RedisError) {
        if !std::mem::replace(&mut self.warned, true) {
            let error = trouble::away(&self.line, "listening for changes", error);
            tracing::warn!(%error, "hints are late until Redis can be listened to again");
        }
    }
}

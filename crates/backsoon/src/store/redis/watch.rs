//! "Look again", pushed by Redis.

use std::sync::Arc;

use futures_core::stream::BoxStream;
use redis::RedisError;
use tokio::sync::broadcast;

use super::super::pauses::{Pauses, SHORTEST};
use super::line::{Event, Line};
use super::trouble;

/// Listens over the connection that all hints of a store share.
struct Watch {
    line: Arc<Line>,
    key: String,
    events: Option<broadcast::Receiver<Event>>,
    pauses: Pauses,
    warned: bool,
}

/// The first hint says that the watch has begun, and so does one after every loss.
pub(super) fn hints(line: Arc<Line>, key: &str) -> BoxStream<'static, ()> {
    let watch = Watch { line, key: key.to_owned(), events: None, pauses: Pauses::default(), warned: false };
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
                        self.pauses.wait().await;
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
                    self.pauses.wait().await;
                }
            }
        }
    }

    async fn begin(&mut self) -> Result<(), RedisError> {
        // Before the subscription, so that nothing is lost between the two.
        let events = self.line.events();
        self.line.listen(SHORTEST).await?;
        self.events = Some(events);
        self.pauses.heard();
        self.warned = false;
        Ok(())
    }

    fn warn(&mut self, error: &RedisError) {
        if !std::mem::replace(&mut self.warned, true) {
            let error = trouble::away(&self.line, "listening for changes", error);
            tracing::warn!(%error, "hints are late until Redis can be listened to again");
        }
    }
}

//! "Look again", pushed by the gate as server-sent events.

use std::sync::Arc;
use std::time::Duration;

use futures_core::stream::BoxStream;
use reqwest::Response;

use super::super::pauses::Pauses;
use super::super::{Error, Result};
use super::line::Line;
use super::trouble;

/// A stream that is silent for this long is lost: the gate says every 15 s that it is there.
const SILENCE: Duration = Duration::from_secs(40);

/// Listens over a connection of its own.
struct Watch {
    line: Arc<Line>,
    key: String,
    stream: Option<Response>,
    /// The line that is being read, and whether its event says anything.
    text: Vec<u8>,
    says: Says,
    pauses: Pauses,
    warned: bool,
}

/// Whether the event that is being read is one, or a comment so far.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Nothing,
    LookAgain,
}

/// The first hint says that the watch has begun, and so does one after every loss.
pub(super) fn hints(line: Arc<Line>, key: &str) -> BoxStream<'static, ()> {
    let watch = Watch {
        line,
        key: key.to_owned(),
        stream: None,
        text: Vec::new(),
        says: Says::Nothing,
        pauses: Pauses::default(),
        warned: false,
    };
    Box::pin(futures_util::stream::unfold(watch, |mut watch| async move {
        watch.next().await;
        Some(((), watch))
    }))
}

// === impl Watch ===

impl Watch {
    async fn next(&mut self) {
        loop {
            match self.listen().await {
                Ok(Says::LookAgain) => return,
                Ok(Says::Nothing) => {}
                Err(error) => {
                    self.stream = None;
                    if !std::mem::replace(&mut self.warned, true) {
                        tracing::warn!(%error, "hints are late until the gate can be listened to again");
                    }
                    self.pauses.wait().await;
                }
            }
        }
    }

    /// Reads the next piece, and begins to if need be.
    async fn listen(&mut self) -> Result<Says> {
        let doing = "listening for changes";
        let Some(stream) = &mut self.stream else {
            let stream = self.line.open(doing, &self.line.events(&self.key)).await?;
            (self.stream, self.text, self.says) = (Some(stream), Vec::new(), Says::Nothing);
            self.pauses.heard();
            self.warned = false;
            return Ok(Says::LookAgain);
        };
        let lost = |said: &str| -> Error { self.line.away(doing, said) };
        let chunk = tokio::time::timeout(SILENCE, stream.chunk()).await;
        let chunk = chunk.map_err(|_| lost(trouble::TIMED_OUT))?;
        let chunk = chunk.map_err(|error| lost(&trouble::deepest(&error)))?;
        let chunk = chunk.ok_or_else(|| lost("the gate has ended the stream"))?;
        Ok(self.read(&chunk))
    }

    /// An event is lines of fields up to an empty one; a line that begins with a colon is a comment.
    fn read(&mut self, chunk: &[u8]) -> Says {
        let mut heard = Says::Nothing;
        for &byte in chunk {
            match byte {
                b'\r' => {}
                b'\n' if self.text.is_empty() => {
                    let said = std::mem::replace(&mut self.says, Says::Nothing);
                    heard = if said == Says::LookAgain { said } else { heard };
                }
                b'\n' => {
                    if self.text.starts_with(b"data") {
                        self.says = Says::LookAgain;
                    }
                    self.text.clear();
                }
                // No line of the gate's is that long.
                _ if self.text.len() < 64 => self.text.push(byte),
                _ => {}
            }
        }
        heard
    }
}

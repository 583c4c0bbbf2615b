//! The body of a visitor's request on its way to the upstream, or to nobody.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::runtime::Handle;

/// How much of a body that nobody wants is still read, so that the connection can carry the next request and the
/// answer is not lost in a reset (RFC 9112 §9.6). Read and forgotten, it takes no memory.
const LEFTOVER_BYTES: u64 = 16 << 20;
/// For how long it is read.
const LEFTOVER_TIME: Duration = Duration::from_secs(10);

/// A request's body, which cleans up after itself: dropped half read, it reads a bounded rest.
#[derive(Debug)]
pub(crate) struct RequestBody {
    incoming: Option<Incoming>,
    leftover: Leftover,
    progress: Progress,
}

/// How much of a request's body has passed: a slow upload is no silent upstream. A request without one has none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Option<Arc<Upload>>);

#[derive(Debug, Default)]
struct Upload {
    frames: AtomicU64,
    /// One of those below; it leaves `COMING` once.
    stage: AtomicU8,
}

const COMING: u8 = 0;
/// The upstream has all of it, or is about to.
const WHOLE: u8 = 1;
/// The rest will never reach the upstream.
const BROKEN: u8 = 2;

/// What happens to a body that is dropped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leftover {
    /// Read on: the client is sending it in any case.
    Read,
    /// Leave it: the client waits for `100 Continue` before it sends. The first look invites it.
    Uninvited,
    /// Leave it: HTTP/2 resets the one stream and keeps the connection.
    Reset,
}

// === impl RequestBody ===

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, version: Version, headers: &HeaderMap) -> Self {
        if incoming.is_end_stream() {
            return RequestBody::empty();
        }
        let leftover = match version {
            Version::HTTP_2 => Leftover::Reset,
            _ if headers.contains_key(header::EXPECT) => Leftover::Uninvited,
            _ => Leftover::Read,
        };
        RequestBody { incoming: Some(incoming), leftover, progress: Progress(Some(Arc::default())) }
    }

    /// The body of a request that has none.
    pub(crate) fn empty() -> Self {
        RequestBody { incoming: None, leftover: Leftover::Reset, progress: Progress::default() }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = self.incoming.as_mut() else { return Poll::Ready(None) };
        // Asked for the body, hyper sends `100 Continue` (RFC 9110 §10.1.1).
        let frame = Pin::new(incoming).poll_frame(cx);
        if self.leftover == Leftover::Uninvited {
            self.leftover = Leftover::Read;
        }
        let is_last = match &frame {
            Poll::Ready(Some(Ok(_))) => {
                self.progress.advance();
                self.incoming.as_ref().is_none_or(Body::is_end_stream)
            }
            Poll::Ready(Some(Err(_))) => {
                self.progress.set(BROKEN);
                false
            }
            Poll::Ready(None) => true,
            Poll::Pending => return Poll::Pending,
        };
        if is_last && !self.progress.set(WHOLE) {
            // Given up, so the exchange is about to be dropped: until then the upstream must not take it for whole.
            return Poll::Pending;
        }
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.incoming = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(incoming) = self.incoming.take() else { return };
        if self.leftover != Leftover::Read || incoming.is_end_stream() {
            return;
        }
        // Without a runtime the connection is gone as well.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LEFTOVER_TIME, read_leftover(incoming)));
        }
    }
}

async fn read_leftover(mut incoming: Incoming) {
    let mut left = LEFTOVER_BYTES;
    while let Some(Ok(frame)) = incoming.frame().await {
        let read = frame.data_ref().map_or(0, |data| data.len() as u64);
        match left.checked_sub(read) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

// === impl Progress ===

impl Progress {
    /// Frames passed so far; always 0 for a request without a body.
    pub(crate) fn frames(&self) -> u64 {
        self.0.as_ref().map_or(0, |upload| upload.frames.load(Ordering::Relaxed))
    }

    /// Whether the visitor broke off in the middle of it.
    pub(crate) fn is_broken(&self) -> bool {
        self.0.as_ref().is_some_and(|upload| upload.stage.load(Ordering::Acquire) == BROKEN)
    }

    /// The visitor has gone: what is not whole yet never reaches the upstream. Returns whether that is so.
    pub(crate) fn break_off(&self) -> bool {
        self.0.is_some() && self.set(BROKEN)
    }

    fn advance(&self) {
        if let Some(upload) = &self.0 {
            upload.frames.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether it stands so now. Which of two comes first decides: whole, or broken off.
    fn set(&self, stage: u8) -> bool {
        let Some(upload) = &self.0 else { return true };
        let set = upload.stage.compare_exchange(COMING, stage, Ordering::AcqRel, Ordering::Acquire);
        set.map_or_else(|before| before == stage, |_| true)
    }
}

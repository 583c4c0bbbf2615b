//! Whether anything happens on a connection. Who sends no request, or the beginning of one and no more, is let go.
//!
//! hyper can time the reading of a head; but it arms a timer for each request, which is a tenth of the work that a
//! refusal takes. Here a connection has one timer, which looks four times per limit whether a request has begun since
//! or still runs. So the limit is kept to within a quarter of it, and before the first byte too.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep};

/// Looks per limit.
const LOOKS: u32 = 4;

/// What happens on one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Doings(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    running: AtomicUsize,
}

/// A request that runs until this is dropped.
#[derive(Debug)]
pub(crate) struct Running(Doings);

pin_project! {
    /// An answer's body, during which the request still runs.
    #[derive(Debug)]
    pub(crate) struct RunningBody<B> {
        #[pin]
        body: B,
        running: Running,
    }
}

pin_project! {
    /// Ready when nothing has happened for too long.
    #[derive(Debug)]
    pub(crate) struct Vigil {
        doings: Doings,
        #[pin]
        timer: Sleep,
        pause: Duration,
        seen: u64,
        quiet: u32,
    }
}

// === impl Doings ===

impl Doings {
    pub(crate) fn begin(&self) -> Running {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        self.0.running.fetch_add(1, Ordering::Relaxed);
        Running(self.clone())
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.0.running.load(Ordering::Relaxed) == 0
    }

    fn begun(&self) -> u64 {
        self.0.begun.load(Ordering::Relaxed)
    }
}

// === impl Running ===

impl Running {
    pub(crate) fn until_the_end_of<B>(self, body: B) -> RunningBody<B> {
        RunningBody { body, running: self }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl RunningBody ===

impl<B: Body> Body for RunningBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

// === impl Vigil ===

impl Vigil {
    pub(crate) fn new(doings: Doings, limit: Duration) -> Self {
        let pause = limit / LOOKS;
        Vigil { doings, timer: tokio::time::sleep(pause), pause, seen: 0, quiet: 0 }
    }
}

impl Future for Vigil {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        while this.timer.as_mut().poll(cx).is_ready() {
            let begun = this.doings.begun();
            let quiet = begun == *this.seen && this.doings.is_idle();
            *this.quiet = if quiet { *this.quiet + 1 } else { 0 };
            *this.seen = begun;
            if *this.quiet >= LOOKS {
                return Poll::Ready(());
            }
            this.timer.as_mut().reset(Instant::now() + *this.pause);
        }
        Poll::Pending
    }
}

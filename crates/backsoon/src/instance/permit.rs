//! What a running request holds until its last byte.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::Notify;

use super::{HandedOn, Instance};
use crate::decide::Cause;
use crate::running::{Running, Seat};
use crate::snapshot::{Settled, Upcoming};

/// What a running request holds until its last byte. While permits of a replaced site exist, it is draining.
#[derive(Debug, Clone)]
pub struct Permit {
    // Options only so that `drop` can let go of them, the seat first, before it says so.
    site: Option<Arc<Settled>>,
    seat: Option<Seat>,
    cause: Cause,
}

/// Told when a request under a replaced site has ended. One for all instances of a process, since a count in every
/// permit would cost more than looking once in vain.
pub(super) static EMPTIED: Notify = Notify::const_new();

// === impl Permit ===

impl Permit {
    pub(super) fn new(site: Arc<Settled>, seat: Seat, cause: Cause) -> Self {
        Self { site: Some(site), seat: Some(seat), cause }
    }

    /// Who admitted the request.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The name of the pass that let the request through a closing. Faces name it in the response, as
    /// [`PASS_HEADER`](crate::pass::PASS_HEADER).
    pub fn pass(&self) -> Option<&str> {
        self.cause.pass().map(|pass| &**pass)
    }

    /// Whether the site has changed since the request was admitted: a sign for streams and tunnels to end.
    pub fn is_outdated(&self) -> bool {
        self.site.as_ref().is_some_and(|site| site.is_retired())
    }

    /// Ready when the request is to end, because its site was closed by a window with a `cut_after`. Whoever asks
    /// undertakes to end it: the receipt will name it as cut.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use backsoon::{Admission, Instance, Marks, Request};
    /// # let instance = Instance::new(Default::default(), Marks::new());
    /// # let request = Request::new("GET", "example.com", "/events", &backsoon::request::NO_HEADERS);
    /// # let Admission::Admitted(permit) = instance.admit(&request).await else { panic!() };
    /// # let work = async { "done" };
    /// let outcome = tokio::select! {
    ///     outcome = work => outcome,
    ///     () = permit.cut() => "ended, because the site closed",
    /// };
    /// # assert_eq!(outcome, "done");
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cut(&self) -> impl Future<Output = ()> {
        std::future::poll_fn(|cx| self.poll_cut(cx))
    }

    /// As [`Permit::cut`], for those who poll.
    pub fn poll_cut(&self, cx: &Context<'_>) -> Poll<()> {
        self.seat.as_ref().map_or(Poll::Pending, |seat| seat.poll_cut(cx))
    }

    /// Gives this clone away for a request that somebody else works on from now on; another one has to be held until the
    /// last byte of the answer, as ever. `instance` is the one that has admitted the request.
    pub fn hand_on(mut self, instance: &Arc<Instance>) -> HandedOn {
        let left = self.seat.take().and_then(Seat::leave);
        let site = self.site.as_ref().map(Arc::downgrade).unwrap_or_default();
        HandedOn::new(Arc::clone(instance), site, left, self.cause.clone())
    }

    /// The closing to come that the answer is to announce, in the field [`UPCOMING_HEADER`](super::UPCOMING_HEADER).
    pub fn upcoming(&self) -> Option<&Upcoming> {
        self.site.as_ref()?.announced()
    }

    /// The request's names and age.
    pub fn running(&self) -> Option<Running> {
        self.seat.as_ref().and_then(Seat::running)
    }

    pub(super) fn site(&self) -> Option<&Settled> {
        self.site.as_deref()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // The register knows sites by their address, which is free for others once the site is gone.
        drop(self.seat.take());
        let Some(site) = self.site.take() else { return };
        let was_retired = site.is_retired();
        drop(site);
        if was_retired {
            EMPTIED.notify_waiters();
        }
    }
}

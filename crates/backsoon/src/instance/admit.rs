//! Asking at the door: at once, or with patience while the site holds.

use std::time::Duration;

use super::look::Look;
use super::{Instance, Permit};
use crate::decide::Cause;
use crate::queue::Place;
use crate::reply::Reply;
use crate::request::{Identity, Request, User};

/// What the door says.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once counts for nothing"]
pub enum Admission {
    /// The request may run; keep the permit until its last byte.
    Admitted(Permit),
    /// Send this instead, and do not run the request.
    Refused(Reply, Cause),
}

/// Why a request is not decided at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hesitation {
    /// The site holds: [`Instance::admit`] waits for the reopening.
    Wait,
    /// It depends on the user: say who that is in [`Request::user`], and ask again.
    Ask,
}

// === impl Instance ===

impl Instance {
    /// Decides at once, or says `None` if that needs waiting (the site holds) or asking (who is the user?).
    pub fn try_admit(&self, request: &Request<'_>) -> Option<Admission> {
        self.admit_now(request).ok()
    }

    /// As [`Instance::try_admit`], for a face that waits and asks by itself.
    ///
    /// # Errors
    /// What it takes to decide.
    pub fn admit_now(&self, request: &Request<'_>) -> Result<Admission, Hesitation> {
        match self.look(request) {
            Look::Done(admission) => Ok(admission),
            Look::Wait(..) => Err(Hesitation::Wait),
            Look::Ask => Err(Hesitation::Ask),
        }
    }

    /// Decides, waiting while the site holds. A user whom nobody has asked for counts as anonymous.
    pub async fn admit(&self, request: &Request<'_>) -> Admission {
        self.admit_as(request, || std::future::ready(User::ANONYMOUS)).await
    }

    /// Decides, waiting while the site holds. `ask` is called at most once, and only if the answer matters.
    pub async fn admit_as<A, F>(&self, request: &Request<'_>, ask: A) -> Admission
    where
        A: FnOnce() -> F,
        F: Future<Output = User>,
    {
        self.wait(request, ask, Duration::MAX).await
    }

    /// As [`Instance::admit`], for whoever waits no longer than `patience`: then the request is refused.
    pub async fn admit_within(&self, request: &Request<'_>, patience: Duration) -> Admission {
        self.wait(request, || std::future::ready(User::ANONYMOUS), patience).await
    }

    async fn wait<A, F>(&self, request: &Request<'_>, ask: A, patience: Duration) -> Admission
    where
        A: FnOnce() -> F,
        F: Future<Output = User>,
    {
        let mut request = *request;
        let mut ask = Some(ask);
        let mut waiting: Option<Place<'_>> = None;
        loop {
            // Before looking: a change between the look and the wait must not be slept through.
            let mut changed = self.changed.subscribe();
            match self.look(&request) {
                Look::Done(Admission::Admitted(permit)) => {
                    let turn = waiting.as_mut().and_then(Place::turn);
                    let Some(turn) = turn else { return Admission::Admitted(permit) };
                    // Decided anew when its turn has come: the site may have closed again.
                    drop(permit);
                    tokio::time::sleep_until(turn).await;
                }
                Look::Done(refused) => return refused,
                Look::Ask => {
                    let user = match ask.take() {
                        Some(ask) => ask().await,
                        None => User::ANONYMOUS,
                    };
                    request.user = Identity::Known(user);
                }
                Look::Wait(site, reply, cause) => {
                    let hold = site.hold();
                    let Some(mut place) = self.queue.place(waiting.take(), site.host(), &hold) else {
                        return self.refuse(&site, reply, cause);
                    };
                    let left = hold.max_wait().min(patience).saturating_sub(place.since().elapsed());
                    if left.is_zero() {
                        return self.refuse(&site, reply, cause);
                    }
                    place.count_for(site.counters());
                    // Held requests hold nothing, so they never drain.
                    drop(site);
                    // However this ends, look again: the refusal is to say what is true then.
                    let _ = tokio::time::timeout(left, place.wait(&mut changed)).await;
                    waiting = Some(place);
                }
            }
        }
    }
}

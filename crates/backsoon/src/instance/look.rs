//! One look at the door: the site is taken, the request decided, and counted.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::door::id;
use super::{Admission, Instance, Permit};
use crate::decide::{Cause, Decision, Reason, decide};
use crate::grant;
use crate::reply::Reply;
use crate::request::Request;
use crate::snapshot::Settled;
use crate::time::Timestamp;

/// What one look has found.
pub(super) enum Look {
    Done(Admission),
    Wait(Arc<Settled>, Reply, Cause),
    Ask,
}

// === impl Instance ===

impl Instance {
    pub(super) fn look(&self, request: &Request<'_>) -> Look {
        let marked;
        let request = match self.marks.find(request.path) {
            Some(effect) if request.route.is_none() => {
                marked = Request { route: Some(effect), ..*request };
                &marked
            }
            _ => request,
        };
        let site = self.in_force(|snapshot| Arc::clone(snapshot.site(request.host)));
        if grant::is_asked_for(request) {
            return grant(&site, request);
        }
        match decide(site.policy(), request) {
            Decision::Ask => Look::Ask,
            Decision::Admit(reason) => {
                if let (Reason::Pass(pass), Some(counters)) = (reason, site.counters()) {
                    counters.let_through(pass);
                }
                let cause = reason.cause();
                let seat = self.register.sit(id(&site), request.method, path(request.path));
                Look::Done(Admission::Admitted(Permit::new(site, seat, cause)))
            }
            Decision::Refuse(reason) => {
                let (reply, cause) = self.refusal(&site, request, reason);
                Look::Done(self.refuse(&site, reply, cause))
            }
            Decision::Hold(reason) => {
                let (reply, cause) = self.refusal(&site, request, reason);
                match self.nobody_waits.load(Relaxed) {
                    true => Look::Done(self.refuse(&site, reply, cause)),
                    false => Look::Wait(site, reply, cause),
                }
            }
        }
    }

    /// Counts it, for its window if that decided.
    pub(super) fn refuse(&self, site: &Settled, reply: Reply, cause: Cause) -> Admission {
        self.tallies.refused(site.counters().filter(|_| cause.is_the_mode()));
        Admission::Refused(reply, cause)
    }

    pub(super) fn refusal(
        &self,
        site: &Settled,
        request: &Request<'_>,
        reason: Reason<'_>,
    ) -> (Reply, Cause) {
        (site.reply(request, reason, Timestamp::now()), reason.cause())
    }

    /// Refuses where the mode is to hold.
    pub(crate) fn let_nobody_wait(&self) {
        self.nobody_waits.store(true, Relaxed);
    }
}

/// What is said to the link of a pass. Out of the way of requests for anything else.
#[cold]
fn grant(site: &Settled, request: &Request<'_>) -> Look {
    let (reply, cause) = grant::answer(site, request, Timestamp::now());
    Look::Done(Admission::Refused(reply, cause))
}

/// A path without its query, which may hold secrets.
fn path(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}

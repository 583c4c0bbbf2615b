//! The lease on serving: an instance that cannot say that it lives closes itself.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tokio::time::Instant;

use super::{Instance, lock};
use crate::document::{Mode, State, Window};
use crate::time::Timestamp;

/// A moment that is put off again and again; when it comes the door is closed, whatever the State says.
#[derive(Debug)]
pub(crate) struct Fence {
    epoch: Instant,
    /// In milliseconds since the epoch.
    falls: AtomicU64,
    /// The same by the wall clock, in Unix milliseconds: the other one may stand still while the machine sleeps or is moved.
    falls_at: AtomicI64,
}

// === impl Instance ===

impl Instance {
    /// From now on this instance is closed unless [`Instance::vouched_for`] says otherwise.
    pub(crate) fn raise_fence(&self) {
        let _ = self.fence.set(Fence::fallen());
        let _turn = lock(&self.turn);
        let state = self.state();
        self.swap(&state.clone().unwrap_or_default(), state, Timestamp::now());
    }

    /// From now on jobs need a report that others have.
    pub(crate) fn needs_listing(&self) {
        let _ = self.listed.set(Fence::fallen());
    }

    pub(super) fn is_listed(&self) -> bool {
        self.listed.get().is_none_or(|listed| !listed.has_fallen())
    }

    /// A report is with others that vouches for this instance until `moment`.
    pub(crate) fn vouched_for(&self, moment: Instant) {
        if let Some(listed) = self.listed.get() {
            listed.put_off(moment);
        }
        if let Some(fence) = self.fence.get() {
            let had_fallen = fence.has_fallen();
            fence.put_off(moment);
            if had_fallen {
                self.tell();
            }
        }
    }

    /// Whether this instance has closed itself because it is lost.
    pub fn is_fenced(&self) -> bool {
        self.fence.get().is_some_and(Fence::has_fallen)
    }
}

// === impl Fence ===

impl Fence {
    /// A fence that has fallen: whoever has never said that it lives does not serve.
    pub(super) fn fallen() -> Self {
        Self { epoch: Instant::now(), falls: AtomicU64::new(0), falls_at: AtomicI64::new(i64::MIN) }
    }

    /// Puts it off until `moment`.
    pub(super) fn put_off(&self, moment: Instant) {
        let falls = moment.saturating_duration_since(self.epoch).as_millis();
        let falls = falls.try_into().unwrap_or(u64::MAX);
        if self.falls.fetch_max(falls, Ordering::AcqRel) < falls {
            let left = moment.saturating_duration_since(Instant::now());
            self.falls_at.store((Timestamp::now() + left).as_millis(), Ordering::Release);
        }
    }

    pub(super) fn has_fallen(&self) -> bool {
        self.epoch.elapsed().as_millis() >= u128::from(self.falls.load(Ordering::Acquire))
            // A clock that was set ahead closes too early, until the next report.
            || Timestamp::now().as_millis() >= self.falls_at.load(Ordering::Acquire)
    }
}

/// The same wishes, and everything closed; to bearers, too, for a pass may have been revoked meanwhile.
pub(super) fn behind_the_fence(mut state: State) -> State {
    let mut window = Window::new(Mode::On);
    (window.by, window.note) =
        ("backsoon".into(), "this server has lost the store, and on_lost = close".into());
    state.default.windows.push(window);
    state.passes.clear();
    state
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use super::Fence;
    use crate::document::{Host, Mode, State, Window};
    use crate::instance::{Admission, Instance};
    use crate::pass::Invitation;
    use crate::request::Request;
    use crate::rules::Marks;
    use crate::time::Timestamp;

    #[test]
    fn a_fence_falls_by_the_wall_clock_too() {
        let fence = Fence::fallen();
        fence.put_off(tokio::time::Instant::now() + Duration::from_secs(3600));
        assert!(!fence.has_fallen());
        // As after a machine has slept: one clock stood still meanwhile, the other one did not.
        fence.falls_at.store(Timestamp::now().as_millis(), Ordering::Release);
        assert!(fence.has_fallen());
        fence.put_off(tokio::time::Instant::now() + Duration::from_secs(3601));
        assert!(!fence.has_fallen(), "heard from again");
    }

    #[test]
    fn behind_the_fence_no_pass_opens_anything() {
        let now = Timestamp::now();
        let invitation = Invitation::new("Ann", Host::any(), "", now, Duration::from_secs(3600)).unwrap();
        let mut state = State::new();
        state.default.windows.push(Window::new(Mode::On));
        invitation.put_into(&mut state);
        let instance = Instance::new(Default::default(), Marks::new());
        let _ = instance.apply(&state, now);
        let set_cookie = || {
            let headers: [(&str, &str); 0] = [];
            let path = invitation.link.path();
            match instance.try_admit(&Request::new("GET", "a.example", &path, &headers)) {
                Some(Admission::Refused(reply, _)) => reply.headers.get("set-cookie").cloned(),
                other => panic!("{other:?}"),
            }
        };
        let cookie = set_cookie().unwrap();
        let headers = [("cookie", cookie.to_str().unwrap())];
        let request = Request::new("GET", "a.example", "/", &headers);
        assert!(matches!(instance.try_admit(&request), Some(Admission::Admitted(_))));
        instance.raise_fence();
        assert!(matches!(instance.try_admit(&request), Some(Admission::Refused(..))));
        assert!(set_cookie().is_none());
    }
}

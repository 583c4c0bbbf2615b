//! Following the store: the State at start, and from then on whenever it may be another.

use std::sync::{Arc, Weak};

use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use tokio::time::Instant as Moment;

use super::back_off::back_off;
use super::look::Seen;
use super::{ANSWER, Membership, OnUnknown, copy, is_now, lock};
use crate::control::{self, KEPT};
use crate::document::{Mode, State, Window};
use crate::instance::Instance;
use crate::time::Timestamp;

// === impl Membership ===

impl Membership {
    /// The State at start: the store's, or the local copy's, or what `on_unknown` says.
    pub(super) async fn start(&self, instance: &Instance) {
        if let Some(path) = &self.options.copy {
            match copy::read(path).await {
                Ok(Some(state)) => drop(instance.apply(&state, Timestamp::now())),
                Ok(None) => {}
                Err(why) => tracing::warn!("the local copy {} is not used: {why}", path.display()),
            }
        }
        let seen = self.look(instance).await;
        // It may be newer than the local copy.
        self.take_over(instance, &seen).await;
        if instance.state().is_none() && matches!(seen, Seen::Unreadable(_) | Seen::Away(_)) {
            let policy = self.options.on_unknown;
            tracing::warn!(store = %self.store.url(), ?policy, "nobody knows whether the site is closed");
            if policy == OnUnknown::Closed {
                instance.settle_unknown(&closed_for_want_of_a_state(), Timestamp::now());
            }
        }
    }

    /// Takes what others have kept of a State that is lost: whoever emptied or damaged the store did not open the site.
    async fn take_over(&self, instance: &Instance, seen: &Seen) {
        if matches!(seen, Seen::Nothing | Seen::Unreadable(_))
            && let Ok(Ok(Some(kept))) =
                tokio::time::timeout(ANSWER, control::newest(&*self.store, KEPT)).await
        {
            let _ = instance.apply(&kept, Timestamp::now());
        }
    }

    pub(super) async fn follow(self: Arc<Self>, instance: Weak<Instance>, mut hints: BoxStream<'static, ()>) {
        let mut stop = self.stop.subscribe();
        let (begun, mut failures) = (Moment::now(), 0);
        loop {
            let pause = back_off(lock(&self.crew).poll(&self.options), failures);
            tokio::select! {
                hint = hints.next() => if hint.is_none() { hints = Box::pin(futures_util::stream::pending()) },
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(is_now) => return,
            }
            let Some(instance) = instance.upgrade() else { return };
            let seen = self.look(&instance).await;
            failures = if matches!(seen, Seen::Away(_)) { failures.saturating_add(1) } else { 0 };
            // Those who hold what was lost may hand it over only after this one has joined.
            let is_new = begun.elapsed() < lock(&self.crew).lease(&self.options);
            if is_new && instance.state().is_none() {
                self.take_over(&instance, &seen).await;
            }
        }
    }
}

fn closed_for_want_of_a_state() -> State {
    let mut state = State::new();
    let mut window = Window::new(Mode::On);
    (window.by, window.note) = ("backsoon".into(), "the state is unknown, and on_unknown = closed".into());
    state.default.windows.push(window);
    state
}

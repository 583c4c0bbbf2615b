//! One look at the store: what lies there, and what it means for this instance.

use tokio::time::Instant as Moment;

use super::{ANSWER, Membership, copy, lock};
use crate::control::{KEPT, STATE};
use crate::document::State;
use crate::instance::{Applied, Instance};
use crate::store::{self, PutMode};
use crate::time::Timestamp;

/// What a look at the store has brought.
pub(super) enum Seen {
    /// Nobody has asked for anything yet.
    Nothing,
    /// A State, applied or not, with what is wrong about it.
    State(Option<String>),
    /// Something that is no State which this build may use.
    Unreadable(String),
    /// No answer.
    Away(String),
}

// === impl Membership ===

impl Membership {
    /// Reads the store once and applies what it finds.
    pub(super) async fn look(&self, instance: &Instance) -> Seen {
        let written = lock(&self.written).take();
        let seen = match tokio::time::timeout(ANSWER, self.store.get(STATE)).await {
            Err(_) => Seen::Away(format!("{} has not answered for {} s", self.store.url(), ANSWER.as_secs())),
            Ok(Err(error @ store::Error::TooLarge { .. })) => Seen::Unreadable(error.to_string()),
            Ok(Err(error)) => Seen::Away(error.to_string()),
            Ok(Ok(None)) => Seen::Nothing,
            Ok(Ok(Some(entry))) => match State::from_bytes(&entry.value) {
                Ok(state) => Seen::State(self.take(instance, &state).await),
                Err(why) => Seen::Unreadable(format!("the state in the store was not applied: {why}")),
            },
        };
        let held = instance.state();
        let trouble = match &seen {
            Seen::Nothing => {
                held.as_ref().map(|_| "the store is empty; the last known state stays".to_owned())
            }
            Seen::State(trouble) => trouble.clone(),
            Seen::Unreadable(why) | Seen::Away(why) => Some(why.clone()),
        };
        match (&seen, written) {
            (Seen::Away(_) | Seen::Unreadable(_), Some(_)) => {
                let mut newer = lock(&self.written);
                *newer = newer.or(written);
            }
            (_, Some(until)) => instance.vouched_for(until),
            (_, None) => {}
        }
        if !matches!(seen, Seen::Away(_)) {
            *lock(&self.heard) = Some(Moment::now());
            instance.settle_in();
            match held {
                Some(held) if trouble.is_some() => self.keep(&held).await,
                // What was assumed while nobody knew gives way to the store's word that nobody wants it closed.
                None if matches!(seen, Seen::Nothing) && !instance.closings().is_empty() => {
                    instance.settle_unknown(&State::new(), Timestamp::now());
                }
                _ => {}
            }
        }
        let mut said = lock(&self.trouble);
        if *said != trouble {
            match &trouble {
                Some(trouble) => tracing::warn!("{trouble}"),
                None => tracing::info!(store = %self.store.url(), "following the store again"),
            }
            *said = trouble;
            self.news.notify_one();
        }
        seen
    }

    /// Applies a State from the store; what is wrong with it comes back in a sentence.
    async fn take(&self, instance: &Instance, state: &State) -> Option<String> {
        match instance.apply(state, Timestamp::now()) {
            Applied::Now => {
                tracing::info!(revision = state.revision, by = %state.change.by, note = %state.change.note, "a new state is in force");
                self.news.notify_one();
                self.copy(state).await
            }
            Applied::Already => self.copy(state).await,
            Applied::Older { held } => Some(format!(
                "the store went back to revision {}; revision {held} stays in force",
                state.revision
            )),
            Applied::Foreign { held } => Some(format!(
                "the store holds another history ({}) than the one in force ({held}); `backsoon on` or `off` joins them",
                state.lineage
            )),
        }
    }

    /// Writes the local copy, until it is written; what is wrong with it comes back in a sentence.
    async fn copy(&self, state: &State) -> Option<String> {
        let path = self.options.copy.as_ref()?;
        if lock(&self.copied).as_ref() == Some(&state.change.id) {
            return None;
        }
        if let Err(error) = copy::write(path, state).await {
            return Some(format!("the local copy {} cannot be written: {error}", path.display()));
        }
        *lock(&self.copied) = Some(state.change.id.clone());
        None
    }

    /// Hands the held State to whoever repairs the store.
    async fn keep(&self, held: &State) {
        if held.revision == 0 {
            return;
        }
        let key = format!("{KEPT}{}-{:020}", held.lineage, held.revision);
        let _ =
            tokio::time::timeout(ANSWER, self.store.put(&key, held.to_bytes().into(), PutMode::Create)).await;
    }
}

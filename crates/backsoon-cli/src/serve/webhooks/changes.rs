//! Follows the revisions of the State and the edges of its windows, and announces each.

use std::sync::Arc;

use backsoon::State;
use backsoon::control::{self, Control};
use backsoon::time::Timestamp;
use tracing::warn;

use super::event::Event;
use super::mark::Mark;
use super::news;

/// So many revisions are announced at once to whoever comes back; of more, the newest.
const MOST: u64 = 100;

/// What was announced, and the State that it was told of last.
#[derive(Debug)]
pub(crate) struct Changes {
    mark: Mark,
    last: Option<Arc<State>>,
}

/// News that is to be announced, and how far it leads.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) events: Vec<Event>,
    pub(crate) mark: Mark,
    last: Option<Arc<State>>,
}

// === impl Changes ===

impl Changes {
    pub(crate) fn from(mark: Mark) -> Self {
        Self { mark, last: None }
    }

    /// What has happened until `now`, `state` being in force; nothing if there is no news.
    ///
    /// # Errors
    /// When the history has to be read, and the store is away.
    pub(crate) async fn since(
        &self,
        control: &Control,
        state: &Arc<State>,
        now: Timestamp,
    ) -> Result<Option<Step>, control::Error> {
        let is_same = self.mark.lineage.as_ref() == Some(&state.lineage);
        if is_same && state.revision < self.mark.revision {
            return Ok(None);
        }
        let mut events = Vec::new();
        let mut at = self.mark.at;
        if !is_same || state.revision > self.mark.revision {
            let states = self.states(control, state, is_same).await?;
            for pair in states.windows(2) {
                let (before, after) = (&pair[0], &pair[1]);
                events.extend(news::by_the_clock(before, at, after.change.at));
                at = at.max(after.change.at);
                events.push(news::change(before, after));
                events.extend(news::ended(before, after));
            }
        }
        events.extend(news::by_the_clock(state, at, now));
        // Only what was announced moves the mark: a clock that goes on is no reason to write.
        if events.is_empty() && is_same && state.revision == self.mark.revision {
            return Ok(None);
        }
        let told = events.iter().map(|event| event.at).filter(|told| *told <= now).max();
        let at = at.max(told.unwrap_or(at));
        let mark = Mark { lineage: Some(state.lineage.clone()), revision: state.revision, at };
        Ok(Some(Step { events, mark, last: Some(Arc::clone(state)) }))
    }

    /// Takes note that a step was announced.
    pub(crate) fn announced(&mut self, step: Step) {
        (self.mark, self.last) = (step.mark, step.last);
    }

    /// The last State that was announced, those that came after it, and `state`.
    async fn states(
        &self,
        control: &Control,
        state: &Arc<State>,
        is_same: bool,
    ) -> Result<Vec<State>, control::Error> {
        let known = self
            .last
            .as_ref()
            .filter(|last| is_same && last.lineage == state.lineage && last.revision + 1 == state.revision);
        if let Some(last) = known {
            return Ok(vec![(**last).clone(), (**state).clone()]);
        }
        // Of a history that begins, nothing was announced; of one that took another's place, what it took over was.
        let announced = match &self.mark.lineage {
            Some(_) if is_same => self.mark.revision,
            Some(_) => state.revision.saturating_sub(1),
            None => 0,
        };
        let missed = state.revision - announced;
        if missed > MOST {
            warn!(
                missed,
                "so many changes were made while no gate ran that only the last {MOST} are announced"
            );
        }
        let wanted = missed.min(MOST);
        // One more than wanted, for what the first of them has changed.
        let limit = usize::try_from(wanted + 1).unwrap_or(usize::MAX);
        let mut states = control.page(state.revision.checked_add(1), limit).await?;
        let first = state.revision - wanted;
        states.retain(|there| there.lineage == state.lineage && there.revision < state.revision);
        states.retain(|there| there.revision >= first);
        if states.first().is_none_or(|before| before.revision > first) {
            // Before the first revision there was nothing.
            let mut before = State { lineage: state.lineage.clone(), ..State::new() };
            before.revision = states.first().map_or(state.revision, |first| first.revision).saturating_sub(1);
            states.insert(0, before);
        }
        states.push((**state).clone());
        Ok(states)
    }
}

#[cfg(test)]
mod tests {
    use backsoon::store::MemoryStore;
    use backsoon::{Host, Mode, Window};

    use super::*;

    async fn ids(changes: &mut Changes, control: &Control, now: Timestamp) -> Vec<String> {
        let state = Arc::new(control.read().await.unwrap().unwrap());
        let Some(step) = changes.since(control, &state, now).await.unwrap() else { return Vec::new() };
        let of = |event: &Event| event.id.replace(state.lineage.as_str(), "L");
        let ids = step.events.iter().map(of).collect();
        changes.announced(step);
        ids
    }

    #[tokio::test]
    async fn every_revision_since_the_mark_is_news_and_none_twice() {
        let control = Control::new(Arc::new(MemoryStore::new()), "ann");
        let now = Timestamp::now();
        let mut changes = Changes::from(Mark::first(None, now));
        let window = Window { id: "w".parse().unwrap(), ..Window::new(Mode::On) };
        control.begin(&Host::any(), window.clone()).await.unwrap();
        control.end(&window.id).await.unwrap();
        assert_eq!(ids(&mut changes, &control, now).await, ["change-L-1", "change-L-2", "reopened-L-2-w"]);
        assert_eq!(ids(&mut changes, &control, now).await, [""; 0]);
        control.begin(&Host::any(), window.clone()).await.unwrap();
        assert_eq!(ids(&mut changes, &control, now).await, ["change-L-3"]);
        // One that starts now goes on from the mark alone.
        let mut other = Changes::from(Mark { revision: 1, ..changes.mark.clone() });
        assert_eq!(ids(&mut other, &control, now).await, ["change-L-2", "reopened-L-2-w", "change-L-3"]);
        let first = Mark::first(control.read().await.unwrap().as_ref(), now);
        assert_eq!(ids(&mut Changes::from(first), &control, now).await, [""; 0], "the past is no news");
    }

    #[tokio::test]
    async fn of_a_long_absence_the_newest_hundred_are_told() {
        let control = Control::new(Arc::new(MemoryStore::new()), "ann");
        for _ in 0..120 {
            control.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
        }
        let mut changes = Changes::from(Mark::first(None, Timestamp::now()));
        let ids = ids(&mut changes, &control, Timestamp::now()).await;
        assert_eq!((ids.len(), ids[0].as_str(), ids[99].as_str()), (100, "change-L-21", "change-L-120"));
    }

    #[tokio::test]
    async fn an_end_by_the_clock_is_told_once_whether_or_not_somebody_was_there() {
        let control = Control::new(Arc::new(MemoryStore::new()), "ann");
        let end = Timestamp::now() + std::time::Duration::from_secs(60);
        let window = Window { id: "w".parse().unwrap(), ..Window::new(Mode::On).until(end) };
        let mut changes = Changes::from(Mark::first(None, Timestamp::now()));
        control.begin(&Host::any(), window).await.unwrap();
        assert_eq!(ids(&mut changes, &control, Timestamp::now()).await, ["change-L-1"]);
        let before = changes.mark.clone();
        let told = [format!("reopened-L-w-at{}", end.as_millis())];
        assert_eq!(ids(&mut changes, &control, end).await, told);
        assert_eq!(ids(&mut changes, &control, end).await, [""; 0]);
        let later = end + std::time::Duration::from_secs(9);
        assert_eq!(ids(&mut Changes::from(changes.mark.clone()), &control, later).await, [""; 0]);
        assert_eq!(ids(&mut Changes::from(before), &control, later).await, told);
    }

    #[tokio::test]
    async fn a_plan_is_told_when_it_is_made_when_its_time_comes_and_when_that_is_over() {
        let control = Control::new(Arc::new(MemoryStore::new()), "ann");
        let now = Timestamp::now();
        let (start, end) =
            (now + std::time::Duration::from_secs(60), now + std::time::Duration::from_secs(90));
        let window = Window { id: "w".parse().unwrap(), ..Window::new(Mode::On).from(start).until(end) };
        let mut changes = Changes::from(Mark::first(None, now));
        control.begin(&Host::any(), window).await.unwrap();
        assert_eq!(ids(&mut changes, &control, Timestamp::now()).await, ["change-L-1"]);
        let before = changes.mark.clone();
        let closed = format!("closed-L-w-at{}", start.as_millis());
        let reopened = format!("reopened-L-w-at{}", end.as_millis());
        assert_eq!(ids(&mut changes, &control, start).await, [closed.as_str()]);
        assert_eq!(ids(&mut changes, &control, start).await, [""; 0]);
        assert_eq!(ids(&mut changes, &control, end).await, [reopened.as_str()]);
        // A gate that was down meanwhile tells both, in their order.
        assert_eq!(ids(&mut Changes::from(before), &control, end).await, [closed, reopened]);
    }
}

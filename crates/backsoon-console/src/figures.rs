//! What this gate's door has seen within the last hour, minute by minute, in this process's memory.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backsoon::time::Timestamp;

use crate::console::Desk;

/// How many minutes are kept.
pub(crate) const MINUTES: usize = 60;
/// How often the door is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How many requests the gate beside this console has refused since its start; nobody counts them unless given.
#[derive(Clone, Default)]
pub struct Refused(Option<Arc<dyn Fn() -> u64 + Send + Sync>>);

/// The last hour.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    minutes: VecDeque<Minute>,
    refused: u64,
}

/// One minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Minute {
    /// Minutes since 1970.
    number: i64,
    /// The most requests that ran at once, of those looks that were taken.
    pub(crate) running: u64,
    /// The most that waited at once.
    pub(crate) waiting: u64,
    /// How many were refused.
    pub(crate) refused: u64,
}

/// Looks at the door again and again. It ends with the console.
pub(crate) async fn watch(desk: Arc<Desk>) {
    loop {
        let (running, waiting) = (desk.instance.running() as u64, desk.instance.held() as u64);
        let refused = desk.options.refused.total();
        desk.figures.note(Timestamp::now().as_millis() / 60_000, running, waiting, refused);
        tokio::time::sleep(LOOK).await;
    }
}

// === impl Refused ===

impl Refused {
    /// Asks `total` for the number since the start.
    pub fn counted_by(total: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(total)))
    }

    fn total(&self) -> u64 {
        self.0.as_ref().map_or(0, |total| total())
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused(…)")
    }
}

// === impl Figures ===

impl Figures {
    fn note(&self, number: i64, running: u64, waiting: u64, refused: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let more = refused.saturating_sub(kept.refused);
        kept.refused = refused;
        if kept.minutes.back().is_none_or(|minute| minute.number != number) {
            kept.minutes.push_back(Minute { number, ..Minute::default() });
        }
        if kept.minutes.len() > MINUTES {
            kept.minutes.pop_front();
        }
        if let Some(minute) = kept.minutes.back_mut() {
            minute.running = minute.running.max(running);
            minute.waiting = minute.waiting.max(waiting);
            minute.refused += more;
        }
    }

    /// The hour that ends with the minute `number`, the oldest minute first; what nobody saw is nothing.
    pub(crate) fn hour(&self, number: i64) -> Vec<Minute> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = number - MINUTES as i64 + 1;
        let minutes = (first..=number).map(|number| {
            let seen = kept.minutes.iter().find(|minute| minute.number == number);
            seen.copied().unwrap_or(Minute { number, ..Minute::default() })
        });
        minutes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_kept_with_the_most_of_each_minute_and_every_refusal_once() {
        let figures = Figures::default();
        figures.note(100, 3, 0, 10);
        figures.note(100, 1, 2, 12);
        figures.note(102, 5, 0, 12);
        let hour = figures.hour(102);
        assert_eq!(hour.len(), MINUTES);
        assert_eq!(hour[57], Minute { number: 100, running: 3, waiting: 2, refused: 12 });
        assert_eq!(hour[58], Minute { number: 101, ..Minute::default() });
        assert_eq!(hour[59], Minute { number: 102, running: 5, waiting: 0, refused: 0 });
        for number in 103..300 {
            figures.note(number, 0, 0, 12);
        }
        assert!(figures.hour(299).iter().all(|minute| minute.refused == 0));
        assert_eq!(figures.0.lock().unwrap().minutes.len(), MINUTES);
    }
}

//! What the doors of the whole fleet have seen within the last hour, minute by minute, in this process's memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backsoon::fleet::{Life, Lookout, Member, Place, Roster};
use backsoon::time::Timestamp;

use crate::console::Desk;

/// How many minutes are kept.
pub(crate) const MINUTES: usize = 60;
/// How often the reports are read, in a small fleet.
const LOOK: Duration = Duration::from_secs(5);
/// How much less often for each report: they are all read at once.
const EACH: Duration = Duration::from_millis(10);

/// The last hour.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    minutes: VecDeque<Minute>,
    /// How many each one had refused, by name.
    refused: BTreeMap<String, Counter>,
    begun: Begun,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Begun {
    #[default]
    NotYet,
    Already,
}

/// What one process had counted when it was last seen.
#[derive(Debug)]
struct Counter {
    place: Place,
    total: u64,
    /// In which minute that was.
    seen: i64,
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

/// What the servers have said last, all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Present {
    /// How many requests run.
    pub(crate) running: u64,
    /// How many wait.
    pub(crate) waiting: u64,
}

/// Reads the reports again and again. It ends with the console.
pub(crate) async fn watch(desk: Arc<Desk>) {
    // Its own, for it looks less often than others do.
    let mut lookout = Lookout::new();
    loop {
        let pause = match Roster::look(&*desk.store, &mut lookout).await {
            Ok(roster) => {
                desk.figures.note(Timestamp::now().as_millis() / 60_000, &roster.0);
                LOOK + EACH * u32::try_from(roster.0.len()).unwrap_or(u32::MAX)
            }
            Err(_) => {
                // Nobody could report meanwhile.
                lookout = Lookout::new();
                LOOK
            }
        };
        tokio::time::sleep(pause).await;
    }
}

// === impl Figures ===

impl Figures {
    fn note(&self, number: i64, members: &[Member]) {
        let Present { running, waiting } = Present::of(members);
        let mut kept = self.kept();
        let refused = kept.more(number, members);
        if kept.minutes.back().is_none_or(|minute| minute.number != number) {
            kept.minutes.push_back(Minute { number, ..Minute::default() });
        }
        if kept.minutes.len() > MINUTES {
            kept.minutes.pop_front();
        }
        if let Some(minute) = kept.minutes.back_mut() {
            minute.running = minute.running.max(running);
            minute.waiting = minute.waiting.max(waiting);
            minute.refused = minute.refused.saturating_add(refused);
        }
    }

    /// The hour that ends with the minute `number`, the oldest minute first; what nobody saw is nothing.
    pub(crate) fn hour(&self, number: i64) -> Vec<Minute> {
        let kept = self.kept();
        let first = number - MINUTES as i64 + 1;
        let minutes = (first..=number).map(|number| {
            let seen = kept.minutes.iter().find(|minute| minute.number == number);
            seen.copied().unwrap_or(Minute { number, ..Minute::default() })
        });
        minutes.collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Present ===

impl Present {
    /// What runs and waits on those who are there; of the others nobody knows.
    pub(crate) fn of(members: &[Member]) -> Self {
        let present = members.iter().filter(|member| matches!(member.life, Life::Live | Life::Unheard));
        present.fold(Self::default(), |sum, Member { report, .. }| Self {
            running: sum.running + report.running as u64,
            waiting: sum.waiting + report.held as u64,
        })
    }
}

// === impl Kept ===

impl Kept {
    /// How many were refused since the look before. At the first look nobody knows when it was; a process that is new
    /// under its name, or has appeared since, has refused all of its own.
    fn more(&mut self, number: i64, members: &[Member]) -> u64 {
        let first = std::mem::replace(&mut self.begun, Begun::Already) == Begun::NotYet;
        let mut more = 0_u64;
        for report in members.iter().map(|member| &member.report) {
            let total = report.refused.unwrap_or(0);
            let before = self.refused.get(&report.name);
            let same = before.filter(|before| before.place == report.place && before.total <= total);
            if !first {
                more = more.saturating_add(total - same.map_or(0, |before| before.total));
            }
            let counter = Counter { place: report.place.clone(), total, seen: number };
            self.refused.insert(report.name.clone(), counter);
        }
        // Whoever was away for a while may come back; whoever has gone for good need not be remembered.
        self.refused.retain(|_, counter| number - counter.seen <= MINUTES as i64);
        more
    }
}

#[cfg(test)]
mod tests {
    use backsoon::fleet::Report;
    use serde_json::json;

    use super::*;

    /// A report as it lies in a store.
    fn member(name: &str, pid: u32, running: usize, held: usize, refused: Option<u64>) -> Member {
        let mut report = json!({
            "name": name, "kind": "web", "program": "0", "beat": 1, "lease_ms": 1000, "clock": "2026-11-21T12:00:00Z",
            "place": { "host": "a", "boot": "b", "pid": pid, "started": 1 }, "lineage": null, "revision": 0,
            "closings": {}, "serves": [], "draining": {}, "held": held, "running": running, "age_ms": 0, "troubles": [],
        });
        if let Some(refused) = refused {
            report["refused"] = refused.into();
        }
        let report: Report = serde_json::from_value(report).unwrap();
        Member { report, life: Life::Live }
    }

    fn refused(pid: u32, refused: u64) -> Member {
        member("web-1", pid, 0, 0, Some(refused))
    }

    fn at(figures: &Figures, number: i64) -> Minute {
        figures.hour(number)[MINUTES - 1]
    }

    #[test]
    fn an_hour_is_kept_with_the_most_of_each_minute_and_every_refusal_once() {
        let figures = Figures::default();
        figures.note(100, &[member("a", 1, 3, 0, Some(10)), member("b", 2, 4, 1, Some(5))]);
        figures.note(100, &[member("a", 1, 1, 2, Some(12)), member("b", 2, 1, 2, Some(6))]);
        figures.note(102, &[member("a", 1, 5, 0, Some(12)), member("b", 2, 0, 0, Some(6))]);
        let hour = figures.hour(102);
        assert_eq!(hour.len(), MINUTES);
        assert_eq!(hour[57], Minute { number: 100, running: 7, waiting: 4, refused: 3 });
        assert_eq!(hour[58], Minute { number: 101, ..Minute::default() });
        assert_eq!(hour[59], Minute { number: 102, running: 5, waiting: 0, refused: 0 });
        for number in 103..300 {
            figures.note(number, &[]);
        }
        assert!(figures.hour(299).iter().all(|minute| minute.refused == 0));
        let kept = figures.kept();
        assert_eq!((kept.minutes.len(), kept.refused.len()), (MINUTES, 0));
    }

    #[test]
    fn a_process_in_the_place_of_another_has_refused_all_that_it_says() {
        let figures = Figures::default();
        figures.note(100, &[refused(1, 1_000)]);
        figures.note(101, &[refused(1, 1_002)]);
        // Another process, which has refused more already than the one before.
        figures.note(102, &[refused(2, 2_000)]);
        // The same process can only have begun anew.
        figures.note(103, &[refused(2, 7)]);
        let counts: Vec<u64> = (100..=103).map(|number| at(&figures, number).refused).collect();
        assert_eq!(counts, [0, 2, 2_000, 7]);
    }

    #[test]
    fn whoever_vanishes_takes_nothing_away_and_whoever_comes_back_is_not_counted_twice() {
        let figures = Figures::default();
        figures.note(100, &[refused(1, 10)]);
        figures.note(101, &[]);
        figures.note(102, &[refused(1, 15)]);
        figures.note(103, &[refused(1, 15), member("web-2", 9, 0, 0, Some(4)), member("old", 8, 2, 0, None)]);
        let counts: Vec<u64> = (100..=103).map(|number| at(&figures, number).refused).collect();
        assert_eq!(counts, [0, 0, 5, 4]);
        let lost = Member { life: Life::Lost, ..member("lost", 7, 50, 50, Some(0)) };
        figures.note(104, &[lost]);
        assert_eq!(
            at(&figures, 104),
            Minute { number: 104, ..Minute::default() },
            "nobody knows what runs there"
        );
    }
}

//! Watching a roster: who moves, and who has not moved for how long.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::{Life, Report};

/// Watches beats by the reader's own clock, since clocks of two machines are never compared: it is fed what lies on the
/// roster again and again, and says for how long each beat has not moved.
///
/// Silence counts from look to look. Start with a new one after the store was away: nobody could report then.
#[derive(Debug, Clone, Default)]
pub struct Lookout {
    begun: Begun,
    seen: BTreeMap<String, Seen>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Begun {
    #[default]
    NotYet,
    Already,
}

/// The beat of one instance.
#[derive(Debug, Clone, Copy)]
struct Seen {
    beat: u64,
    at: Instant,
    moves: Moves,
}

/// Whether a beat was seen to move. Whoever came while we watched has written a report just then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moves {
    NotYet,
    Already,
}

// === impl Lookout ===

impl Lookout {
    /// One that has seen nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what lies on the roster now.
    pub fn look(&mut self, reports: &[Report]) {
        let at = Instant::now();
        let newcomer = match self.begun {
            Begun::NotYet => Moves::NotYet,
            Begun::Already => Moves::Already,
        };
        self.begun = Begun::Already;
        let before = std::mem::take(&mut self.seen);
        let see = |report: &Report| match before.get(&report.name) {
            Some(seen) if seen.beat == report.beat => *seen,
            Some(_) => Seen { beat: report.beat, at, moves: Moves::Already },
            None => Seen { beat: report.beat, at, moves: newcomer },
        };
        self.seen = reports.iter().map(|report| (report.name.clone(), see(report))).collect();
    }

    /// For how long the beat of `name` has not moved while we looked.
    pub fn silence(&self, name: &str) -> Duration {
        self.seen.get(name).map_or(Duration::ZERO, |seen| seen.at.elapsed())
    }

    /// Whether the instance that wrote `report` lives. Processes of this machine are looked up: one that is there lives
    /// until it is silent for its lease, for it may be stopped, or cut off from the store. Others have to move.
    pub fn life(&self, report: &Report) -> Life {
        match report.lives() {
            Some(Life::Dead) => Life::Dead,
            _ if report.fenced_after().is_some_and(|fenced| self.silence(&report.name) >= fenced) => {
                Life::Fenced
            }
            _ if self.silence(&report.name) >= Duration::from_millis(report.lease_ms) => Life::Lost,
            Some(life) => life,
            None if self.moves(&report.name) => Life::Live,
            None => Life::Unheard,
        }
    }

    /// Whether the beat of `name` was seen to move.
    pub(super) fn moves(&self, name: &str) -> bool {
        self.seen.get(name).is_some_and(|seen| seen.moves == Moves::Already)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::{Kind, Place};

    fn report(name: &str, beat: u64) -> Report {
        let place = Place { host: "elsewhere".into(), boot: "another".into(), pid: 1, started: 1 };
        Report { beat, ..Report::new(name, Kind::Web, place) }
    }

    async fn after(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_moves_lives_and_one_who_does_not_is_lost_after_its_lease() {
        let mut lookout = Lookout::new();
        lookout.look(&[report("a", 1), report("b", 1)]);
        assert_eq!([lookout.life(&report("a", 1)), lookout.life(&report("b", 1))], [Life::Unheard; 2]);
        after(9).await;
        lookout.look(&[report("a", 2), report("b", 1)]);
        assert_eq!(
            [lookout.life(&report("a", 2)), lookout.life(&report("b", 1))],
            [Life::Live, Life::Unheard]
        );
        assert_eq!([lookout.silence("a"), lookout.silence("b")].map(|silence| silence.as_secs()), [0, 9]);
        after(1).await;
        assert_eq!([lookout.life(&report("a", 2)), lookout.life(&report("b", 1))], [Life::Live, Life::Lost]);
        after(9).await;
        lookout.look(&[report("a", 2), report("b", 2)]);
        assert_eq!([lookout.life(&report("a", 2)), lookout.life(&report("b", 2))], [Life::Lost, Life::Live]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_comes_while_we_watch_lives_and_one_who_starts_again_counts_anew() {
        let mut lookout = Lookout::new();
        lookout.look(&[]);
        after(1).await;
        lookout.look(&[report("a", 7)]);
        assert_eq!(lookout.life(&report("a", 7)), Life::Live);
        after(11).await;
        assert_eq!(lookout.life(&report("a", 7)), Life::Lost);
        lookout.look(&[]);
        assert_eq!(lookout.silence("a"), Duration::ZERO, "whoever has left is forgotten");
        lookout.look(&[report("a", 1)]);
        assert_eq!(lookout.life(&report("a", 1)), Life::Live);
    }
}

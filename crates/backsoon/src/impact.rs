//! What a closing has done to visitors: how many it refused, let wait and cut, and who went through by a pass.
//!
//! The numbers are the sum of what the instances on the roster say. Those of one that has said farewell or died are
//! gone with its report; where that can be known, [`Impact`] says so.

mod filed;
mod gather;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::document::{Host, Mode, PassId, State, Window, WindowId};
use crate::fleet::{Kind, Life, Member, Report, Roster};
use crate::tally::{KEPT, Seen, Tally, Waits};
use crate::time::Timestamp;

pub use filed::{all_filed, file, filed};
pub use gather::gather;

/// What one window has done to visitors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impact {
    /// The window.
    pub window: WindowId,
    /// The revision by which this is told: of the change that ended the window, or, of one that is in force, of the State.
    #[serde(default)]
    pub revision: u64,
    /// The site that it was written under.
    pub site: Host,
    /// How closed it made the site.
    pub mode: Mode,
    /// Who closed.
    pub closed_by: String,
    /// From when on; none: the history does not tell.
    pub from: Option<Timestamp>,
    /// Until when; none: it is in force.
    pub to: Option<Timestamp>,
    /// Who reopened; none: nobody has, or its time was over.
    pub reopened_by: Option<String>,
    /// Requests that were refused because of it; those that had waited in vain are among them.
    pub refused: u64,
    /// Requests that waited, or still do.
    pub held: u64,
    /// For how long the half of them did, in milliseconds, off by at most a thirty-second; none: nobody has waited.
    pub held_p50_ms: Option<u64>,
    /// How long 99 of 100 waited at most, likewise.
    pub held_p99_ms: Option<u64>,
    /// Those of them that still wait.
    pub waiting: u64,
    /// Earlier requests that were ended.
    pub cut: u64,
    /// The passes that were used.
    pub passes: Vec<PassUse>,
    /// How many servers say so.
    pub servers: usize,
    /// Servers that have not reported since it ended: they may have more to say.
    pub awaited: Vec<String>,
    /// Servers that stopped reporting before it ended: only what they had said by then is in the numbers.
    pub gone: Vec<String>,
    /// Servers that have joined since it began: what ran in their place before, if anything did, took its numbers along.
    pub joined: Vec<String>,
    /// Servers that do not say how many: they are too old, or have more closings to tell of than a report has room for.
    pub untold: Vec<String>,
}

/// How often a pass was used during a closing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassUse {
    /// The pass.
    pub pass: PassId,
    /// Whom it was made for; none: it is there no more.
    pub bearer: Option<String>,
    /// The requests that it let through.
    pub requests: u64,
}

/// The windows of `before` that are not in `after` any more, with their sites: those that the change in between has ended
/// or called off, and those whose time was over.
pub fn ended(before: &State, after: &State) -> Vec<(Host, Window)> {
    let windows = |state: &State| -> Vec<(Host, Window)> {
        let of = |(host, windows): (Host, Vec<Window>)| {
            windows.into_iter().map(move |window| (host.clone(), window))
        };
        state.sites().map(|(host, site)| (host, site.windows.clone())).flat_map(of).collect()
    };
    let left: BTreeSet<WindowId> = windows(after).into_iter().map(|(_, window)| window.id).collect();
    windows(before).into_iter().filter(|(_, window)| !left.contains(&window.id)).collect()
}

// === impl Impact ===

impl Impact {
    /// What `window` of `site` has done until `by` ended it, as far as `roster` tells. `from` is when it came into
    /// force, for one that has no start ([`Control::added`](crate::Control::added)). None: it never
    /// was in force, or was over so long before that nobody remembers ([`KEPT`]).
    pub fn of(
        site: &Host,
        window: &Window,
        from: Option<Timestamp>,
        by: &State,
        roster: &Roster,
    ) -> Option<Self> {
        let own_end = window.end.filter(|end| *end <= by.change.at);
        let to = own_end.unwrap_or(by.change.at);
        let reopened_by = own_end.is_none().then(|| by.change.by.clone());
        let ending = Some((to, reopened_by));
        let from = window.start.or(from);
        let was_in_force = window.mode > Mode::Off && window.start.is_none_or(|start| start < to);
        let is_remembered = by.change.at.since(to) < KEPT;
        (was_in_force && is_remembered).then(|| Self::sum(site, window, from, ending, by, roster))
    }

    /// What `window` of `site`, which is in force by `state`, has done so far; otherwise as [`Impact::of`].
    pub fn so_far(
        site: &Host,
        window: &Window,
        from: Option<Timestamp>,
        state: &State,
        roster: &Roster,
    ) -> Self {
        Self::sum(site, window, window.start.or(from), None, state, roster)
    }

    fn sum(
        site: &Host,
        window: &Window,
        from: Option<Timestamp>,
        ending: Option<(Timestamp, Option<String>)>,
        state: &State,
        roster: &Roster,
    ) -> Self {
        let members = || roster.0.iter().filter(|member| decides(&member.report));
        let own = |report: &Report| report.tallies.iter().find(|tally| tally.window == window.id).cloned();
        let tallies: Vec<Tally> = members().filter_map(|member| own(&member.report)).collect();
        let mut waits = Waits::default();
        tallies.iter().for_each(|tally| waits.merge(&tally.waits));
        let total = |count: fn(&Tally) -> u64| {
            tallies.iter().map(count).fold(0_u64, |sum, more| sum.saturating_add(more))
        };
        let waiting = total(|tally| tally.waiting);
        let names = |is: &dyn Fn(&Member) -> bool| -> Vec<String> {
            let names: BTreeSet<&str> =
                members().filter(|member| is(member)).map(|member| member.report.name.as_str()).collect();
            names.into_iter().map(str::to_owned).collect()
        };
        let is_present = |member: &Member| matches!(member.life, Life::Live | Life::Unheard);
        let is_over = ending.is_some();
        let (to, reopened_by) = ending.map_or((None, None), |(to, by)| (Some(to), by));
        Self {
            window: window.id.clone(),
            revision: state.revision,
            site: site.clone(),
            mode: window.mode,
            closed_by: window.by.clone(),
            from,
            to,
            reopened_by,
            refused: total(|tally| tally.refused),
            held: waits.count().saturating_add(waiting),
            held_p50_ms: waits.quantile(50).map(millis),
            held_p99_ms: waits.quantile(99).map(millis),
            waiting,
            cut: total(|tally| tally.cut),
            passes: passes(&tallies, state),
            servers: members().filter(|member| member.report.refused.is_some()).count(),
            awaited: names(&|member| is_over && is_present(member) && !member.report.has(state)),
            gone: names(&|member| !is_present(member) && !member.report.has(state) && knew(member)),
            joined: names(&|member| own(&member.report).is_some_and(|tally| tally.seen == Seen::Joined)),
            untold: names(&|member| is_untold(member, &window.id)),
        }
    }

    /// Whether everybody has said the last word about it: no later look brings more.
    pub fn is_complete(&self) -> bool {
        self.to.is_some() && self.awaited.is_empty() && self.waiting == 0
    }

    /// Whether anybody has counted anything.
    pub fn is_nothing(&self) -> bool {
        self.refused == 0 && self.held == 0 && self.cut == 0 && self.passes.is_empty()
    }

    /// What is missing in the numbers, in sentences without a full stop.
    pub fn doubts(&self) -> Vec<String> {
        let said = |names: &[String], one: &str, many: &str| {
            let verb = if names.len() == 1 { one } else { many };
            (!names.is_empty()).then(|| format!("{} {verb}", names.join(", ")))
        };
        let waiting = (self.waiting > 0 && self.to.is_some()).then(|| match self.waiting {
            1 => "1 request still waits for its turn".to_owned(),
            many => format!("{many} requests still wait for their turn"),
        });
        [
            said(&self.awaited, "has not reported since", "have not reported since"),
            waiting,
            said(
                &self.gone,
                "stopped reporting before, and may have refused more",
                "stopped reporting before, and may have refused more",
            ),
            said(
                &self.joined,
                "has joined since it began, and knows nothing of the time before",
                "have joined since it began, and know nothing of the time before",
            ),
            said(&self.untold, "does not say", "do not say"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// The figures alone: `412 refused, 31 held (p50 1.2 s, p99 8.4 s), 1 cut, 1 pass used (Ann: 3)`.
impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused, {} held", self.refused, self.held)?;
        if let (Some(p50), Some(p99)) = (self.held_p50_ms, self.held_p99_ms) {
            write!(f, " (p50 {}, p99 {})", Seconds(p50), Seconds(p99))?;
        }
        write!(f, ", {} cut", self.cut)?;
        if self.passes.is_empty() {
            return f.write_str(", no pass used");
        }
        let uses = self.passes.iter().map(|used| {
            format!("{}: {}", used.bearer.as_deref().unwrap_or(used.pass.as_str()), used.requests)
        });
        let passes = if self.passes.len() == 1 { "pass" } else { "passes" };
        write!(f, ", {} {passes} used ({})", self.passes.len(), uses.collect::<Vec<_>>().join(", "))
    }
}

/// A mirror lets nobody in or out, and workers and jobs answer no visitor.
fn decides(report: &Report) -> bool {
    matches!(report.kind, Kind::Gate | Kind::Web | Kind::Auth)
}

/// Whether one that is there no more had a closing in force.
fn knew(member: &Member) -> bool {
    member.life == Life::Lost || !member.report.closings.is_empty() || !member.report.tallies.is_empty()
}

fn is_untold(member: &Member, window: &WindowId) -> bool {
    let report = &member.report;
    let has = report.tallies.iter().any(|tally| tally.window == *window);
    report.refused.is_none() || report.tallies_left_out > 0 && !has
}

fn passes(tallies: &[Tally], state: &State) -> Vec<PassUse> {
    let mut used: BTreeMap<&PassId, u64> = BTreeMap::new();
    for (pass, requests) in tallies.iter().flat_map(|tally| &tally.passes) {
        let sum = used.entry(pass).or_default();
        *sum = sum.saturating_add(*requests);
    }
    let bearer =
        |id: &PassId| state.passes.iter().find(|pass| pass.id == *id).map(|pass| pass.bearer.clone());
    used.into_iter()
        .map(|(pass, requests)| PassUse { pass: pass.clone(), bearer: bearer(pass), requests })
        .collect()
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds in the unit that fits.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            millis @ ..1_000 => write!(f, "{millis} ms"),
            millis => {
                let tenths = millis.saturating_add(50) / 100;
                write!(f, "{}.{} s", tenths / 10, tenths % 10)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Place;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn tally(window: &Window) -> Tally {
        serde_json::from_value(serde_json::json!({ "window": window.id })).unwrap()
    }

    fn member(name: &str, state: &State, tallies: Vec<Tally>) -> Member {
        let place = Place { host: "elsewhere".into(), boot: "another".into(), pid: 1, started: 1 };
        let report = Report {
            lineage: Some(state.lineage.clone()),
            revision: state.revision,
            refused: Some(100),
            tallies,
            ..Report::new(name, Kind::Web, place)
        };
        Member { report, life: Life::Live }
    }

    /// A window that ann wrote, and the State by which bob ended it at 900 s.
    fn ended() -> (Window, State) {
        let window = Window { by: "ann".into(), ..Window::new(Mode::Hold) };
        let mut state = State { revision: 8, ..State::new() };
        (state.change.by, state.change.at) = ("bob".into(), at(900));
        (window, state)
    }

    fn of(window: &Window, state: &State, members: Vec<Member>) -> Impact {
        Impact::of(&Host::any(), window, Some(at(300)), state, &Roster(members)).unwrap()
    }

    #[test]
    fn the_numbers_of_a_fleet_are_the_sum_of_what_each_one_says() {
        let (window, state) = ended();
        let (mut one, mut other) = (tally(&window), tally(&window));
        (one.refused, one.cut, other.refused) = (400, 1, 12);
        (0..30).for_each(|_| one.waits.add(Duration::from_millis(1_200)));
        other.waits.add(Duration::from_millis(8_400));
        let pass: PassId = "p-1".parse().unwrap();
        one.passes.insert(pass.clone(), 2);
        other.passes.insert(pass.clone(), 1);
        let stranger = Tally { refused: 7, ..tally(&Window::new(Mode::On)) };
        let members = vec![
            member("a", &state, vec![one]),
            member("b", &state, vec![stranger, other]),
            member("c", &state, vec![]),
        ];
        let impact = of(&window, &state, members);
        assert_eq!((impact.refused, impact.held, impact.cut, impact.servers), (412, 31, 1, 3));
        assert_eq!(impact.passes, [PassUse { pass, bearer: None, requests: 3 }]);
        assert_eq!((impact.from, impact.to), (Some(at(300)), Some(at(900))));
        assert_eq!((impact.closed_by.as_str(), impact.reopened_by.as_deref()), ("ann", Some("bob")));
        assert!(impact.is_complete() && impact.doubts().is_empty(), "{impact:?}");
        let line = "412 refused, 31 held (p50 1.2 s, p99 8.4 s), 1 cut, 1 pass used (p-1: 3)";
        assert_eq!(impact.to_string(), line);
        let back: Impact = serde_json::from_str(&serde_json::to_string(&impact).unwrap()).unwrap();
        assert_eq!(back, impact);
    }

    #[test]
    fn who_has_not_said_everything_is_named() {
        let (window, state) = ended();
        let earlier = State { revision: 7, ..state.clone() };
        let mut waits = tally(&window);
        waits.waiting = 2;
        let mut lost = member("lost", &earlier, vec![Tally { refused: 5, ..tally(&window) }]);
        lost.life = Life::Lost;
        let mut dead_before = member("dead-before", &earlier, vec![]);
        dead_before.life = Life::Dead;
        let newcomer = Tally { seen: Seen::Joined, ..tally(&window) };
        let mut old = member("old", &state, vec![]);
        old.report.refused = None;
        let mut full = member("full", &state, vec![]);
        full.report.tallies_left_out = 1;
        let mut mirror = member("mirror", &earlier, vec![]);
        mirror.report.kind = Kind::Mirror;
        let members = vec![
            member("late", &earlier, vec![waits]),
            lost,
            dead_before,
            member("newcomer", &state, vec![newcomer]),
            old,
            full,
            mirror,
        ];
        let impact = of(&window, &state, members);
        assert_eq!(
            (impact.awaited.as_slice(), impact.waiting, impact.held),
            (["late".to_owned()].as_slice(), 2, 2)
        );
        assert_eq!((impact.gone.as_slice(), impact.refused), (["lost".to_owned()].as_slice(), 5));
        assert_eq!(impact.joined, ["newcomer"]);
        assert_eq!(impact.untold, ["full", "old"]);
        assert!(!impact.is_complete());
        assert_eq!(impact.doubts().len(), 5, "{:?}", impact.doubts());
    }

    #[test]
    fn a_window_ends_by_its_own_time_or_by_somebody_and_one_that_never_began_has_done_nothing() {
        let (window, state) = ended();
        let over = window.clone().until(at(600));
        let impact = of(&over, &state, vec![]);
        assert_eq!((impact.to, impact.reopened_by), (Some(at(600)), None));
        let to_come = window.clone().from(at(1_000));
        assert_eq!(Impact::of(&Host::any(), &to_come, None, &state, &Roster::default()), None);
        let (mut before, mut after) = (state.clone(), state.clone());
        before.default.windows = vec![over.clone(), to_come.clone()];
        after.sites.insert("a.example".parse().unwrap(), before.default.clone());
        after.default.windows.clear();
        assert_eq!(super::ended(&before, &state), [(Host::any(), over), (Host::any(), to_come)]);
        assert_eq!(super::ended(&before, &after), [], "they have moved");
        let long_over = window.clone().until(at(900 - 15 * 60));
        assert_eq!(
            Impact::of(&Host::any(), &long_over, None, &state, &Roster::default()),
            None,
            "it is forgotten"
        );
        let so_far = Impact::so_far(&Host::any(), &window, None, &state, &Roster::default());
        assert!(so_far.to.is_none() && !so_far.is_complete());
    }

    #[test]
    fn a_report_of_an_older_program_reads_and_says_that_it_does_not_count() {
        let (window, state) = ended();
        let mut report = serde_json::to_value(member("old", &state, vec![]).report).unwrap();
        for field in ["refused", "running"] {
            report.as_object_mut().unwrap().remove(field).unwrap();
        }
        let report: Report = serde_json::from_value(report).unwrap();
        let impact = of(&window, &state, vec![Member { report, life: Life::Live }]);
        assert_eq!((impact.untold.as_slice(), impact.servers), (["old".to_owned()].as_slice(), 0));
    }
}

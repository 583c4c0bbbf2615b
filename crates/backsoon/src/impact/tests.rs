//! What a closing is said to have done, and who has more to say.

use std::time::Duration;

use super::*;
use crate::document::PassId;
use crate::fleet::{Kind, Life, Member, Place, Report};
use crate::tally::{Seen, Tally};

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

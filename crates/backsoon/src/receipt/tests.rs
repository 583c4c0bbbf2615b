//! Who confirms, who is late, and what a receipt says then.

use super::*;
use crate::document::{Health, Window};
use crate::fleet::{Counts, Kind, Life, Place};
use crate::running::{Cut, Running};
use crate::time::Timestamp;

fn closed(revision: u64) -> State {
    let mut state = State { revision, ..State::new() };
    state.default.windows.push(Window::new(Mode::On));
    state
}

fn report(state: &State, name: &str) -> Report {
    let place = Place { host: "elsewhere".into(), boot: "another".into(), pid: 1, started: 1 };
    Report {
        beat: 1,
        lineage: Some(state.lineage.clone()),
        revision: state.revision,
        closings: [(Host::any(), Mode::On)].into(),
        ..Report::new(name, Kind::Web, place)
    }
}

fn verdict(state: &State, reports: &[Report]) -> (Verdict, Option<Late>) {
    let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
    let receipt = look(state, &expect, reports, &mut Lookout::new());
    (receipt.verdict, receipt.servers.into_iter().find_map(|server| server.late))
}

#[test]
fn nobody_confirms_nothing() {
    assert_eq!(verdict(&closed(3), &[]), (Verdict::NotConfirmed, None));
}

#[test]
fn everyone_confirms_and_a_later_revision_counts() {
    let state = closed(3);
    let later = Report { revision: 4, ..report(&state, "b") };
    assert_eq!(verdict(&state, &[report(&state, "a"), later]), (Verdict::Confirmed, None));
}

#[test]
fn one_who_is_behind_refuses_drains_or_is_less_strict_is_late() {
    let state = closed(3);
    let fine = report(&state, "a");
    let behind = Report { revision: 2, ..report(&state, "b") };
    assert_eq!(verdict(&state, &[fine.clone(), behind.clone()]).1, Some(Late::Behind { revision: 2 }));
    // What is wrong with something else is no reason.
    let remarks = Report { remarks: vec!["a page".into()], ..behind.clone() };
    assert_eq!(verdict(&state, &[fine.clone(), remarks]).1, Some(Late::Behind { revision: 2 }));
    let refuses = Report { troubles: vec!["schema 2".into()], ..behind };
    assert_eq!(
        verdict(&state, &[fine.clone(), refuses]).1,
        Some(Late::Refuses { trouble: "schema 2".into() })
    );
    let shop: Host = "shop.example.com".parse().unwrap();
    let drains = Report { draining: [(shop, 2)].into(), ..report(&state, "b") };
    let late = verdict(&state, &[fine.clone(), drains]).1;
    assert_eq!(late, Some(Late::Draining { requests: 2, oldest: None }));
    let open = Report { closings: BTreeMap::new(), ..report(&state, "b") };
    assert!(matches!(verdict(&state, &[fine, open]).1, Some(Late::LessStrict { mode: Mode::Off, .. })));
}

#[test]
fn a_closing_is_never_confirmed_where_nobody_counts() {
    let state = closed(3);
    let asked = Report { kind: Kind::Auth, counts: Counts::Own, ..report(&state, "asked") };
    let running = Running { method: "GET".into(), path: "/".into(), age_ms: 9 };
    let cut = Cut { site: Host::any(), revision: 3, request: running };
    let forced = Report { cuts: vec![cut], ..report(&state, "a") };
    assert_eq!(verdict(&state, std::slice::from_ref(&forced)).0, Verdict::Forced);
    assert_eq!(verdict(&state, &[forced, asked.clone()]), (Verdict::InForce, None));
    let behind = Report { revision: 2, ..asked.clone() };
    assert_eq!(verdict(&state, &[report(&state, "a"), behind]).0, Verdict::NotConfirmed);
    let open = State { revision: 4, ..State::new() };
    let asked =
        Report { lineage: Some(open.lineage.clone()), revision: 4, closings: BTreeMap::new(), ..asked };
    assert_eq!(verdict(&open, &[asked]), (Verdict::Confirmed, None), "nobody's request ends");
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_has_ended_blocks_since_its_proxy_goes_on() {
    let state = closed(3);
    // Of this machine, with the id of a process that is another one.
    let ended = Place { started: 0, ..Place::here() };
    assert_eq!(ended.lives(), Some(Life::Dead));
    let gate = Report { place: ended.clone(), revision: 2, ..report(&state, "gate") };
    assert_eq!(verdict(&state, &[report(&state, "a"), gate.clone()]), (Verdict::Confirmed, None));
    let mirror = Report { kind: Kind::Mirror, on_lost: fleet::OnLost::Close, ..gate };
    let reports = [report(&state, "a"), mirror];
    assert_eq!(verdict(&state, &reports), (Verdict::NotConfirmed, Some(Late::Behind { revision: 2 })));
    let (expect, mut lookout) = (Expect { sites: vec![Host::any()], ..Expect::default() }, Lookout::new());
    let _ = look(&state, &expect, &reports, &mut lookout);
    tokio::time::advance(Duration::from_secs(60)).await;
    let late = look(&state, &expect, &reports, &mut lookout).servers[1].late.clone();
    assert_eq!(late, Some(Late::Lost { silent_ms: 60_000 }), "and it has closed nothing");
}

#[test]
fn what_a_gate_had_handed_on_when_it_ended_may_run_on() {
    let state = closed(3);
    let place = Place { started: 0, ..Place::here() };
    let oldest = Running { method: "POST".into(), path: "/checkout".into(), age_ms: 9 };
    let gate = Report {
        kind: Kind::Gate,
        place,
        running: 2,
        oldest: [(Host::any(), oldest)].into(),
        ..report(&state, "gate")
    };
    let look = |state: &State, gate: &Report| {
        let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
        look(state, &expect, &[report(state, "a"), gate.clone()], &mut Lookout::new())
    };
    let receipt = look(&state, &gate);
    assert_eq!((receipt.verdict, receipt.servers.len()), (Verdict::Forced, 1));
    assert_eq!(
        receipt.ended[0].to_string(),
        "has ended without a farewell; 0 s ago it had 2 requests, POST /checkout among them; what it had handed on may still run"
    );
    let clock = Timestamp::now() - Duration::from_secs(15 * 60);
    assert_eq!(look(&state, &Report { clock, ..gate.clone() }).verdict, Verdict::Confirmed, "long ago");
    let web = Report { kind: Kind::Web, ..gate.clone() };
    assert_eq!(look(&state, &web).verdict, Verdict::Confirmed, "its requests have ended with it");
    let open = State { revision: 4, lineage: state.lineage.clone(), ..State::new() };
    assert_eq!(look(&open, &gate).verdict, Verdict::Confirmed, "a reopening waits for nobody's request");
}

#[test]
fn a_cut_counts_for_later_closings_too_while_the_site_has_not_been_open() {
    let mut state = closed(4);
    let running = Running { method: "POST".into(), path: "/".into(), age_ms: 9 };
    let cut = Cut { site: Host::any(), revision: 3, request: running };
    let cuts = Report { cuts: vec![cut], ..report(&state, "a") };
    assert_eq!(verdict(&state, std::slice::from_ref(&cuts)).0, Verdict::Forced);
    state.default.windows.clear();
    assert_eq!(verdict(&state, &[cuts]).0, Verdict::Confirmed, "a reopening has cut nobody");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_there_and_silent_is_lost() {
    let state = closed(3);
    let stopped = Report { place: Place::here(), revision: 2, ..report(&state, "stopped") };
    let mut lookout = Lookout::new();
    let reports = [stopped];
    let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
    assert_eq!(
        look(&state, &expect, &reports, &mut lookout).servers[0].late,
        Some(Late::Behind { revision: 2 })
    );
    assert_eq!(lookout.life(&reports[0]), Life::Live);
    tokio::time::advance(Duration::from_secs(11)).await;
    let late = look(&state, &expect, &reports, &mut lookout).servers[0].late.clone();
    assert_eq!((late, lookout.life(&reports[0])), (Some(Late::Lost { silent_ms: 11_000 }), Life::Lost));
}

#[tokio::test(start_paused = true)]
async fn a_beat_that_stops_is_lost_and_blocks_unless_that_is_accepted() {
    let state = closed(3);
    let reports = [report(&state, "a"), Report { revision: 2, ..report(&state, "b") }];
    let mut lookout = Lookout::new();
    let mut expect = Expect { sites: vec![Host::any()], ..Expect::default() };
    let _ = look(&state, &expect, &reports, &mut lookout);
    tokio::time::advance(Duration::from_secs(11)).await;
    let receipt = look(&state, &expect, &reports, &mut lookout);
    assert_eq!(receipt.verdict, Verdict::NotConfirmed);
    assert_eq!(receipt.servers[1].late, Some(Late::Lost { silent_ms: 11_000 }));
    expect.lost = Lost::Accepted;
    assert_eq!(look(&state, &expect, &reports, &mut lookout).verdict, Verdict::Confirmed);
    expect.instances = 2;
    assert_eq!(look(&state, &expect, &reports, &mut lookout).verdict, Verdict::NotConfirmed);
}

#[test]
fn a_window_to_come_is_scheduled_and_never_confirmed() {
    let mut state = closed(3);
    state.default.windows[0].start = Some(Timestamp::now() + Duration::from_secs(600));
    let open = Report { closings: BTreeMap::new(), ..report(&state, "a") };
    assert_eq!(verdict(&state, &[open]), (Verdict::Scheduled, None));
}

#[test]
fn one_that_is_less_strict_and_says_why_is_quoted() {
    let state = closed(3);
    let open = Report { closings: BTreeMap::new(), ..report(&state, "b") };
    assert!(matches!(verdict(&state, std::slice::from_ref(&open)).1, Some(Late::LessStrict { .. })));
    let why = "its file cannot tell the sites apart";
    let says = Report { troubles: vec![why.into()], ..open };
    assert_eq!(
        verdict(&state, &[says]),
        (Verdict::NotConfirmed, Some(Late::Refuses { trouble: why.into() }))
    );
}

#[test]
fn one_that_a_later_revision_has_opened_confirms_nothing_however_empty_it_is() {
    let state = closed(3);
    let opened = Report { revision: 4, closings: BTreeMap::new(), ..report(&state, "b") };
    let late = Late::Overtaken { host: Host::any(), mode: Mode::Off, revision: 4 };
    assert_eq!(verdict(&state, &[report(&state, "a"), opened]), (Verdict::NotConfirmed, Some(late)));
}

#[test]
fn a_closing_whose_time_is_over_is_not_confirmed_any_more() {
    let asked = Timestamp::now();
    let mut state = closed(3);
    state.default.windows[0].end = Some(asked + Duration::from_millis(1));
    let open = Report { closings: BTreeMap::new(), ..report(&state, "a") };
    std::thread::sleep(Duration::from_millis(3));
    let look = |asked| {
        let expect = Expect { sites: vec![Host::any()], asked, ..Expect::default() };
        look(&state, &expect, std::slice::from_ref(&open), &mut Lookout::new())
    };
    let receipt = look(Some(asked));
    assert_eq!(
        (receipt.verdict, &receipt.servers[0].late),
        (Verdict::NotConfirmed, &Some(Late::Over { host: Host::any() }))
    );
    assert_eq!(
        look(None).verdict,
        Verdict::Confirmed,
        "whoever asks how it stands now learns that all is open"
    );
}

#[tokio::test]
async fn nobody_waits_for_a_closing_that_somebody_has_ended() {
    let control = Control::new(std::sync::Arc::new(store::MemoryStore::new()), "ann");
    let window = Window::new(Mode::On);
    let state = control.begin(&Host::any(), window.clone()).await.unwrap().state().clone();
    let after = control.end(&window.id).await.unwrap().state().clone();
    let opened = Report { closings: BTreeMap::new(), ..report(&after, "a") };
    let bytes = serde_json::to_vec(&opened).unwrap();
    control.store().put("roster/a", bytes.into(), store::PutMode::Overwrite).await.unwrap();
    let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
    let wait = control.wait(&state, &expect, Duration::from_secs(600), |_| {});
    let receipt = tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it is in vain").unwrap();
    assert_eq!(receipt.verdict, Verdict::NotConfirmed);
}

#[tokio::test]
async fn who_cannot_be_read_blocks_and_can_be_lost() {
    let control = Control::new(std::sync::Arc::new(store::MemoryStore::new()), "ann");
    let state = control.begin(&Host::any(), Window::new(Mode::On)).await.unwrap().state().clone();
    let fine = serde_json::to_vec(&report(&state, "a")).unwrap();
    control.store().put("roster/a", fine.into(), store::PutMode::Overwrite).await.unwrap();
    control.store().put("roster/b", "{\"kind\":\"oracle\"}".into(), store::PutMode::Overwrite).await.unwrap();
    let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
    let receipt = control.receipt(&state, &expect, &mut Lookout::new()).await.unwrap();
    let late =
        receipt.servers.iter().find(|server| server.name == "b").and_then(|server| server.late.clone());
    assert_eq!(receipt.verdict, Verdict::NotConfirmed);
    assert!(matches!(late, Some(Late::Refuses { trouble }) if trouble.contains("cannot be read")));
}

#[test]
fn it_says_what_is_let_in_and_not_what_might_be() {
    let state = closed(3);
    let admits = |reports: &[Report]| {
        let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
        look(&state, &expect, reports, &mut Lookout::new()).admits
    };
    let usual = ["health paths", "robots.txt"];
    assert_eq!(admits(&[]), usual);
    let shut = Report { health: Health::Off, ..report(&state, "shut") };
    let mirror = Report { ignores: usual.map(str::to_owned).into(), ..report(&state, "mirror") };
    assert_eq!(admits(&[shut.clone(), mirror.clone()]), [""; 0]);
    assert_eq!(admits(&[shut, mirror, report(&state, "a")]), usual);
    let old = serde_json::to_value(report(&state, "a")).unwrap();
    assert_eq!(
        (old.get("health"), serde_json::from_value::<Report>(old.clone()).unwrap().health),
        (None, Health::On)
    );
}

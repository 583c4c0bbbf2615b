//! What closings do to visitors is counted by each instance, told in its report, and added up for the fleet.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use backsoon::control::Outcome;
use backsoon::decide::Local;
use backsoon::document::{Hold, WindowId};
use backsoon::fleet::Report;
use backsoon::impact::{self, Impact};
use backsoon::join::Options;
use backsoon::pass::Invitation;
use backsoon::request::NO_HEADERS;
use backsoon::rules::Rule;
use backsoon::store::Store;
use backsoon::tally::{Seen, Tally};
use backsoon::time::Timestamp;
use backsoon::{Admission, Control, Host, Instance, Marks, Mode, Permit, Request, State, Window};
use support::{Mood, Moody, below, eventually};

const PATIENCE: Duration = Duration::from_secs(20);

async fn join(store: &Arc<Moody>, name: &str) -> Arc<Instance> {
    let mut options = Options::default();
    options.name = Some(name.into());
    Instance::join(Arc::clone(store) as Arc<dyn Store>, options).await
}

fn control(store: &Arc<Moody>) -> Control {
    Control::new(Arc::clone(store) as Arc<dyn Store>, "ann")
}

fn written(outcome: Outcome) -> State {
    match outcome {
        Outcome::Written(state) => state,
        Outcome::Unchanged(state) => panic!("nothing was written: {state:?}"),
    }
}

async fn get(instance: &Instance, path: &str) -> Admission {
    instance.admit(&Request::new("GET", "shop.example", path, &NO_HEADERS)).await
}

async fn refused(instance: &Instance, times: usize) {
    for _ in 0..times {
        assert!(matches!(get(instance, "/").await, Admission::Refused(..)));
    }
}

fn permit(admission: Admission) -> Permit {
    match admission {
        Admission::Admitted(permit) => permit,
        Admission::Refused(_, cause) => panic!("refused: {cause:?}"),
    }
}

/// Puts `windows` in force at an instance without a store, in place of those before.
fn put(instance: &Instance, state: &mut State, windows: &[&Window]) {
    state.revision += 1;
    state.default.windows = windows.iter().map(|window| (*window).clone()).collect();
    let _ = instance.apply(state, Timestamp::now());
}

fn tally(instance: &Instance, window: &Window) -> Option<Tally> {
    instance.tallies().0.into_iter().find(|tally| tally.window == window.id)
}

fn alone() -> (Arc<Instance>, State) {
    (Instance::new(Local::default(), Marks::new()), State::new())
}

#[tokio::test]
async fn two_servers_add_up_and_the_impact_says_exactly_what_was_done() {
    let store = Moody::new();
    let (a, b) = (join(&store, "a").await, join(&store, "b").await);
    let control = control(&store);
    let invitation = Invitation::new("Ann", Host::any(), "ann", Timestamp::now(), PATIENCE * 100).unwrap();
    control.invite(&invitation).await.unwrap();
    let window = Window {
        by: "ann".into(),
        hold: Hold { max_wait_ms: 60_000, max_held: 3, release_per_s: None },
        ..Window::new(Mode::Hold).cut_after(Duration::from_millis(10))
    };
    let endless = permit(get(&a, "/export").await);
    let cut = tokio::spawn(async move { endless.cut().await });
    control.begin(&Host::any(), window.clone()).await.unwrap();
    for instance in [&a, &b] {
        instance.closed().await;
    }
    cut.await.unwrap();

    let waiting: Vec<_> = [&a, &a, &a, &b]
        .map(|instance| {
            let instance = Arc::clone(instance);
            tokio::spawn(async move { get(&instance, "/").await })
        })
        .into();
    eventually("four wait", async || (a.held(), b.held()) == (3, 1)).await;
    // As many wait as may.
    refused(&a, 5).await;
    let link = invitation.link.path();
    let Admission::Refused(reply, _) = get(&b, &link).await else { panic!("a link is answered") };
    let cookie = reply.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let headers = [("cookie", cookie)];
    for _ in 0..2 {
        drop(permit(b.admit(&Request::new("GET", "shop.example", "/", &headers)).await));
    }
    tokio::time::sleep(Duration::from_millis(100)).await;

    let state = written(control.end(&window.id).await.unwrap());
    for held in waiting {
        drop(permit(held.await.unwrap()));
    }
    let ended = [(Host::any(), window.clone())];
    let impacts = impact::gather(&control, &ended, &state, PATIENCE).await.unwrap();
    let [impact] = impacts.as_slice() else { panic!("{impacts:?}") };
    assert!(impact.is_complete() && impact.doubts().is_empty(), "{impact:?}");
    assert_eq!((impact.refused, impact.held, impact.cut, impact.servers), (5, 4, 1, 2));
    assert!((100..60_000).contains(&impact.held_p50_ms.unwrap()), "{impact:?}");
    assert!(impact.held_p99_ms >= impact.held_p50_ms);
    let used: Vec<_> =
        impact.passes.iter().map(|used| (&used.pass, used.bearer.as_deref(), used.requests)).collect();
    assert_eq!(used, [(&invitation.pass.id, Some("Ann"), 2)]);
    let begun = control.at(state.revision - 1).await.unwrap();
    assert_eq!((impact.from, impact.to), (Some(begun.change.at), Some(state.change.at)));
    assert_eq!((impact.closed_by.as_str(), impact.reopened_by.as_deref()), ("ann", Some("ann")));
    assert_eq!((a.refused(), b.refused()), (5, 0), "the answer to a link refuses nothing");

    impact::file(&*store.inner, impact).await.unwrap();
    let other = Impact { refused: 6, ..impact.clone() };
    impact::file(&*store.inner, &other).await.unwrap();
    let kept = impact::filed(&*store.inner, &window.id, impact.revision).await.unwrap();
    assert_eq!(kept.as_ref(), Some(impact), "the first stays");
    let unknown: WindowId = "w-other".parse().unwrap();
    let so_far = Impact { window: unknown.clone(), waiting: 1, ..impact.clone() };
    impact::file(&*store.inner, &so_far).await.unwrap();
    assert_eq!(
        impact::filed(&*store.inner, &unknown, impact.revision).await.unwrap(),
        None,
        "it was not complete"
    );
}

#[tokio::test]
async fn a_server_that_has_not_heard_of_the_end_is_waited_for_and_then_named() {
    let store = Moody::new();
    let slow = Moody::around(Arc::clone(&store.inner));
    let (a, b) = (join(&store, "a").await, join(&slow, "b").await);
    let control = control(&store);
    let window = Window::new(Mode::On);
    control.begin(&Host::any(), window.clone()).await.unwrap();
    for instance in [&a, &b] {
        instance.closed().await;
        refused(instance, 2).await;
    }
    let reported = |report: &Report| report.tallies.iter().any(|tally| tally.refused == 2);
    eventually("b has reported its refusals", async || {
        let entry = store.inner.get("roster/b").await.unwrap().unwrap();
        reported(&serde_json::from_slice(&entry.value).unwrap())
    })
    .await;
    slow.feel(Mood::Away);
    refused(&b, 1).await;
    let state = written(control.end(&window.id).await.unwrap());
    let ended = [(Host::any(), window)];
    let brief = Duration::from_millis(100);
    let so_far = impact::gather(&control, &ended, &state, brief).await.unwrap().remove(0);
    assert_eq!((so_far.refused, so_far.awaited.as_slice()), (4, ["b".to_owned()].as_slice()));
    assert!(!so_far.is_complete());
    slow.feel(Mood::Fine);
    let all = impact::gather(&control, &ended, &state, PATIENCE).await.unwrap().remove(0);
    assert_eq!((all.refused, all.is_complete()), (5, true), "{all:?}");
}

#[tokio::test]
async fn who_joins_during_a_closing_says_that_it_knows_nothing_of_the_time_before() {
    let store = Moody::new();
    let a = join(&store, "a").await;
    let control = control(&store);
    let (first, second) = (Window::new(Mode::On), Window::new(Mode::On));
    control.begin(&Host::any(), first.clone()).await.unwrap();
    a.closed().await;
    let newcomer = join(&store, "newcomer").await;
    let state = written(control.begin(&"shop.example".parse().unwrap(), second.clone()).await.unwrap());
    eventually("both have it", async || {
        [&a, &newcomer].iter().all(|one| one.state().is_some_and(|held| held.revision == state.revision))
    })
    .await;
    refused(&newcomer, 1).await;
    let seen = |instance: &Instance, window| tally(instance, window).map(|tally| tally.seen);
    assert_eq!(seen(&newcomer, &first), Some(Seen::Joined));
    assert_eq!(seen(&a, &first), None, "there is nothing to tell");
    refused(&a, 1).await;
    let state = written(control.end(&first.id).await.unwrap());
    let ended = [(Host::any(), first)];
    let impact = impact::gather(&control, &ended, &state, PATIENCE).await.unwrap().remove(0);
    assert_eq!(impact.joined, ["newcomer"]);
    assert!(impact.doubts()[0].starts_with("newcomer has joined since"), "{:?}", impact.doubts());
}

#[tokio::test]
async fn a_request_counts_for_the_window_that_decided_and_what_rules_refuse_for_none() {
    let (instance, mut state) = alone();
    let (mild, strict) = (Window::new(Mode::ReadOnly), Window::new(Mode::On));
    let rule = Rule::closed("closed", below("/admin"));
    state.default.rules = Some([rule].into());
    put(&instance, &mut state, &[&mild]);
    refused_post(&instance).await;
    assert!(matches!(get(&instance, "/admin").await, Admission::Refused(..)));
    put(&instance, &mut state, &[&mild, &strict]);
    refused(&instance, 3).await;
    put(&instance, &mut state, &[&mild]);
    refused_post(&instance).await;
    let counted = |window| tally(&instance, window).map(|tally| tally.refused);
    assert_eq!((counted(&mild), counted(&strict)), (Some(2), Some(3)));
    assert_eq!(instance.refused(), 6, "the rule's one among them");
}

#[tokio::test]
async fn a_window_that_is_brought_back_counts_from_nothing() {
    let (instance, mut state) = alone();
    let window = Window::new(Mode::On);
    put(&instance, &mut state, &[&window]);
    refused(&instance, 3).await;
    put(&instance, &mut state, &[]);
    assert_eq!(tally(&instance, &window).unwrap().refused, 3, "it is told after its end");
    put(&instance, &mut state, &[&window]);
    refused(&instance, 2).await;
    assert_eq!(tally(&instance, &window).unwrap().refused, 2);
}

async fn refused_post(instance: &Instance) {
    let answer = instance.admit(&Request::new("POST", "shop.example", "/", &NO_HEADERS)).await;
    assert!(matches!(answer, Admission::Refused(..)));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_in_vain_was_held_and_refused() {
    let (instance, mut state) = alone();
    let hold = Hold { max_wait_ms: 20, ..Hold::default() };
    let window = Window { hold, ..Window::new(Mode::Hold) };
    put(&instance, &mut state, &[&window]);
    refused(&instance, 2).await;
    let tally = tally(&instance, &window).unwrap();
    assert_eq!((tally.refused, tally.waiting, tally.waits.count()), (2, 0, 2));
    assert_eq!(tally.waits.quantile(50), Some(Duration::from_millis(20)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_was_held_and_who_still_waits_is_said() {
    let (instance, mut state) = alone();
    let window = Window::new(Mode::Hold);
    put(&instance, &mut state, &[&window]);
    let held = |instance: &Arc<Instance>| {
        let instance = Arc::clone(instance);
        tokio::spawn(async move { get(&instance, "/").await })
    };
    let (leaves, _stays) = (held(&instance), held(&instance));
    tokio::time::sleep(Duration::from_secs(3)).await;
    leaves.abort();
    assert!(leaves.await.unwrap_err().is_cancelled());
    let tally = tally(&instance, &window).unwrap();
    assert_eq!((tally.waiting, tally.waits.count(), tally.refused), (1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_report_tells_of_the_newest_64_closings_for_15_minutes_and_says_how_many_more_there_are() {
    let (instance, mut state) = alone();
    let windows: Vec<Window> = (0..66).map(|_| Window::new(Mode::On)).collect();
    for window in &windows {
        put(&instance, &mut state, &[window]);
        refused(&instance, 1).await;
        tokio::time::advance(Duration::from_millis(10)).await;
        put(&instance, &mut state, &[]);
        tokio::time::advance(Duration::from_millis(10)).await;
    }
    let (told, left_out) = instance.tallies();
    let newest: Vec<&WindowId> = windows[2..].iter().rev().map(|window| &window.id).collect();
    assert_eq!(told.iter().map(|tally| &tally.window).collect::<Vec<_>>(), newest);
    assert_eq!(left_out, 2);

    let last = windows.last().unwrap();
    put(&instance, &mut state, &[last]);
    tokio::time::advance(Duration::from_secs(14 * 60)).await;
    put(&instance, &mut state, &[]);
    assert_eq!(instance.tallies().0.len(), 64);
    tokio::time::advance(Duration::from_secs(2 * 60)).await;
    let (told, left_out) = instance.tallies();
    assert_eq!((told.len(), &told[0].window, left_out), (1, &last.id, 0), "the last one has ended lately");
    tokio::time::advance(Duration::from_secs(14 * 60)).await;
    assert_eq!(instance.tallies(), (Vec::new(), 0));
}

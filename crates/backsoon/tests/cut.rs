//! What still runs is named, and ended when a window says so; a lost instance closes itself if it was told to; jobs count.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http;
use backsoon::control::Outcome;
use backsoon::document::{Health, Host, Mode, Window};
use backsoon::fleet::{Life, Lookout, OnLost, Roster};
use backsoon::instance::JobRefused;
use backsoon::join::Options;
use backsoon::receipt::{Expect, Late, Lost, Receipt, Verdict};
use backsoon::request::NO_HEADERS;
use backsoon::store::Store;
use backsoon::{Admission, Control, Instance, MaintenanceLayer, Request, State};
use http_body_util::{BodyExt, StreamBody};
use support::{Mood, Moody, eventually};
use tower::{Layer, Service, service_fn};

const PATIENCE: Duration = Duration::from_secs(20);

async fn join(store: &Arc<Moody>, name: &str, with: impl FnOnce(&mut Options)) -> Arc<Instance> {
    let mut options = Options::default();
    options.name = Some(name.into());
    with(&mut options);
    Instance::join(Arc::clone(store) as Arc<dyn Store>, options).await
}

fn control(store: &Arc<Moody>) -> Control {
    Control::new(Arc::clone(store) as Arc<dyn Store>, "ann")
}

async fn close(control: &Control, window: Window) -> State {
    match control.begin(&Host::any(), window).await.unwrap() {
        Outcome::Written(state) | Outcome::Unchanged(state) => state,
    }
}

async fn receipt(control: &Control, state: &State, patience: Duration) -> Receipt {
    let expect = Expect { sites: vec![Host::any()], ..Expect::default() };
    control.wait(state, &expect, patience, |_| {}).await.unwrap()
}

/// Says the first half of its body and then nothing more, ever; to `/silent` it does not even answer.
async fn endless(request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
    if request.uri().path() == "/silent" {
        std::future::pending::<()>().await;
    }
    let first =
        futures_util::stream::iter([Ok::<_, Infallible>(http_body::Frame::data(Bytes::from("half")))]);
    let stream = futures_util::StreamExt::chain(first, futures_util::stream::pending());
    Ok(http::Response::new(Body::new(StreamBody::new(stream))))
}

fn get(path: &str) -> http::Request<Body> {
    http::Request::get(path).header("host", "shop.example").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_layer_that_cuts_ends_answers_and_bodies_and_the_receipt_is_forced_and_names_them() {
    let store = Moody::new();
    let instance = join(&store, "web-1", |_| {}).await;
    let mut app = MaintenanceLayer::new(Arc::clone(&instance)).cut_short().layer(service_fn(endless));
    let silent = tokio::spawn(app.call(get("/silent")));
    let mut speaks = app.call(get("/checkout?card=secret")).await.unwrap().into_body();
    assert_eq!(speaks.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
    let body = tokio::spawn(async move { speaks.frame().await.unwrap() });

    let control = control(&store);
    let state = close(&control, Window::new(Mode::On).cut_after(Duration::from_millis(500))).await;
    let early = receipt(&control, &state, Duration::from_millis(100)).await;
    assert_eq!(early.verdict, Verdict::NotConfirmed);
    let late = early.servers[0].late.clone().unwrap();
    assert!(
        late.to_string().starts_with("2 earlier requests still run, the oldest GET /silent for 0 s"),
        "{late}"
    );

    let forced = receipt(&control, &state, PATIENCE).await;
    assert_eq!(forced.verdict, Verdict::Forced);
    let mut cut: Vec<_> =
        forced.cut.iter().map(|cut| (cut.server.as_str(), cut.request.path.as_str())).collect();
    cut.sort_unstable();
    assert_eq!(cut, [("web-1", "/checkout"), ("web-1", "/silent")], "and the query is a secret");
    assert!(forced.cut.iter().all(|cut| cut.request.age_ms >= 500));
    assert_eq!(silent.await.unwrap().unwrap().status(), 503, "nothing was said yet, so the page can be");
    let error = body.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("cut short"), "a body that ended could be taken for a whole one");

    // Nobody knows when the work on them stops: it is in the way of whatever else is to rest on this closing.
    let again = close(&control, Window::new(Mode::On)).await;
    let later = receipt(&control, &again, PATIENCE).await;
    assert_eq!((later.verdict, later.cut.len()), (Verdict::Forced, 2));
    let open = control
        .update("off", |state| {
            state.default.windows.clear();
            Ok::<_, String>(())
        })
        .await
        .unwrap();
    assert_eq!(receipt(&control, open.state(), PATIENCE).await.verdict, Verdict::Confirmed);
    eventually("it forgets them", async || instance.cuts() == (Vec::new(), 2)).await;
    let anew = close(&control, Window::new(Mode::On)).await;
    assert_eq!(receipt(&control, &anew, PATIENCE).await.verdict, Verdict::Confirmed);
}

#[tokio::test]
async fn an_application_is_not_cut_unless_it_said_that_it_can_bear_it() {
    let store = Moody::new();
    let instance = join(&store, "web-1", |_| {}).await;
    let mut app = MaintenanceLayer::new(instance).layer(service_fn(endless));
    let response = app.call(get("/export")).await.unwrap();
    let control = control(&store);
    let state = close(&control, Window::new(Mode::On).cut_after(Duration::from_millis(50))).await;
    let waited = receipt(&control, &state, Duration::from_millis(700)).await;
    assert_eq!((waited.verdict, waited.cut.len()), (Verdict::NotConfirmed, 0));
    drop(response);
    let clean = receipt(&control, &state, PATIENCE).await;
    assert_eq!(clean.verdict, Verdict::Confirmed, "it ended by itself");
}

#[tokio::test]
async fn a_deadline_runs_from_when_it_was_stated_and_another_change_does_not_put_it_off() {
    let store = Moody::new();
    let instance = join(&store, "web-1", |_| {}).await;
    let Admission::Admitted(permit) = instance.admit(&Request::new("GET", "a", "/", &NO_HEADERS)).await
    else {
        panic!("it is open")
    };
    let control = control(&store);
    close(&control, Window::new(Mode::On)).await;
    instance.closed().await;
    assert!(
        tokio::time::timeout(Duration::from_millis(100), permit.cut()).await.is_err(),
        "nobody asked for it"
    );
    let running = tokio::spawn(async move { permit.cut().await });
    close(&control, Window::new(Mode::On).cut_after(Duration::from_millis(300))).await;
    // Two seconds of changes: were each of them to put the deadline off, it would come after the last.
    for message in 0..20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        close(&control, Window::new(Mode::On).message(message.to_string())).await;
    }
    tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap();
    let state = control.read().await.unwrap().unwrap();
    assert!(instance.cuts().0[0].revision < state.revision, "it was cut while changes went on");
}

#[tokio::test]
async fn a_receipt_names_what_is_let_in_all_the_same() {
    let store = Moody::new();
    let own = backsoon::Rule::open("metrics", support::below("/metrics"));
    let shop = backsoon::Rule::closed("shop", support::below("/shop"));
    let _instance = join(&store, "web-1", |options| {
        options.local.rules = [own, shop].into();
        options.marks.open("/hooks/{id}");
    })
    .await;
    let control = control(&store);
    let rule = backsoon::Rule::open("office", support::below("/office"));
    control
        .update("a rule", |state| {
            state.default.rules = Some([rule.clone()].into());
            Ok::<_, String>(())
        })
        .await
        .unwrap();
    let state = close(&control, Window::new(Mode::On)).await;
    let found = receipt(&control, &state, PATIENCE).await;
    assert_eq!(found.admits, ["office", "health paths", "robots.txt"]);
    assert_eq!(found.servers[0].admits, ["metrics", "/hooks/{id}"]);
    assert_eq!(found.servers[0].refuses, ["shop"]);
    control
        .update("no health", |state| {
            (state.default.health, state.default.rules) = (Some(Health::Off), None);
            Ok::<_, String>(())
        })
        .await
        .unwrap();
    let state = control.read().await.unwrap().unwrap();
    assert_eq!(receipt(&control, &state, PATIENCE).await.admits, ["robots.txt"]);
}

#[tokio::test]
async fn a_lost_instance_that_was_told_to_closes_itself_and_opens_again_when_it_is_heard() {
    let store = Moody::new();
    let lease = Duration::from_millis(400);
    let instance = join(&store, "web-1", |options| {
        (options.on_lost, options.lease) = (OnLost::Close, lease);
        (options.beat, options.poll) = (Duration::from_millis(50), Duration::from_millis(50));
    })
    .await;
    let request = Request::new("GET", "a", "/", &NO_HEADERS);
    let admits = || matches!(instance.try_admit(&request), Some(Admission::Admitted(_)));
    assert!(admits(), "it has reported");
    let mut keeps = join(&store, "web-2", |options| options.lease = lease).await;
    store.feel(Mood::Away);
    eventually("it closes itself", async || !admits()).await;
    assert_eq!((instance.mode("*"), instance.is_fenced()), (Mode::On, true));
    assert!(matches!(instance.admit_job("*", "import"), Err(JobRefused::Unlisted)));
    assert!(matches!(keeps.try_admit(&request), Some(Admission::Admitted(_))), "others go on as before");
    keeps = join(&store, "web-3", |options| options.on_lost = OnLost::Close).await;
    assert_eq!(keeps.mode("*"), Mode::On, "whoever was never heard of does not serve");
    store.feel(Mood::Fine);
    eventually("it is heard of again", async || admits()).await;
    eventually("and so is the other", async || keeps.mode("*") == Mode::Off).await;
}

#[tokio::test]
async fn whoever_can_report_but_not_read_closes_too_for_it_may_have_missed_a_closing() {
    let store = Moody::new();
    let instance = join(&store, "web-1", |options| {
        (options.on_lost, options.lease) = (OnLost::Close, Duration::from_millis(400));
        (options.beat, options.poll) = (Duration::from_millis(50), Duration::from_millis(50));
    })
    .await;
    assert_eq!(instance.mode("*"), Mode::Off);
    store.feel(Mood::NoReads);
    eventually("it closes itself", async || instance.is_fenced()).await;
    let beat = instance.report().unwrap().beat;
    eventually("it goes on reporting", async || instance.report().unwrap().beat > beat + 3).await;
    assert!(instance.is_fenced(), "a report alone opens nothing");
    store.feel(Mood::Fine);
    eventually("it has read the State", async || !instance.is_fenced()).await;
}

#[tokio::test(start_paused = true)]
async fn a_fenced_instance_blocks_a_receipt_and_is_named_as_what_it_is() {
    let store = Moody::new();
    let instance = join(&store, "web-1", |options| options.on_lost = OnLost::Close).await;
    let mut report = instance.report().unwrap();
    (report.name, report.place.boot) = ("far-1".into(), "another boot".into());
    let bytes = serde_json::to_vec(&report).unwrap();
    store.put("roster/far-1", bytes.into(), backsoon::store::PutMode::Overwrite).await.unwrap();
    let control = control(&store);
    let state = close(&control, Window::new(Mode::On)).await;
    let mut lookout = Lookout::new();
    let mut life = async || {
        let roster = Roster::look(&*store, &mut lookout).await.unwrap();
        roster.0.iter().find(|member| member.report.name == "far-1").unwrap().life
    };
    assert_eq!(life().await, Life::Unheard);
    tokio::time::advance(Duration::from_millis(11_500)).await;
    assert_eq!(life().await, Life::Lost, "its lease is 10 s, and the margin is not over");
    tokio::time::advance(Duration::from_millis(500)).await;
    assert_eq!(life().await, Life::Fenced);
    let mut expect = Expect { sites: vec![Host::any()], ..Expect::default() };
    let found = control.wait(&state, &expect, Duration::from_secs(15), |_| {}).await.unwrap();
    let far =
        |receipt: &Receipt| receipt.servers.iter().find(|server| server.name == "far-1").unwrap().clone();
    assert_eq!(found.verdict, Verdict::NotConfirmed, "it has closed, but its earlier requests may run");
    assert!(matches!(far(&found).late, Some(Late::Fenced { .. })), "{:?}", far(&found).late);
    expect.lost = Lost::Accepted;
    let found = control.wait(&state, &expect, Duration::from_secs(15), |_| {}).await.unwrap();
    assert_eq!(found.verdict, Verdict::Confirmed);
}

#[tokio::test]
async fn a_closing_waits_for_a_job_and_none_starts_in_any_mode_but_off() {
    let store = Moody::new();
    let instance = join(&store, "worker-1", |_| {}).await;
    let job = instance.admit_job("*", "nightly-import").unwrap();
    let control = control(&store);
    let window = Window::new(Mode::ReadOnly);
    let state = close(&control, window.clone()).await;
    let waiting = receipt(&control, &state, Duration::from_millis(200)).await;
    let late = waiting.servers[0].late.clone().unwrap().to_string();
    assert!(late.starts_with("1 earlier request still runs, JOB nightly-import for"), "{late}");
    let refused = instance.admit_job("*", "another").unwrap_err();
    assert_eq!(refused.to_string(), format!("* is read-only (window {})", window.id));
    drop(job);
    assert_eq!(receipt(&control, &state, PATIENCE).await.verdict, Verdict::Confirmed);
    control.end(&window.id).await.unwrap();
    eventually("it is open again", async || instance.admit_job("*", "another").is_ok()).await;
}

#[tokio::test]
async fn where_nobody_can_wait_a_hold_refuses_and_the_report_says_so() {
    let store = Moody::new();
    let instance =
        join(&store, "wsgi-1", |options| options.holding = backsoon::fleet::Holding::Refuses).await;
    close(&control(&store), Window::new(Mode::Hold)).await;
    instance.closed().await;
    let request = Request::new("GET", "a", "/", &NO_HEADERS);
    let admission = tokio::time::timeout(PATIENCE, instance.admit(&request)).await.unwrap();
    assert!(matches!(admission, Admission::Refused(reply, _) if reply.status == 503));
    assert_eq!(instance.report().unwrap().holding, backsoon::fleet::Holding::Refuses);
}

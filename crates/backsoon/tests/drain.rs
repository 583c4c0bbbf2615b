//! Drained is a promise: who was admitted before the closing is counted until its last byte, and nobody else is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http;
use backsoon::decide::Local;
use backsoon::document::{Host, Lineage, Mode, Page, Site, State, Window};
use backsoon::instance::Applied;
use backsoon::request::{Headers, NO_HEADERS, UserKind};
use backsoon::rules::{Condition, PathPattern, Rule, TrustedProxies};
use backsoon::time::Timestamp;
use backsoon::{Admission, Instance, MaintenanceLayer, Marks, Permit, Request, User};
use http_body_util::BodyExt;
use tokio::sync::oneshot;
use tower::{Layer, ServiceExt, service_fn};

/// An instance and the document that it holds.
struct Switch {
    instance: Arc<Instance>,
    state: State,
}

impl Switch {
    fn new() -> Self {
        let state = State { lineage: Lineage::random(), ..State::new() };
        Self { instance: Instance::new(Local::default(), Marks::new()), state }
    }

    /// One that has to read a header field before it can decide.
    fn that_reads_headers() -> Self {
        let rule = Rule::closed(
            "spammers",
            Condition { network: vec!["192.0.2.0/24".parse().unwrap()], ..Condition::default() },
        );
        let proxies = Arc::new(TrustedProxies(vec!["10.0.0.0/8".parse().unwrap()]));
        let local = Local { rules: [rule].into(), proxies, ..Local::default() };
        Self { instance: Instance::new(local, Marks::new()), ..Self::new() }
    }

    fn change(&mut self, edit: impl FnOnce(&mut State)) {
        edit(&mut self.state);
        self.state.revision += 1;
        assert_eq!(self.instance.apply(&self.state, Timestamp::now()), Applied::Now);
    }

    fn close(&mut self, host: &str) {
        self.close_by(host, Mode::On);
    }

    fn close_by(&mut self, host: &str, mode: Mode) {
        self.change(|state| state.site_mut(&host.parse().unwrap()).windows = vec![Window::new(mode)]);
    }

    fn open(&mut self, host: &str) {
        self.change(|state| state.site_mut(&host.parse().unwrap()).windows.clear());
    }

    fn admit(&self, host: &str, path: &str) -> Permit {
        match self.instance.try_admit(&Request::new("GET", host, path, &NO_HEADERS)) {
            Some(Admission::Admitted(permit)) => permit,
            other => panic!("{host}{path} was not admitted: {other:?}"),
        }
    }

    fn draining(&self) -> Vec<(String, usize)> {
        self.instance.draining().into_iter().map(|(host, count)| (host.to_string(), count)).collect()
    }

    async fn is_drained(&self) -> bool {
        tokio::time::timeout(Duration::from_millis(100), self.instance.drained()).await.is_ok()
    }
}

fn one(host: &str) -> Vec<(String, usize)> {
    vec![(host.to_owned(), 1)]
}

fn open_rule(prefix: &str) -> Rule {
    Rule::open("open", Condition { path: vec![PathPattern::prefix(prefix).unwrap()], ..Condition::default() })
}

fn closed_rule(prefix: &str) -> Rule {
    Rule::closed(
        "closed",
        Condition { path: vec![PathPattern::prefix(prefix).unwrap()], ..Condition::default() },
    )
}

// --- under load ---

/// What the visitors know without asking the instance.
#[derive(Default)]
struct Truth {
    /// Requests that run: counted after their permit was given and until before it is given back.
    inside: AtomicUsize,
    /// Set while the instance has said "drained" and has not been reopened.
    drained: AtomicBool,
    /// Requests that ran while `drained` was set.
    false_words: AtomicUsize,
    admitted: AtomicUsize,
}

impl Truth {
    fn check(&self) {
        if self.drained.load(Ordering::SeqCst) {
            self.false_words.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Header fields that do something when they are read, which is in the middle of the decision.
struct Meanwhile<F>(F);

impl<F: Fn()> Headers for Meanwhile<F> {
    fn each(&self, _: &str, _: &mut dyn FnMut(&[u8])) {
        (self.0)();
    }

    fn first(&self, _: &str) -> Option<&[u8]> {
        None
    }
}

fn through_a_proxy<F: Fn() + Sync>(headers: &Meanwhile<F>) -> Request<'_> {
    let mut request = Request::new("GET", "any", "/", headers);
    request.peer = Some([10, 0, 0, 1].into());
    request
}

fn spin(turns: u64) {
    std::hint::black_box((0..turns).sum::<u64>());
}

async fn visit(instance: Arc<Instance>, truth: Arc<Truth>, done: Arc<AtomicBool>, seed: u64) {
    let mut random = seed;
    while !done.load(Ordering::Relaxed) {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let dawdle = Meanwhile(|| spin(random >> 54));
        if let Some(Admission::Admitted(permit)) = instance.try_admit(&through_a_proxy(&dawdle)) {
            truth.inside.fetch_add(1, Ordering::SeqCst);
            truth.admitted.fetch_add(1, Ordering::Relaxed);
            truth.check();
            // Long enough for a wrong word to be spoken meanwhile; some let others run, some do not.
            match random >> 62 {
                0 => tokio::task::yield_now().await,
                _ => spin(random >> 54),
            }
            truth.check();
            truth.inside.fetch_sub(1, Ordering::SeqCst);
            drop(permit);
        } else {
            instance.opened().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_closings_under_load_never_say_drained_too_early() {
    let mut switch = Switch::that_reads_headers();
    let (truth, done) = (Arc::new(Truth::default()), Arc::new(AtomicBool::new(false)));
    let visitors: Vec<_> = (0..8)
        .map(|seed| {
            tokio::spawn(visit(Arc::clone(&switch.instance), Arc::clone(&truth), Arc::clone(&done), seed))
        })
        .collect();
    for round in 0..1_000 {
        switch.close("*");
        switch.instance.drained().await;
        truth.drained.store(true, Ordering::SeqCst);
        for _ in 0..20 {
            assert_eq!(truth.inside.load(Ordering::SeqCst), 0, "round {round}: somebody is still inside");
            assert_eq!(switch.instance.draining().len(), 0, "round {round}: zero did not stay zero");
            tokio::task::yield_now().await;
        }
        truth.drained.store(false, Ordering::SeqCst);
        let before = truth.admitted.load(Ordering::Relaxed);
        switch.open("*");
        while truth.admitted.load(Ordering::Relaxed) < before + 10 {
            tokio::task::yield_now().await;
        }
    }
    done.store(true, Ordering::Relaxed);
    // The site is open, so nobody waits for that.
    for visitor in visitors {
        visitor.await.unwrap();
    }
    assert_eq!(truth.false_words.load(Ordering::SeqCst), 0, "requests ran after `drained`");
}

// --- looked before, admitted after ---

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_looked_before_the_closing_is_counted_although_it_has_not_decided_yet() {
    let mut switch = Switch::that_reads_headers();
    let (looked, has_looked) = std::sync::mpsc::channel::<()>();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let instance = Arc::clone(&switch.instance);
    let request = std::thread::spawn(move || {
        let may_go_on = std::sync::Mutex::new(may_go_on);
        let headers = Meanwhile(|| {
            looked.send(()).unwrap();
            may_go_on.lock().unwrap().recv().unwrap();
        });
        instance.try_admit(&through_a_proxy(&headers))
    });
    has_looked.recv().unwrap();
    switch.close("*");
    assert_eq!(switch.draining(), one("*"), "it will be admitted by what it saw");
    assert!(!switch.is_drained().await);
    go_on.send(()).unwrap();
    let Some(Admission::Admitted(permit)) = request.join().unwrap() else { panic!("it saw an open site") };
    assert_eq!(switch.draining(), one("*"));
    drop(permit);
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn a_request_that_is_asking_for_its_user_while_the_site_closes_is_decided_anew() {
    let mut switch = Switch::new();
    // The rule makes the site ask although it is open.
    let anonymous = Condition { user: vec![UserKind::Anonymous], ..Condition::default() };
    switch.change(|state| state.default.rules = Some([Rule::closed("no strangers", anonymous)].into()));
    for (user, admitted) in [(User::ANONYMOUS, false), (User::STAFF, false)] {
        let (asked, is_asked) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let instance = Arc::clone(&switch.instance);
        let task = tokio::spawn(async move {
            let request = Request::new("GET", "any", "/", &NO_HEADERS);
            let ask = || async {
                asked.send(()).unwrap();
                answered.await.unwrap()
            };
            instance.admit_as(&request, ask).await
        });
        is_asked.await.unwrap();
        switch.close("*");
        assert!(switch.is_drained().await, "it has not been admitted");
        answer.send(user).unwrap();
        assert_eq!(matches!(task.await.unwrap(), Admission::Admitted(_)), admitted);
        assert!(switch.is_drained().await);
        switch.open("*");
    }
}

#[tokio::test]
async fn a_request_that_passes_by_a_rule_after_the_closing_is_not_draining() {
    let mut switch = Switch::new();
    switch.change(|state| state.default.rules = Some([open_rule("/hooks")].into()));
    switch.close("*");
    let late = switch.admit("any", "/hooks/1");
    assert!(switch.is_drained().await);
    assert!(!late.is_outdated());
}

#[tokio::test]
async fn a_held_request_is_not_draining_and_runs_under_the_reopened_site() {
    let mut switch = Switch::new();
    switch.close_by("*", Mode::Hold);
    let instance = Arc::clone(&switch.instance);
    let waiting =
        tokio::spawn(async move { instance.admit(&Request::new("GET", "any", "/", &NO_HEADERS)).await });
    while switch.instance.held() == 0 {
        tokio::task::yield_now().await;
    }
    switch.close("*");
    assert!(switch.is_drained().await);
    assert!(matches!(waiting.await.unwrap(), Admission::Refused(..)));

    switch.close_by("*", Mode::Hold);
    let instance = Arc::clone(&switch.instance);
    let waiting =
        tokio::spawn(async move { instance.admit(&Request::new("GET", "any", "/", &NO_HEADERS)).await });
    while switch.instance.held() == 0 {
        tokio::task::yield_now().await;
    }
    switch.open("*");
    let Admission::Admitted(permit) = waiting.await.unwrap() else { panic!("the site is open") };
    assert_eq!((permit.is_outdated(), switch.instance.held()), (false, 0));
}

// --- who counts, and where ---

#[tokio::test]
async fn a_request_counts_from_its_admission_until_its_permit_is_gone() {
    let mut switch = Switch::new();
    let early = switch.admit("any", "/");
    let shared = early.clone();
    assert!(switch.is_drained().await, "nothing is closed yet");
    switch.close("*");
    assert_eq!(switch.draining(), [("*".into(), 2)]);
    drop(early);
    assert_eq!(switch.draining(), one("*"));
    assert!(!switch.is_drained().await);
    drop(shared);
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn a_reopening_waits_for_nobody_and_the_next_closing_still_counts() {
    let mut switch = Switch::new();
    let early = switch.admit("any", "/");
    switch.close("*");
    switch.open("*");
    assert!(switch.is_drained().await);
    switch.close("*");
    assert_eq!(switch.draining(), one("*"));
    drop(early);
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn changes_between_the_admission_and_the_closing_lose_nobody() {
    let mut switch = Switch::new();
    let first = switch.admit("any", "/");
    switch.change(|state| {
        state.default.page = Some(Arc::new(Page { title: Some("Soon".into()), ..Page::default() }));
    });
    let second = switch.admit("any", "/");
    switch.change(|state| state.default.rules = Some([open_rule("/hooks")].into()));
    let third = switch.admit("any", "/");
    assert!(switch.is_drained().await);
    switch.close("*");
    assert_eq!(switch.draining(), [("*".into(), 3)]);
    drop((first, second));
    assert_eq!(switch.draining(), one("*"));
    drop(third);
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn every_step_towards_stricter_counts() {
    let mut switch = Switch::new();
    switch.close_by("*", Mode::ReadOnly);
    let reader = switch.admit("any", "/");
    switch.close("*");
    assert_eq!(switch.draining(), one("*"), "readers were admitted, and are no longer");
    drop(reader);
    switch.open("*");
    let visitor = switch.admit("any", "/reports/7");
    switch.change(|state| state.default.rules = Some([closed_rule("/reports")].into()));
    assert_eq!(switch.draining(), one("*"), "part of the site was closed");
    drop(visitor);
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn a_closing_by_the_clock_counts_too() {
    let mut switch = Switch::new();
    let start = Timestamp::now() + Duration::from_secs(3600);
    switch.change(|state| state.default.windows.push(Window::new(Mode::On).from(start)));
    let early = switch.admit("any", "/");
    switch.instance.turn_edge(start);
    assert_eq!(switch.draining(), one("*"));
    drop(early);
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn requests_of_other_sites_do_not_count_and_are_not_outdated() {
    let mut switch = Switch::new();
    switch.change(|state| {
        state.sites.insert("a.example".parse().unwrap(), Site::default());
        state.sites.insert("b.example".parse().unwrap(), Site::default());
    });
    let (a, b, other) =
        (switch.admit("a.example", "/"), switch.admit("b.example", "/"), switch.admit("c", "/"));
    switch.close("a.example");
    assert_eq!(switch.draining(), one("a.example"));
    assert!(a.is_outdated());
    assert!(!b.is_outdated() && !other.is_outdated(), "nothing has changed for them");
    drop(a);
    assert!(switch.is_drained().await);
    switch.close("*");
    assert_eq!(switch.draining(), [("*".into(), 1), ("b.example".into(), 1)], "a closing of * closes all");
    drop((b, other));
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn a_site_that_is_carved_out_of_a_wider_one_counts_its_requests() {
    let mut switch = Switch::new();
    let before = switch.admit("shop.example.com", "/");
    switch.close("shop.example.com");
    assert_eq!(switch.draining(), one("shop.example.com"));
    drop(before);
    assert!(switch.is_drained().await);

    let elsewhere = switch.admit("blog.example.com", "/");
    switch.change(|state| {
        state.sites.insert("*.example.com".parse().unwrap(), Site::default());
    });
    let inside = switch.admit("blog.example.com", "/");
    assert!(switch.is_drained().await, "carving alone closes nothing");
    switch.close("*.example.com");
    // Both may be requests of the new site; the shop is closed twice and has none.
    assert_eq!(switch.draining(), [("*.example.com".into(), 2)]);
    drop((elsewhere, inside));
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn a_site_that_is_taken_away_hands_its_requests_to_the_wider_one() {
    let mut switch = Switch::new();
    let shop: Host = "shop.example.com".parse().unwrap();
    switch.change(|state| {
        state.sites.insert(shop.clone(), Site::default());
    });
    let early = switch.admit("shop.example.com", "/");
    switch.change(|state| {
        state.sites.remove(&shop);
    });
    assert!(switch.is_drained().await);
    switch.close("*");
    assert_eq!(switch.draining(), one("*"));
    drop(early);
    assert!(switch.is_drained().await);
}

// --- until the last byte, through tower ---

type Answer = Result<http::Response<Body>, Infallible>;

fn get() -> http::Request<Body> {
    http::Request::new(Body::empty())
}

#[tokio::test]
async fn a_response_counts_until_its_last_byte_has_gone() {
    let mut switch = Switch::new();
    let (bytes, body) = tokio::sync::mpsc::channel::<Result<Bytes, Infallible>>(1);
    let body =
        futures_util::stream::unfold(body, |mut body| async { body.recv().await.map(|next| (next, body)) });
    let body = std::sync::Mutex::new(Some(Body::from_stream(body)));
    let app = service_fn(move |_: http::Request<Body>| {
        let body = body.lock().unwrap().take().unwrap();
        std::future::ready(Answer::Ok(http::Response::new(body)))
    });
    let app = MaintenanceLayer::new(Arc::clone(&switch.instance)).layer(app_clone(app));
    let mut response = app.oneshot(get()).await.unwrap();
    switch.close("*");
    for piece in ["one", "two"] {
        bytes.send(Ok(piece.into())).await.unwrap();
        let frame = response.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
        assert_eq!(switch.draining(), one("*"));
    }
    drop(bytes);
    assert!(response.body_mut().frame().await.is_none());
    drop(response);
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn a_response_that_is_dropped_counts_no_longer() {
    let mut switch = Switch::new();
    let app = service_fn(|_: http::Request<Body>| async {
        Answer::Ok(http::Response::new(Body::from_stream(futures_util::stream::pending::<
            Result<Bytes, Infallible>,
        >())))
    });
    let app = MaintenanceLayer::new(Arc::clone(&switch.instance)).layer(app);
    let response = app.oneshot(get()).await.unwrap();
    switch.close("*");
    assert_eq!(switch.draining(), one("*"));
    drop(response);
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn a_request_whose_client_has_gone_counts_until_its_handler_is_dropped() {
    let mut switch = Switch::new();
    let app = service_fn(|_: http::Request<Body>| std::future::pending::<Answer>());
    let app = MaintenanceLayer::new(Arc::clone(&switch.instance)).layer(app);
    let task = tokio::spawn(app.oneshot(get()));
    tokio::task::yield_now().await;
    switch.close("*");
    assert_eq!(switch.draining(), one("*"));
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn a_handler_that_panics_counts_no_longer() {
    let mut switch = Switch::new();
    let (go, gone) = oneshot::channel::<()>();
    let gone = std::sync::Mutex::new(Some(gone));
    let app = service_fn(move |_: http::Request<Body>| {
        let gone = gone.lock().unwrap().take().unwrap();
        async move {
            gone.await.unwrap();
            if true {
                panic!("on purpose");
            }
            Answer::Ok(http::Response::new(Body::empty()))
        }
    });
    let app = MaintenanceLayer::new(Arc::clone(&switch.instance)).layer(app_clone(app));
    let task = tokio::spawn(app.oneshot(get()));
    tokio::task::yield_now().await;
    switch.close("*");
    assert_eq!(switch.draining(), one("*"));
    go.send(()).unwrap();
    assert!(task.await.unwrap_err().is_panic());
    assert!(switch.is_drained().await);
}

#[tokio::test]
async fn a_shared_permit_counts_for_work_that_outlives_the_response() {
    let mut switch = Switch::new();
    let (keep, kept) = std::sync::mpsc::channel();
    let app = service_fn(move |request: http::Request<Body>| {
        keep.send(request.extensions().get::<Permit>().unwrap().clone()).unwrap();
        drop(request);
        std::future::ready(Answer::Ok(http::Response::new(Body::empty())))
    });
    let app = MaintenanceLayer::new(Arc::clone(&switch.instance)).share_permit().layer(app);
    drop(app.oneshot(get()).await.unwrap());
    switch.close("*");
    assert_eq!(switch.draining(), one("*"));
    let permit = kept.recv().unwrap();
    assert!(permit.is_outdated(), "a sign for the tunnel to end");
    drop(permit);
    assert!(switch.is_drained().await);
}

/// `service_fn` is only `Clone` if what it captures is; the layer needs it, and each of these is called once.
fn app_clone<S>(
    app: S,
) -> tower::util::BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Infallible>
where
    S: tower::Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    let app = Arc::new(std::sync::Mutex::new(app));
    tower::util::BoxCloneSyncService::new(service_fn(move |request| app.lock().unwrap().call(request)))
}

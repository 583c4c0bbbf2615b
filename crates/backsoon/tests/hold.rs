//! Holding: requests wait in line and go on in order, at a pace, within limits.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use backsoon::decide::Local;
use backsoon::document::Hold;
use backsoon::request::NO_HEADERS;
use backsoon::{Admission, Instance, Marks, Mode, Request, State, Window, time::Timestamp};
use tokio::task::JoinSet;
use tokio::time::Instant;

struct Site {
    instance: Arc<Instance>,
    state: State,
}

impl Site {
    fn new() -> Self {
        Self { instance: Instance::new(Local::default(), Marks::new()), state: State::new() }
    }

    fn windows(&mut self, windows: Vec<Window>) {
        self.state.revision += 1;
        self.state.default.windows = windows;
        let _ = self.instance.apply(&self.state, Timestamp::now());
    }

    fn hold(&mut self, hold: Hold) {
        self.windows(vec![Window { hold, ..Window::new(Mode::Hold) }]);
    }
}

fn hold(max_wait: Duration, max_held: usize) -> Hold {
    Hold { max_wait_ms: max_wait.as_millis().try_into().unwrap(), max_held, release_per_s: None }
}

async fn admit(instance: &Instance) -> Admission {
    instance.admit(&Request::new("GET", "a", "/", &NO_HEADERS)).await
}

fn is_admitted(admission: &Admission) -> bool {
    matches!(admission, Admission::Admitted(_))
}

/// Lets `count` requests arrive one after the other; each notes its number when it goes on.
async fn arrive(instance: &Arc<Instance>, count: usize) -> (JoinSet<Admission>, Arc<Mutex<Vec<usize>>>) {
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = JoinSet::new();
    let before = instance.held();
    for number in 0..count {
        let (instance, order) = (Arc::clone(instance), Arc::clone(&order));
        tasks.spawn(async move {
            let admission = admit(&instance).await;
            order.lock().unwrap().push(number);
            admission
        });
        tokio::task::yield_now().await;
    }
    assert_eq!(instance.held(), before + count);
    (tasks, order)
}

#[tokio::test(start_paused = true)]
async fn held_requests_go_on_in_the_order_of_arrival_and_none_is_lost() {
    let mut site = Site::new();
    site.hold(hold(Duration::from_secs(30), 1000));
    let (tasks, order) = arrive(&site.instance, 500).await;
    site.windows(Vec::new());
    let all = tasks.join_all().await;
    assert_eq!(all.iter().filter(|one| is_admitted(one)).count(), 500);
    assert_eq!(*order.lock().unwrap(), (0..500).collect::<Vec<_>>());
    assert_eq!(site.instance.held(), 0);
}

#[tokio::test(start_paused = true)]
async fn past_the_limits_they_get_the_page() {
    let mut site = Site::new();
    site.hold(hold(Duration::from_secs(5), 2));
    let begun = Instant::now();
    let (tasks, _) = arrive(&site.instance, 2).await;
    assert!(!is_admitted(&admit(&site.instance).await));
    assert_eq!(begun.elapsed(), Duration::ZERO, "the third does not wait");
    let all = tasks.join_all().await;
    assert!(all.iter().all(|one| !is_admitted(one)));
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    assert_eq!(site.instance.held(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pace_spreads_the_reopening() {
    let mut site = Site::new();
    let pace = Hold { release_per_s: std::num::NonZeroU32::new(200), ..hold(Duration::from_secs(30), 1000) };
    site.hold(pace);
    let (tasks, order) = arrive(&site.instance, 100).await;
    let begun = Instant::now();
    site.windows(Vec::new());
    assert_eq!(tasks.join_all().await.iter().filter(|one| is_admitted(one)).count(), 100);
    let took = begun.elapsed();
    assert!((495..520).contains(&took.as_millis()), "100 requests at 200 a second took {took:?}");
    assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_frees_its_place_and_the_next_one_moves_up() {
    let mut site = Site::new();
    site.hold(hold(Duration::from_secs(30), 3));
    let (mut first, _) = arrive(&site.instance, 1).await;
    let (others, _) = arrive(&site.instance, 2).await;
    first.abort_all();
    while first.join_next().await.is_some() {}
    assert_eq!(site.instance.held(), 2);
    site.windows(Vec::new());
    assert!(others.join_all().await.iter().all(is_admitted));
}

#[tokio::test(start_paused = true)]
async fn hold_then_on_refuses_and_a_second_hold_keeps_them_waiting() {
    let mut site = Site::new();
    site.hold(hold(Duration::from_secs(30), 10));
    let (tasks, order) = arrive(&site.instance, 3).await;
    let mut windows = site.state.default.windows.clone();
    windows.push(Window { hold: hold(Duration::from_secs(30), 10), ..Window::new(Mode::Hold) });
    site.windows(windows.clone());
    site.windows(windows.split_off(1));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((site.instance.held(), order.lock().unwrap().len()), (3, 0), "the second window still holds");
    site.windows(vec![Window::new(Mode::On)]);
    assert!(tasks.join_all().await.iter().all(|one| !is_admitted(one)));
}

#[tokio::test(start_paused = true)]
async fn a_site_that_closes_again_while_the_line_moves_stops_it() {
    let mut site = Site::new();
    let pace = Hold { release_per_s: std::num::NonZeroU32::new(10), ..hold(Duration::from_secs(30), 1000) };
    site.hold(pace);
    let (tasks, order) = arrive(&site.instance, 100).await;
    site.windows(Vec::new());
    tokio::time::sleep(Duration::from_millis(1050)).await;
    site.windows(vec![Window::new(Mode::On)]);
    let all = tasks.join_all().await;
    let admitted = all.iter().filter(|one| is_admitted(one)).count();
    assert_eq!(admitted, 11, "one at once and ten in the second after it");
    assert_eq!(order.lock().unwrap().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn held_requests_are_not_draining() {
    let mut site = Site::new();
    site.hold(hold(Duration::from_secs(30), 10));
    let (tasks, _) = arrive(&site.instance, 3).await;
    site.windows(vec![Window::new(Mode::On), Window::new(Mode::Hold)]);
    assert!(site.instance.draining().is_empty());
    assert!(tasks.join_all().await.iter().all(|one| !is_admitted(one)));
}

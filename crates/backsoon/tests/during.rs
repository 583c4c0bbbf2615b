//! `Control::during`: however the block ends, exactly its own window ends with it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use backsoon::control::{Error, Outcome};
use backsoon::document::{Host, Mode, Source, State, Window};
use backsoon::store::Store;
use backsoon::{Control, fleet};
use futures_util::FutureExt;
use support::{Mood, Moody, eventually};

fn control(store: &Arc<Moody>) -> Control {
    Control::new(Arc::clone(store) as Arc<dyn Store>, "test")
}

/// The notes of the windows there are.
async fn windows(store: &Arc<Moody>) -> Vec<String> {
    let control = Control::new(Arc::clone(&store.inner), "reader");
    let state = control.read().await.unwrap().unwrap_or_default();
    state.default.windows.iter().map(|window| window.note.clone()).collect()
}

async fn leases(store: &Arc<Moody>) -> usize {
    store.inner.list("leases/").await.unwrap().len()
}

fn window(note: &str) -> Window {
    let mut window = Window::new(Mode::On);
    window.note = note.into();
    window
}

async fn gone(store: &Arc<Moody>) {
    eventually("the window and its lease are gone", async || {
        windows(store).await.is_empty() && leases(store).await == 0
    })
    .await;
}

#[tokio::test]
async fn the_window_is_there_while_the_block_runs_and_only_then() {
    let store = Moody::new();
    let inside = async {
        let state = control(&store).read().await.unwrap().unwrap();
        let window = &state.default.windows[0];
        assert_eq!((window.source, window.by.as_str()), (Source::Code, "test"));
        assert_eq!(leases(&store).await, 1);
        assert!(fleet::lapsed(&*store, &state, Duration::ZERO).await.unwrap().is_empty());
        7
    };
    assert_eq!(control(&store).during(&Host::any(), window("a"), inside).await.unwrap(), 7);
    assert_eq!((windows(&store).await.len(), leases(&store).await), (0, 0));
    let notes: Vec<_> =
        control(&store).history().await.unwrap().into_iter().map(|state| state.change.note).collect();
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[tokio::test]
async fn an_error_of_the_block_is_its_value() {
    let store = Moody::new();
    let value =
        control(&store).during(&Host::any(), window("a"), async { Err::<(), _>("no") }).await.unwrap();
    assert_eq!(value, Err("no"));
    assert_eq!(windows(&store).await.len(), 0);
}

#[tokio::test]
async fn a_panic_ends_the_window() {
    let store = Moody::new();
    let control = control(&store);
    let host = Host::any();
    let during = control.during(&host, window("a"), async {
        assert_eq!(windows(&store).await, ["a"]);
        if store.puts() == 1 {
            panic!("on purpose");
        }
    });
    let panic = AssertUnwindSafe(during).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    gone(&store).await;
}

#[tokio::test]
async fn a_future_that_is_dropped_while_the_block_runs_ends_the_window() {
    let store = Moody::new();
    let task = tokio::spawn({
        let control = control(&store);
        async move { control.during(&Host::any(), window("a"), std::future::pending::<()>()).await }
    });
    eventually("the window is there", async || windows(&store).await == ["a"]).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    gone(&store).await;
}

/// Every call takes 20 ms, and adding needs some six of them: dropping after each of these pauses meets every phase.
#[tokio::test]
async fn a_future_that_is_dropped_in_any_phase_leaves_no_window() {
    for pause in (0..240).step_by(15) {
        let store = Moody::new();
        store.feel(Mood::Slow(20));
        let control = control(&store);
        let host = Host::any();
        let during = control.during(&host, window("a"), std::future::pending::<()>());
        assert!(tokio::time::timeout(Duration::from_millis(pause), during).await.is_err());
        let reader = Control::new(Arc::clone(&store.inner), "reader");
        eventually("the window was added and ended", async || reader.history().await.unwrap().len() == 2)
            .await;
        gone(&store).await;
    }
}

#[tokio::test]
async fn a_future_that_is_dropped_while_its_window_is_ended_changes_nothing() {
    let store = Moody::new();
    let control = control(&store);
    let host = Host::any();
    let during = control.during(&host, window("a"), async { store.feel(Mood::Slow(30)) });
    assert!(tokio::time::timeout(Duration::from_millis(45), during).await.is_err());
    gone(&store).await;
}

#[tokio::test]
async fn two_that_overlap_end_only_their_own() {
    let store = Moody::new();
    let (outer, inner) = (control(&store), control(&store));
    let host = Host::any();
    let nested = inner.during(&host, window("inner"), async {
        assert_eq!(windows(&store).await, ["outer", "inner"]);
    });
    let (ended, is_ended) = tokio::sync::oneshot::channel();
    let both = outer.during(&host, window("outer"), async {
        nested.await.unwrap();
        assert_eq!(windows(&store).await, ["outer"]);
        ended.send(()).unwrap();
    });
    both.await.unwrap();
    is_ended.await.unwrap();
    assert_eq!(windows(&store).await.len(), 0);
}

#[tokio::test]
async fn an_operators_window_stays() {
    let store = Moody::new();
    let control = control(&store);
    control.begin(&Host::any(), window("operator")).await.unwrap();
    control.during(&Host::any(), window("code"), async {}).await.unwrap();
    assert_eq!(windows(&store).await, ["operator"]);
}

#[tokio::test]
async fn an_id_that_is_taken_is_refused_and_its_window_left_alone() {
    let store = Moody::new();
    let control = control(&store);
    let mine = window("first");
    let mut second = window("second");
    second.id = mine.id.clone();
    let inside = async {
        let error =
            control.during(&Host::any(), second, async { panic!("it must not run") }).await.unwrap_err();
        assert!(matches!(&error, Error::Refused(why) if why.contains(mine.id.as_str())), "{error}");
        assert_eq!((windows(&store).await, leases(&store).await), (vec!["first".to_owned()], 1));
    };
    control.during(&Host::any(), mine.clone(), inside).await.unwrap();
    assert_eq!(windows(&store).await.len(), 0);
}

#[tokio::test]
async fn the_block_does_not_run_if_the_window_cannot_be_added() {
    let store = Moody::new();
    store.feel(Mood::Away);
    let error = control(&store).during(&Host::any(), window("a"), async { panic!("it must not run") }).await;
    assert!(matches!(error.unwrap_err(), Error::Store(_)));

    store.feel(Mood::Fine);
    let past = window("past").until(backsoon::time::Timestamp::from_millis(0));
    let error = control(&store).during(&Host::any(), past, async { panic!("it must not run") }).await;
    assert!(matches!(error.unwrap_err(), Error::Refused(_)));
    assert_eq!((windows(&store).await.len(), leases(&store).await), (0, 0));
}

#[tokio::test]
async fn a_window_that_may_have_been_added_is_ended() {
    let store = Moody::new();
    store.feel(Mood::LosesOneAnswerAndGoes);
    let error = control(&store).during(&Host::any(), window("a"), async { panic!("it must not run") }).await;
    assert!(matches!(error.unwrap_err(), Error::Unknown { .. }));
    assert_eq!(windows(&store).await, ["a"]);
    store.feel(Mood::Fine);
    gone(&store).await;
}

#[tokio::test]
async fn ending_is_tried_until_the_store_is_back() {
    let store = Moody::new();
    let control = control(&store);
    let host = Host::any();
    let during = control.during(&host, window("a"), async { store.feel(Mood::Away) });
    let mut during = std::pin::pin!(during);
    assert!(tokio::time::timeout(Duration::from_millis(400), &mut during).await.is_err());
    assert_eq!(windows(&store).await, ["a"]);
    store.feel(Mood::Fine);
    during.await.unwrap();
    assert_eq!((windows(&store).await.len(), leases(&store).await), (0, 0));
}

#[tokio::test]
async fn a_state_of_a_newer_backsoon_is_an_error_and_not_replaced() {
    let store = Moody::new();
    let newer = r#"{"schema":99}"#;
    let error = control(&store)
        .during(&Host::any(), window("a"), async {
            let put = store.put("state", newer.into(), backsoon::store::PutMode::Overwrite);
            put.await.unwrap();
        })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    assert_eq!(store.get("state").await.unwrap().unwrap().value, newer);
}

#[test]
fn a_runtime_that_ends_first_leaves_a_lapsed_window() {
    let store = Moody::new();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let control = control(&store);
        tokio::spawn(
            async move { control.during(&Host::any(), window("a"), std::future::pending::<()>()).await },
        );
        eventually("the window is there", async || windows(&store).await == ["a"]).await;
    });
    drop(first);
    runtime().block_on(async {
        let state = control(&store).read().await.unwrap().unwrap();
        let id = state.default.windows[0].id.clone();
        // This process lives, so only watching can tell.
        assert_eq!(fleet::lapsed(&*store, &state, Duration::ZERO).await.unwrap(), []);
        assert_eq!(
            fleet::lapsed(&*store, &state, Duration::from_secs(30)).await.unwrap(),
            std::slice::from_ref(&id)
        );
        store.delete(&format!("leases/{id}")).await.unwrap();
        assert_eq!(fleet::lapsed(&*store, &state, Duration::ZERO).await.unwrap(), [id]);
    });
}

#[tokio::test]
async fn a_lease_that_is_renewed_holds_and_one_of_a_dead_process_does_not() {
    let store = Moody::new();
    let inside = async {
        let state: State = control(&store).read().await.unwrap().unwrap();
        let begun = std::time::Instant::now();
        assert_eq!(fleet::lapsed(&*store, &state, Duration::from_secs(30)).await.unwrap(), []);
        assert!(begun.elapsed() < Duration::from_secs(5), "one renewal is enough to know");

        let key = format!("leases/{}", state.default.windows[0].id);
        let mut lease: fleet::Lease =
            serde_json::from_slice(&store.get(&key).await.unwrap().unwrap().value).unwrap();
        // The process with our id that had started a tick earlier is gone for good.
        lease.place.started += 1;
        let bytes = serde_json::to_vec(&lease).unwrap();
        store.put(&key, bytes.into(), backsoon::store::PutMode::Overwrite).await.unwrap();
        fleet::lapsed(&*store, &state, Duration::ZERO).await.unwrap()
    };
    let lapsed = control(&store).during(&Host::any(), window("a"), inside).await.unwrap();
    assert_eq!(lapsed.len(), 1);
}

#[tokio::test]
async fn windows_on_several_sites_come_and_go_in_one_change_each() {
    let store = Moody::new();
    let control = control(&store);
    let sites: [Host; 2] = ["shop.example.com", "blog.example.com"].map(|host| host.parse().unwrap());
    let mine = sites.iter().map(|host| (host.clone(), window("both"))).collect();
    let kept = control.keep(mine).await.unwrap();
    assert_eq!((kept.state().revision, leases(&store).await), (1, 2));
    let state = control.read().await.unwrap().unwrap();
    assert!(sites.iter().all(|host| state.site(host).unwrap().windows.len() == 1), "{state:?}");
    kept.end(|_| {}).await.unwrap();
    let state = control.read().await.unwrap().unwrap();
    assert!(sites.iter().all(|host| state.site(host).unwrap().windows.is_empty()), "{state:?}");
    assert_eq!((state.revision, leases(&store).await), (2, 0));
}

#[tokio::test]
async fn a_window_that_stays_is_an_operators_and_never_lapses() {
    let store = Moody::new();
    let control = control(&store);
    let kept = control.keep(vec![(Host::any(), window("mine"))]).await.unwrap();
    control.begin(&Host::any(), window("another")).await.unwrap();
    kept.stay("it ended with 1", |_| {}).await.unwrap();
    let state = control.read().await.unwrap().unwrap();
    assert_eq!(state.revision, 3, "one change");
    let sources: Vec<_> =
        state.default.windows.iter().map(|window| (window.source, window.note.as_str())).collect();
    assert_eq!(sources, [(Source::Operator, "it ended with 1"), (Source::Operator, "another")]);
    assert_eq!(leases(&store).await, 0);
    assert!(fleet::lapsed(&*store, &state, Duration::from_secs(9)).await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_waits_hears_why_the_window_is_not_ended_yet() {
    let store = Moody::new();
    let kept = control(&store).keep(vec![(Host::any(), window("a"))]).await.unwrap();
    store.feel(Mood::Away);
    let mut heard = Vec::new();
    kept.end(|why| {
        heard.push(why.to_owned());
        store.feel(Mood::Fine);
    })
    .await
    .unwrap();
    assert!(heard.len() == 1 && heard[0].contains("no answer"), "{heard:?}");
    gone(&store).await;
}

#[tokio::test]
async fn a_window_that_somebody_else_has_ended_is_no_error_and_stays_ended() {
    let store = Moody::new();
    let control = control(&store);
    for stays in [false, true] {
        let kept = control.keep(vec![(Host::any(), window("a"))]).await.unwrap();
        control.end(&kept.windows()[0].1.id).await.unwrap();
        let outcome = if stays { kept.stay("why", |_| {}).await } else { kept.end(|_| {}).await };
        assert!(matches!(outcome.unwrap(), Outcome::Unchanged(_)));
        gone(&store).await;
    }
}

//! What every shared store must carry: an instance joins, the site closes, that is proven, and it opens again.

use std::sync::Arc;
use std::time::Duration;

use backsoon::control::{Opens, Outcome};
use backsoon::document::{Host, Mode, Window};
use backsoon::join::Options;
use backsoon::receipt::{Expect, Verdict};
use backsoon::store::{PutMode, Store};
use backsoon::{Control, Instance, State};

pub(crate) async fn open(url: &str) -> Arc<dyn Store> {
    backsoon::store::open(url).await.expect("the store opens")
}

/// The value under `key`, as text.
pub(crate) async fn text(store: &Arc<dyn Store>, key: &str) -> Option<String> {
    let entry = store.get(key).await.expect("a get that works")?;
    Some(String::from_utf8_lossy(&entry.value).into_owned())
}

pub(crate) async fn put(store: &Arc<dyn Store>, key: &str, value: &str) {
    store.put(key, value.to_owned().into(), PutMode::Overwrite).await.expect("a put that works");
}

/// Waits until `is_so`, and fails the test after twenty seconds: a lost line may take ten to be tried again.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "not within twenty seconds: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn join(store: &Arc<dyn Store>, name: &str) -> Arc<Instance> {
    let mut options = Options::default();
    options.name = Some(name.to_owned());
    Instance::join(Arc::clone(store), options).await
}

pub(crate) fn control(store: &Arc<dyn Store>) -> Control {
    Control::new(Arc::clone(store), "test")
}

/// Closes everything.
pub(crate) async fn on(control: &Control) -> State {
    match control.begin(&Host::any(), Window::new(Mode::On)).await.expect("it closes") {
        Outcome::Written(state) => state,
        other => panic!("closing changed nothing: {other:?}"),
    }
}

/// Opens everything.
pub(crate) async fn off(control: &Control) -> State {
    let open = |state: &mut State| {
        state.default.windows.clear();
        Ok::<_, String>(())
    };
    control.opening(Opens::Everything).update("off", open).await.expect("it opens").state().clone()
}

/// Two instances in two processes' worth of stores follow a closing to the proof, and an opening.
pub(crate) async fn a_fleet_follows(one: Arc<dyn Store>, other: Arc<dyn Store>) {
    let control = control(&one);
    let fleet = [join(&one, "web-1").await, join(&other, "web-2").await];
    let closed = on(&control).await;
    let expect = Expect { sites: vec![Host::any()], instances: 2, ..Expect::default() };
    let receipt = control.wait(&closed, &expect, Duration::from_secs(20), |_| {}).await.expect("a receipt");
    assert_eq!(receipt.verdict, Verdict::Confirmed, "{receipt:?}");
    for instance in &fleet {
        assert_eq!(instance.mode("*"), Mode::On);
    }
    off(&control).await;
    eventually("all are open again", async || fleet.iter().all(|one| one.mode("*") == Mode::Off)).await;
    for instance in fleet {
        instance.leave().await;
    }
}

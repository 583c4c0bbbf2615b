//! What a writer does when instances hold more than the store: nobody opens what they have closed unless an operator says so.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use backsoon::Instance;
use backsoon::control::{self, Control, Opens};
use backsoon::document::{Host, Lineage, Mode, State, Window, WindowId};
use backsoon::fleet::{Place, Report};
use backsoon::join::Options;
use backsoon::store::{self, Entry, MemoryStore, PutMode, Store, Version};
use backsoon::time::Timestamp;
use bytes::Bytes;

/// A State that closes everything, as somebody else has held it.
fn closed(revision: u64) -> State {
    let mut state = State { revision, ..State::new() };
    (state.change.id, state.change.at) = (format!("change-{revision}"), Timestamp::now());
    state.default.windows.push(Window { id: "w-theirs".parse().unwrap(), ..Window::new(Mode::On) });
    state
}

async fn reported(lineage: &Lineage, revision: u64) -> Report {
    let place = Place { host: "elsewhere".into(), boot: "another".into(), pid: 1, started: 1 };
    let other: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let instance = Instance::join(other, Options::default()).await;
    let (name, lineage) = ("web-1".to_owned(), Some(lineage.clone()));
    Report { name, place, lineage, revision, ..instance.report().unwrap() }
}

async fn report(store: &dyn Store, name: &str, lineage: &Lineage, revision: u64) {
    let report = Report { name: name.to_owned(), ..reported(lineage, revision).await };
    let bytes = serde_json::to_vec(&report).unwrap();
    store.put(&format!("roster/{}", report.name), bytes.into(), PutMode::Overwrite).await.unwrap();
}

async fn keep(store: &dyn Store, state: &State) {
    let key = format!("kept/{}-{:020}", state.lineage, state.revision);
    store.put(&key, state.to_bytes().into(), PutMode::Create).await.unwrap();
}

fn names(state: &State) -> Vec<String> {
    state.sites().flat_map(|(_, site)| &site.windows).map(|window| window.id.to_string()).collect()
}

fn mine() -> Window {
    Window { id: "w-mine".parse().unwrap(), ..Window::new(Mode::On) }
}

fn shop() -> Host {
    "shop.example".parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_writer_waits_for_every_state_that_somebody_says_to_hold() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let newer = closed(6);
    let older = State { revision: 5, default: Default::default(), ..newer.clone() };
    // One that is behind has handed over already; the one that is ahead has only reported.
    keep(&*store, &older).await;
    report(&*store, "behind", &newer.lineage, 5).await;
    report(&*store, "ahead", &newer.lineage, 6).await;
    let writer = tokio::spawn({
        let control = Control::new(Arc::clone(&store), "ann");
        async move { control.begin(&shop(), mine()).await.unwrap().state().clone() }
    });
    tokio::time::sleep(Duration::from_secs(9)).await;
    assert!(!writer.is_finished(), "what it holds may close a site");
    keep(&*store, &newer).await;
    let written = writer.await.unwrap();
    assert_eq!((written.revision, names(&written)), (7, vec!["w-theirs".to_owned(), "w-mine".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn what_is_never_handed_over_is_not_written_over() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    report(&*store, "web-1", &closed(6).lineage, 6).await;
    let error = Control::new(Arc::clone(&store), "ann").begin(&shop(), mine()).await.unwrap_err();
    let said = error.to_string();
    assert!(
        matches!(error, control::Error::Refused(_)) && said.contains("backsoon fleet forget web-1"),
        "{said}"
    );
    assert!(store.get("state").await.unwrap().is_none(), "nothing was written");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_while_a_state_is_founded_is_heard() {
    // The roster is empty when the writer looks for what others hold, and is not when it numbers.
    let store = Arc::new(Late { store: MemoryStore::new(), held: closed(6), lists: AtomicUsize::new(0) });
    let control = Control::new(Arc::clone(&store) as Arc<dyn Store>, "cron");
    let written = control.begin(&shop(), mine()).await.unwrap().state().clone();
    assert_eq!(written.lineage, store.held.lineage, "the history goes on");
    assert_eq!((written.revision, names(&written)), (7, vec!["w-theirs".to_owned(), "w-mine".to_owned()]));
}

#[tokio::test]
async fn a_closing_that_nobody_watches_joins_no_strays_and_an_operator_does() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let control = Control::new(Arc::clone(&store), "cron");
    // Founded while the fleet was away, which holds another history.
    control
        .begin(&Host::any(), Window { id: "w-first".parse().unwrap(), ..Window::new(Mode::Hold) })
        .await
        .unwrap();
    let theirs = closed(6);
    report(&*store, "web-1", &theirs.lineage, 6).await;
    let error = control.keep(vec![(shop(), mine())]).await.unwrap_err().to_string();
    assert!(
        error.contains("web-1 holds revision 6 of another state") && error.contains("backsoon status"),
        "{error}"
    );
    assert_eq!(control.read().await.unwrap().unwrap().revision, 1, "nothing was written");

    let ended = control.end(&"w-first".parse::<WindowId>().unwrap()).await.unwrap();
    assert_eq!(ended.state().replaces.as_ref(), Some(&theirs.lineage), "an operator's change joins them");
    let kept = control.keep(vec![(shop(), mine())]).await.unwrap();
    // A backup is restored: what is in the store is older than what the fleet has.
    report(&*store, "web-1", &kept.state().lineage, 99).await;
    let ended = kept.end(|_| {}).await.unwrap();
    assert!(ended.state().revision < 99, "the end of one closing does not take the fleet back to a backup");
    assert!(control.update("look", |_| Ok::<_, String>(())).await.unwrap().state().revision > 99);
}

#[tokio::test]
async fn a_store_that_went_back_opens_nothing_that_a_change_is_not_made_to_open() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let control = Control::new(Arc::clone(&store), "ann");
    let lineage = control.begin(&shop(), mine()).await.unwrap().state().lineage.clone();
    control.end(&mine().id).await.unwrap();
    // The backup is older than a closing of everything that the fleet has confirmed.
    let held = Report { closings: [(Host::any(), Mode::On)].into(), ..reported(&lineage, 9).await };
    let bytes = serde_json::to_vec(&held).unwrap();
    store.put("roster/web-1", bytes.into(), PutMode::Overwrite).await.unwrap();

    let said = control.begin(&shop(), mine()).await.unwrap_err().to_string();
    for part in
        ["web-1 holds * closed by revision 9", "`backsoon on`", "`backsoon off`", "nothing was written"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(control.update("a pass", |_| Ok::<_, String>(())).await.is_err());
    assert!(
        control.opening(Opens::Sites(vec![shop()])).update("off", |_| Ok::<_, String>(())).await.is_err()
    );
    assert_eq!(control.read().await.unwrap().unwrap().revision, 2);

    // Whoever closes it again, or says that it is to be open, is obeyed.
    let opened =
        control.opening(Opens::Sites(vec![Host::any()])).update("off", |_| Ok::<_, String>(())).await;
    assert_eq!(opened.unwrap().state().revision, 10);
    // A site below that is closed more was not closed by the wider one.
    let closings = [(Host::any(), Mode::ReadOnly), (shop(), Mode::On)];
    let both = Report { closings: closings.into(), revision: 15, ..held.clone() };
    let bytes = serde_json::to_vec(&both).unwrap();
    store.put("roster/web-1", bytes.into(), PutMode::Overwrite).await.unwrap();
    let everything = control.opening(Opens::Sites(vec![Host::any()]));
    let said = everything.update("off", |_| Ok::<_, String>(())).await.unwrap_err().to_string();
    assert!(said.contains("`backsoon off --site shop.example`"), "{said}");
    let held = Report { revision: 20, ..held };
    let bytes = serde_json::to_vec(&held).unwrap();
    store.put("roster/web-1", bytes.into(), PutMode::Overwrite).await.unwrap();
    let closed = control.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    assert_eq!(closed.state().revision, 21);
    let other = control.begin(&shop(), mine()).await.unwrap();
    assert_eq!(other.state().revision, 22, "what is closed by now is closed for everybody");
    let held = Report { revision: 30, ..held };
    let bytes = serde_json::to_vec(&held).unwrap();
    store.put("roster/web-1", bytes.into(), PutMode::Overwrite).await.unwrap();
    assert_eq!(control.rollback(2).await.unwrap().state().revision, 31, "a rollback says it of every site");
}

#[tokio::test(start_paused = true)]
async fn within_a_history_the_revision_tells_what_is_newer_and_not_a_clock() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let newer = closed(7);
    let mut older = State { revision: 6, default: Default::default(), ..newer.clone() };
    older.change.at = newer.change.at + Duration::from_secs(600);
    keep(&*store, &newer).await;
    keep(&*store, &older).await;
    let written = Control::new(store, "ann").begin(&shop(), mine()).await.unwrap().state().clone();
    assert_eq!(
        (written.revision, written.default.windows.len()),
        (8, 1),
        "what revision 7 closed stays closed"
    );
}

#[tokio::test]
async fn a_clock_that_is_ahead_ends_no_window_of_others() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let control = Control::new(Arc::clone(&store), "ann");
    let end = Timestamp::now() + Duration::from_millis(300);
    control
        .begin(&Host::any(), Window { id: "w-short".parse().unwrap(), ..Window::new(Mode::On).until(end) })
        .await
        .unwrap();
    let state = control.read().await.unwrap().unwrap();
    // By its clock, the window is not over yet; by ours it soon is.
    report(&*store, "slow", &state.lineage, 1).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let written = control.begin(&shop(), mine()).await.unwrap().state().clone();
    assert_eq!(names(&written), ["w-short", "w-mine"]);
    report(&*store, "slow", &state.lineage, 2).await;
    control.end(&"w-mine".parse().unwrap()).await.unwrap();
    assert_eq!(
        names(&control.read().await.unwrap().unwrap()),
        [""; 0],
        "once it is over for everybody it is forgotten"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_only_be_late_is_not_called_undone() {
    let control = Control::new(Arc::new(Slow(MemoryStore::new())), "ann");
    let error = control.begin(&Host::any(), mine()).await.unwrap_err();
    assert!(matches!(error, control::Error::Unknown { .. }), "{error}");
}

/// A store whose fleet comes back after the roster was looked at for the first time.
#[derive(Debug)]
struct Late {
    store: MemoryStore,
    held: State,
    lists: AtomicUsize,
}

#[async_trait]
impl Store for Late {
    async fn get(&self, key: &str) -> store::Result<Option<Entry>> {
        self.store.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> store::Result<Version> {
        self.store.put(key, value, mode).await
    }

    async fn delete(&self, key: &str) -> store::Result<()> {
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str) -> store::Result<Vec<Entry>> {
        if prefix == "roster/" && self.lists.fetch_add(1, Ordering::SeqCst) == 1 {
            report(&self.store, "web-1", &self.held.lineage, self.held.revision).await;
            keep(&self.store, &self.held).await;
        }
        self.store.list(prefix).await
    }

    fn url(&self) -> String {
        "late:".into()
    }
}

/// A store that reads, and takes so long to write the State that nobody waits for it.
#[derive(Debug)]
struct Slow(MemoryStore);

#[async_trait]
impl Store for Slow {
    async fn get(&self, key: &str) -> store::Result<Option<Entry>> {
        self.0.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> store::Result<Version> {
        if key == "state" {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let (doing, source) = ("writing `state`".into(), "no answer for 5 s".into());
            return Err(store::Error::Away { store: self.url(), doing, source });
        }
        self.0.put(key, value, mode).await
    }

    async fn delete(&self, key: &str) -> store::Result<()> {
        self.0.delete(key).await
    }

    async fn list(&self, prefix: &str) -> store::Result<Vec<Entry>> {
        self.0.list(prefix).await
    }

    fn url(&self) -> String {
        "slow:".into()
    }
}

//! Reading, changing and following the State, on stores that work and on stores that do not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use backsoon::control::{Error, Found, Opens, Outcome};
use backsoon::document::{Host, Lineage, Mode, SCHEMA, State, Unreadable, Window};
use backsoon::instance::Applied;
use backsoon::join::{OnUnknown, Options};
use backsoon::request::NO_HEADERS;
use backsoon::rules::{Condition, Rule};
use backsoon::store::{MemoryStore, PutMode, Store};
use backsoon::time::Timestamp;
use backsoon::{Admission, Control, Instance, Request};
use support::{Mood, Moody, eventually};

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new())
}

/// A store and the folder that it lies in, if it needs one.
struct Opened {
    store: Arc<dyn Store>,
    _folder: Option<tempfile::TempDir>,
}

#[cfg(any(feature = "file", feature = "sqlite"))]
async fn in_a_folder(scheme: &str, name: &str) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{scheme}:{}", folder.path().join(name).display());
    Opened { store: backsoon::store::open(&url).await.unwrap(), _folder: Some(folder) }
}

fn control(store: &Arc<dyn Store>) -> Control {
    Control::new(Arc::clone(store), "test")
}

fn closing(note: &str) -> Window {
    let mut window = Window::new(Mode::On);
    window.note = note.into();
    window
}

/// A change that no other is the same as.
fn add(note: &str) -> impl FnMut(&mut State) -> Result<(), String> {
    let window = closing(note);
    move |state| {
        state.default.windows.push(window.clone());
        Ok(())
    }
}

async fn overwrite(store: &Arc<dyn Store>, bytes: impl Into<bytes::Bytes>) {
    store.put("state", bytes.into(), PutMode::Overwrite).await.unwrap();
}

async fn keys(store: &Arc<dyn Store>, prefix: &str) -> Vec<String> {
    store.list(prefix).await.unwrap().into_iter().map(|entry| entry.key).collect()
}

async fn notes(control: &Control) -> Vec<String> {
    let state = control.read().await.unwrap().unwrap();
    state.default.windows.into_iter().map(|window| window.note).collect()
}

async fn join(store: &Arc<dyn Store>) -> Arc<Instance> {
    join_with(store, |_| {}).await
}

async fn join_with(store: &Arc<dyn Store>, adjust: impl FnOnce(&mut Options)) -> Arc<Instance> {
    let mut options = Options::default();
    options.poll = Duration::from_millis(50);
    options.beat = Duration::from_millis(50);
    adjust(&mut options);
    Instance::join(Arc::clone(store), options).await
}

async fn is_at(instance: &Instance, revision: u64) {
    eventually("the instance has followed", async || {
        instance.state().is_some_and(|state| state.revision == revision)
    })
    .await;
}

// --- the same on every store ---

/// Every change of 200 writers that race lands once, and the history has no gap.
async fn racing_writers_all_land(store: Arc<dyn Store>) {
    let writers: Vec<_> = (0..200)
        .map(|number| {
            let control = control(&store);
            tokio::spawn(async move { control.update("race", add(&number.to_string())).await.unwrap() })
        })
        .collect();
    let mut revisions = BTreeSet::new();
    for writer in writers {
        let Outcome::Written(state) = writer.await.unwrap() else { panic!("a change counted as none") };
        assert!(
            revisions.insert(state.revision),
            "two writers both think that they wrote {}",
            state.revision
        );
    }
    assert_eq!(revisions, (1..=200).collect());
    let control = control(&store);
    let landed: BTreeSet<String> = notes(&control).await.into_iter().collect();
    assert_eq!(landed, (0..200).map(|number: u32| number.to_string()).collect());

    let history = control.history().await.unwrap();
    assert_eq!(history.iter().map(|state| state.revision).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
    for (older, newer) in history.iter().zip(&history[1..]) {
        assert_eq!(newer.default.windows[..older.default.windows.len()], older.default.windows[..]);
    }
}

/// Changes are filed, come back by rollback, and an edit that changes nothing writes nothing.
async fn history_and_rollback(store: Arc<dyn Store>) {
    let control = control(&store);
    assert!(control.read().await.unwrap().is_none());
    assert_eq!(control.history().await.unwrap(), []);
    for note in ["one", "two", "three"] {
        control.update(note, add(note)).await.unwrap();
    }
    let before = store.get("state").await.unwrap().unwrap();
    let idle = control.update("nothing", |_| Ok::<_, String>(())).await.unwrap();
    assert!(matches!(&idle, Outcome::Unchanged(state) if state.revision == 3), "{idle:?}");
    let idle = control.end(&"w-nobody".parse().unwrap()).await.unwrap();
    assert!(matches!(idle, Outcome::Unchanged(_)));
    assert_eq!(store.get("state").await.unwrap().unwrap(), before);

    let said = control.update("no", |_| Err("better not")).await.unwrap_err();
    assert!(matches!(&said, Error::Refused(why) if why == "better not"), "{said}");
    assert_eq!(store.get("state").await.unwrap().unwrap(), before);

    let back = control.rollback(1).await.unwrap();
    assert_eq!((back.state().revision, back.state().change.by.as_str()), (4, "test"));
    assert_eq!(notes(&control).await, ["one"]);
    control.rollback(3).await.unwrap();
    assert_eq!(notes(&control).await, ["one", "two", "three"]);
    let history = control.history().await.unwrap();
    let changes: Vec<_> = history.iter().map(|state| (state.revision, state.change.note.as_str())).collect();
    assert_eq!(changes[..3], [(1, "one"), (2, "two"), (3, "three")]);
    assert_eq!(changes[3..], [(4, "rollback to revision 1"), (5, "rollback to revision 3")]);

    let unknown = control.rollback(9).await.unwrap_err();
    assert_eq!(unknown.to_string(), "revision 9 is not in the history, which has 1 to 5");
}

/// Whatever lies in the State's place, closing works, and the bytes are set aside.
async fn pages_of_the_history(store: Arc<dyn Store>) {
    let control = Control::new(Arc::clone(&store), "ann");
    assert!(control.page(None, 5).await.unwrap().is_empty());
    for _ in 0..6 {
        control.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    }
    let revisions = async |before: Option<u64>, limit: usize| {
        let page = control.page(before, limit).await.unwrap();
        page.iter().map(|state| state.revision).collect::<Vec<_>>()
    };
    for gap in [false, true] {
        if gap {
            // Whoever numbers above everything that instances report may leave numbers out.
            let third = keys(&store, "history/").await.swap_remove(2);
            store.delete(&third).await.unwrap();
        }
        assert_eq!(revisions(None, 2).await, [5, 6]);
        assert_eq!(
            revisions(None, 100).await,
            if gap { vec![1, 2, 4, 5, 6] } else { vec![1, 2, 3, 4, 5, 6] }
        );
        assert_eq!(revisions(Some(5), 3).await, if gap { vec![1, 2, 4] } else { vec![2, 3, 4] });
        assert_eq!(revisions(Some(u64::MAX), 1).await, [6]);
        assert_eq!((revisions(Some(1), 3).await, revisions(Some(0), 3).await), (vec![], vec![]));
        assert!(revisions(None, 0).await.is_empty());
    }
    assert_eq!(control.at(4).await.unwrap().default.windows.len(), 4);
    // Each window was added by the revision that made it, and the last of all just before.
    let state = control.read().await.unwrap().unwrap();
    let added: std::collections::BTreeMap<_, _> = control.added(&state).await.unwrap().into_iter().collect();
    assert_eq!(added.len(), 6);
    assert_eq!(added[&state.default.windows[5].id], state.change.at);
    assert_eq!(added[&state.default.windows[1].id], control.at(2).await.unwrap().change.at);
    assert!(matches!(control.at(3).await, Err(Error::NoRevision { .. })));
    assert!(matches!(control.at(u64::MAX).await, Err(Error::NoRevision { .. })));
}

async fn damage_is_set_aside(open: impl AsyncFn() -> Opened) {
    let binary: Vec<u8> = (0..=255).cycle().take(4096).collect();
    for bytes in [b"".to_vec(), b"{".to_vec(), b"null".to_vec(), b"{\"schema\":1}".to_vec(), binary] {
        let opened = open().await;
        let store = Arc::clone(&opened.store);
        let control = control(&store);
        for note in ["one", "two"] {
            control.update(note, add(note)).await.unwrap();
        }
        overwrite(&store, bytes.clone()).await;
        assert!(matches!(control.find().await.unwrap(), Found::Unreadable(Unreadable::Damaged { .. })));
        let error = control.read().await.unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{error}");

        let outcome = control.begin(&Host::any(), closing("three")).await.unwrap();
        // "two" was only in what was damaged; "one" is in the history.
        assert_eq!(notes(&control).await, ["one", "three"]);
        assert!(matches!(outcome, Outcome::Written(state) if state.revision == 2));
        let aside = store.list("damaged/").await.unwrap();
        assert_eq!(aside.iter().map(|entry| entry.value.to_vec()).collect::<Vec<_>>(), [bytes]);
        let id = control.read().await.unwrap().unwrap().default.windows[1].id.clone();
        control.end(&id).await.unwrap();
        assert_eq!(notes(&control).await, ["one"]);
    }
}

/// A document of a newer version is neither read nor replaced.
async fn newer_is_left_alone(store: Arc<dyn Store>) {
    let newer = format!("{{\"schema\":{},\"something\":\"new\"}}", SCHEMA + 1);
    overwrite(&store, newer.clone()).await;
    let control = control(&store);
    let error = control.begin(&Host::any(), closing("a")).await.unwrap_err();
    assert!(error.to_string().contains("use a newer one"), "{error}");
    assert!(matches!(control.rollback(1).await.unwrap_err(), Error::Unreadable { .. }));
    assert_eq!(store.get("state").await.unwrap().unwrap().value, newer);
    assert_eq!(keys(&store, "damaged/").await.len(), 0);
}

/// Nobody writes the history of a change that is still to come.
async fn what_is_kept_with_a_number_to_come_is_no_history(store: Arc<dyn Store>) {
    let control = control(&store);
    control.update("one", add("one")).await.unwrap();
    let mut forged = State::from_bytes(&store.get("state").await.unwrap().unwrap().value).unwrap();
    (forged.revision, forged.change.note) = (2, "forged".into());
    store.put("kept/x", forged.to_bytes().into(), PutMode::Create).await.unwrap();
    for note in ["two", "three"] {
        control.update(note, add(note)).await.unwrap();
    }
    assert_eq!(notes(&control).await, ["one", "two", "three"]);
    assert_eq!(control.at(2).await.unwrap().change.note, "two");
}

/// An instance follows, keeps its State through an emptied store, hands it over, and follows again.
async fn an_emptied_store_is_filled_again(store: Arc<dyn Store>) {
    let control = control(&store);
    for note in ["one", "two"] {
        control.update(note, add(note)).await.unwrap();
    }
    let instance = join(&store).await;
    assert_eq!(instance.state().unwrap().revision, 2);
    for key in keys(&store, "").await {
        if !key.starts_with("roster/") {
            store.delete(&key).await.unwrap();
        }
    }
    eventually("the state is handed over", async || keys(&store, "kept/").await.len() == 1).await;
    assert_eq!(instance.mode("shop.example"), Mode::On);
    let says = |troubles: &[String]| troubles.first().is_some_and(|said| said.contains("the store is empty"));
    eventually("it says so", async || says(&instance.report().unwrap().troubles)).await;

    let state = control.begin(&Host::any(), closing("three")).await.unwrap().state().clone();
    assert_eq!((state.revision, &state.lineage), (3, &instance.state().unwrap().lineage));
    assert_eq!(notes(&control).await, ["one", "two", "three"]);
    is_at(&instance, 3).await;
    eventually("all is well", async || instance.report().unwrap().troubles.is_empty()).await;
    assert_eq!(keys(&store, "kept/").await.len(), 0);
    // What was handed over is the revision before this one.
    let revisions: Vec<_> = control.history().await.unwrap().iter().map(|state| state.revision).collect();
    assert_eq!(revisions, [2, 3]);
}

/// Who changes a State that has just been lost waits for the instance that holds it.
async fn a_lost_state_is_waited_for(store: Arc<dyn Store>) {
    let control = control(&store);
    for note in ["one", "two"] {
        control.update(note, add(note)).await.unwrap();
    }
    let instance = join_with(&store, |options| options.poll = Duration::from_millis(500)).await;
    for bytes in [None, Some("damaged")] {
        match bytes {
            None => store.delete("state").await.unwrap(),
            Some(bytes) => overwrite(&store, bytes).await,
        }
        // The history knows of less.
        control.update("nothing", |_| Ok::<_, String>(())).await.unwrap();
        assert_eq!(notes(&control).await, ["one", "two"], "{bytes:?}");
        is_at(&instance, control.read().await.unwrap().unwrap().revision).await;
    }
}

/// Runs the tests above on a store of one kind.
macro_rules! on_every_store {
    ($($(#[$when:meta])? $store:ident: $open:expr;)*) => {$(
        $(#[$when])?
        mod $store {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn two_hundred_racing_writers_all_land() {
                let opened: Opened = $open.await;
                racing_writers_all_land(Arc::clone(&opened.store)).await;
            }

            #[tokio::test]
            async fn changes_are_filed_and_come_back() {
                let opened: Opened = $open.await;
                history_and_rollback(Arc::clone(&opened.store)).await;
            }

            #[tokio::test]
            async fn the_history_is_read_by_the_page() {
                let opened: Opened = $open.await;
                pages_of_the_history(Arc::clone(&opened.store)).await;
            }

            #[tokio::test]
            async fn what_is_damaged_is_set_aside() {
                damage_is_set_aside(async || $open.await).await;
            }

            #[tokio::test]
            async fn what_is_newer_is_left_alone() {
                let opened: Opened = $open.await;
                newer_is_left_alone(Arc::clone(&opened.store)).await;
            }

            #[tokio::test]
            async fn nobody_writes_the_history_of_what_is_to_come() {
                let opened: Opened = $open.await;
                what_is_kept_with_a_number_to_come_is_no_history(Arc::clone(&opened.store)).await;
            }

            #[tokio::test]
            async fn an_instance_carries_the_state_over_an_emptied_store() {
                let opened: Opened = $open.await;
                an_emptied_store_is_filled_again(Arc::clone(&opened.store)).await;
            }

            #[tokio::test]
            async fn a_writer_waits_for_who_holds_what_was_lost() {
                let opened: Opened = $open.await;
                a_lost_state_is_waited_for(Arc::clone(&opened.store)).await;
            }
        }
    )*};
}

on_every_store! {
    memory: std::future::ready(Opened { store: super::memory(), _folder: None });
    #[cfg(feature = "file")] file: in_a_folder("file", "state");
    #[cfg(feature = "sqlite")] sqlite: in_a_folder("sqlite", "backsoon.db");
}

// --- answers that get lost ---

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_read_back() {
    let moody = Moody::new();
    let store = Arc::clone(&moody) as Arc<dyn Store>;
    let control = control(&store);
    control.update("one", add("one")).await.unwrap();
    moody.feel(Mood::LosesOneAnswer);
    let outcome = control.update("two", add("two")).await.unwrap();
    assert!(matches!(outcome, Outcome::Written(state) if state.revision == 2));
    assert_eq!((notes(&control).await, moody.puts()), (vec!["one".into(), "two".into()], 2));
}

#[tokio::test]
async fn a_write_that_did_not_land_is_an_error() {
    let moody = Moody::new();
    let control = control(&(Arc::clone(&moody) as Arc<dyn Store>));
    control.update("one", add("one")).await.unwrap();
    moody.feel(Mood::TakesNoState);
    let error = control.update("two", add("two")).await.unwrap_err();
    assert!(matches!(error, Error::Store(_)), "{error}");
    assert_eq!(notes(&control).await, ["one"]);
}

#[tokio::test]
async fn a_write_that_failed_is_tried_once_more_and_counts_once() {
    for mood in [Mood::FailsOnce, Mood::LandsLate] {
        let moody = Moody::new();
        let control = control(&(Arc::clone(&moody) as Arc<dyn Store>));
        control.update("one", add("one")).await.unwrap();
        moody.feel(mood);
        let outcome = control.update("two", add("two")).await.unwrap();
        assert!(matches!(outcome, Outcome::Written(state) if state.revision == 2), "{mood:?}");
        assert_eq!(notes(&control).await, ["one", "two"], "{mood:?}");
        assert_eq!(control.history().await.unwrap().len(), 2, "{mood:?}");
    }
}

#[tokio::test]
async fn what_is_garbled_on_its_way_is_no_damage() {
    let moody = Moody::new();
    let store = Arc::clone(&moody) as Arc<dyn Store>;
    let control = control(&store);
    control.update("one", add("one")).await.unwrap();
    moody.feel(Mood::GarblesOneRead);
    let outcome = control.update("two", add("two")).await.unwrap();
    assert!(matches!(outcome, Outcome::Written(state) if state.revision == 2));
    assert_eq!(notes(&control).await, ["one", "two"]);
    assert!(keys(&store, "damaged/").await.is_empty(), "a good state is not set aside");
}

#[tokio::test]
async fn a_write_of_which_nobody_knows_is_unknown() {
    let moody = Moody::new();
    let control = control(&(Arc::clone(&moody) as Arc<dyn Store>));
    moody.feel(Mood::LosesOneAnswerAndGoes);
    let error = control.update("one", add("one")).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }), "{error}");
    assert!(error.to_string().contains("may have landed or not"), "{error}");
    moody.feel(Mood::Fine);
    assert_eq!(notes(&control).await, ["one"]);
}

#[tokio::test]
async fn a_change_that_could_not_be_read_back_as_a_state_is_refused() {
    let store = memory();
    let control = control(&store);
    control.update("one", add("one")).await.unwrap();
    let before = store.get("state").await.unwrap();
    let error = control
        .update("two", |state| {
            state.default.rules = Some([Rule::open("everything", Condition::default())].into());
            Ok::<_, String>(())
        })
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if why.contains("`when` is empty")), "{error}");
    assert_eq!(store.get("state").await.unwrap(), before);
}

#[tokio::test]
async fn a_message_that_nobody_would_read_is_refused_and_one_that_lies_there_already_keeps_nobody_from_closing()
 {
    let (store, long) = (memory(), "ä".repeat(2_001));
    let control = control(&store);
    let too_long = closing("").message(&long);
    let error = control.update("on", |state| {
        state.default.windows.push(too_long.clone());
        Ok::<_, String>(())
    });
    let error = error.await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused(why) if why.contains("has 2001 characters, and people read at most 2000")),
        "{error}"
    );
    let error = control.update("on", add(&long)).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if why.contains("the note of window")), "{error}");
    assert!(store.get("state").await.unwrap().is_none(), "nothing was written");

    let fits = "ä".repeat(2_000);
    let outcome = control.update("on", add(&fits)).await.unwrap();
    let lies_there = String::from_utf8(outcome.state().to_bytes()).unwrap().replace(&fits, &long);
    overwrite(&store, lies_there).await;
    let outcome = control.update("on", add("short")).await.unwrap();
    assert_eq!(outcome.state().default.windows.len(), 2);
}

// --- which document wins ---

fn revision(lineage: &Lineage, revision: u64) -> State {
    State { lineage: lineage.clone(), revision, ..State::new() }
}

#[tokio::test]
async fn only_a_newer_revision_of_the_same_history_wins() {
    let now = Timestamp::now();
    let instance = Instance::new(Default::default(), backsoon::Marks::new());
    let (ours, theirs) = (Lineage::random(), Lineage::random());
    let second = revision(&ours, 2);
    assert_eq!(instance.apply(&second, now), Applied::Now);
    assert_eq!(instance.apply(&second, now), Applied::Already);
    assert_eq!(instance.apply(&revision(&ours, 1), now), Applied::Older { held: 2 });
    assert_eq!(instance.apply(&revision(&theirs, 9), now), Applied::Foreign { held: ours.clone() });
    assert_eq!(instance.apply(&revision(&ours, 3), now), Applied::Now);
    let heir = State { replaces: Some(ours), ..revision(&theirs, 1) };
    assert_eq!(instance.apply(&heir, now), Applied::Now);
    assert_eq!(instance.state().unwrap().lineage, theirs);
}

#[tokio::test]
async fn of_two_documents_with_one_number_the_one_that_comes_from_the_store_wins() {
    let now = Timestamp::now();
    let instance = Instance::new(Default::default(), backsoon::Marks::new());
    let lineage = Lineage::random();
    let (copy, mut stored) = (revision(&lineage, 5), revision(&lineage, 5));
    stored.default.windows.push(closing("a"));
    assert_eq!(instance.apply(&copy, now), Applied::Now);
    assert_eq!(instance.apply(&stored, now), Applied::Now);
    assert_eq!(instance.mode("any"), Mode::On);
}

#[tokio::test]
async fn another_history_in_the_store_is_not_followed_until_it_is_joined() {
    let store = memory();
    control(&store).update("one", add("one")).await.unwrap();
    let instance = join(&store).await;
    let ours = instance.state().unwrap();
    let foreign = State { revision: 7, ..State::new() };
    overwrite(&store, foreign.to_bytes()).await;
    eventually("it says so", async || {
        instance.report().unwrap().troubles.iter().any(|trouble| trouble.contains("another history"))
    })
    .await;
    assert_eq!((instance.state().unwrap(), instance.mode("any")), (ours.clone(), Mode::On));
    eventually("it is on the roster", async || {
        let entries = store.list("roster/").await.unwrap();
        entries.iter().any(|entry| String::from_utf8_lossy(&entry.value).contains("another history"))
    })
    .await;
    // An `off` where nothing is on changes nothing, and joins the histories all the same.
    let refused = control(&store).update("a pass", |_| Ok::<_, String>(())).await.unwrap_err().to_string();
    assert!(refused.contains("would reopen *"), "{refused}");
    let off = control(&store).opening(Opens::Sites(vec![Host::any()]));
    off.update("off", |_| Ok::<_, String>(())).await.unwrap();
    is_at(&instance, 8).await;
    assert_eq!((instance.mode("any"), &instance.state().unwrap().lineage), (Mode::Off, &foreign.lineage));
    // What it held before is still there for those who want it back.
    let filed = format!("history/{}/{:020}", ours.lineage, ours.revision);
    eventually("it is filed", async || store.get(&filed).await.unwrap().is_some()).await;
}

#[tokio::test]
async fn a_store_that_went_back_is_not_followed_until_it_is_joined() {
    let store = memory();
    let control = control(&store);
    control.update("one", add("one")).await.unwrap();
    let old = store.get("state").await.unwrap().unwrap().value;
    for note in ["two", "three"] {
        control.update(note, add(note)).await.unwrap();
    }
    let instance = join(&store).await;
    overwrite(&store, old).await;
    eventually("it says so", async || {
        instance.report().unwrap().troubles.iter().any(|trouble| trouble.contains("went back to revision 1"))
    })
    .await;
    assert_eq!(instance.state().unwrap().revision, 3);
    eventually("it is on the roster", async || {
        let entries = store.list("roster/").await.unwrap();
        entries.iter().any(|entry| String::from_utf8_lossy(&entry.value).contains("went back"))
    })
    .await;
    let outcome = control.update("nothing", |_| Ok::<_, String>(())).await.unwrap();
    assert_eq!(outcome.state().revision, 4);
    is_at(&instance, 4).await;
}

#[tokio::test]
async fn a_report_from_beyond_the_last_number_stops_nobody() {
    let store = memory();
    control(&store).update("one", add("one")).await.unwrap();
    let instance = join(&store).await;
    let mut report = instance.report().unwrap();
    (report.name, report.revision) = ("liar".into(), u64::MAX);
    store.put("roster/liar", serde_json::to_vec(&report).unwrap().into(), PutMode::Overwrite).await.unwrap();
    control(&store).begin(&Host::any(), closing("two")).await.unwrap();
    assert_eq!(notes(&control(&store)).await, ["one", "two"]);
    eventually("the instance has followed", async || instance.state().unwrap().default.windows.len() == 2)
        .await;
}

// --- following ---

#[tokio::test]
async fn a_change_is_seen_at_once_by_a_hint() {
    let store = memory();
    let instance = join_with(&store, |options| options.poll = Duration::from_secs(3600)).await;
    // At once, before its tasks have run for the first time; and again, when they wait.
    for note in ["one", "two"] {
        let revision = control(&store).update(note, add(note)).await.unwrap().state().revision;
        is_at(&instance, revision).await;
    }
}

#[tokio::test]
async fn the_edges_of_a_window_are_turned_without_any_write() {
    let store = memory();
    let instance = join(&store).await;
    let now = Timestamp::now();
    let window =
        Window::new(Mode::On).from(now + Duration::from_millis(600)).until(now + Duration::from_millis(1400));
    control(&store).begin(&Host::any(), window).await.unwrap();
    is_at(&instance, 1).await;
    assert_eq!(instance.mode("any"), Mode::Off);
    tokio::time::timeout(Duration::from_secs(10), instance.closed()).await.unwrap();
    assert!(Timestamp::now() >= now + Duration::from_millis(600));
    tokio::time::timeout(Duration::from_secs(10), instance.opened()).await.unwrap();
    assert!(Timestamp::now() >= now + Duration::from_millis(1400));
    assert_eq!(
        store.get("state").await.unwrap().map(|e| State::from_bytes(&e.value).unwrap().revision),
        Some(1)
    );
}

#[tokio::test]
async fn who_joins_takes_the_dead_of_this_machine_off_the_roster_and_nobody_else() {
    let store = memory();
    let here = Instance::join(Arc::clone(&store), Options::default()).await;
    let mut report = here.report().unwrap();
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    (report.name, report.place.pid) = ("dead".into(), ended.id());
    ended.wait().unwrap();
    store.put("roster/dead", serde_json::to_vec(&report).unwrap().into(), PutMode::Create).await.unwrap();
    (report.name, report.place.host) = ("elsewhere".into(), "another-machine".into());
    store
        .put("roster/elsewhere", serde_json::to_vec(&report).unwrap().into(), PutMode::Create)
        .await
        .unwrap();

    let next = Instance::join(Arc::clone(&store), Options::default()).await;
    eventually("the dead one is gone", async || store.get("roster/dead").await.unwrap().is_none()).await;
    assert!(store.get("roster/elsewhere").await.unwrap().is_some(), "nobody can tell about another machine");
    assert_eq!(store.list("roster/").await.unwrap().len(), 3);
    drop((here, next));
}

#[tokio::test]
async fn whoever_joins_a_large_fleet_speaks_as_seldom_as_it_does_without_listing_it() {
    let store = memory();
    store.put("crew/size", "10000".into(), PutMode::Overwrite).await.unwrap();
    let instance = Instance::join(Arc::clone(&store), Options::default()).await;
    eventually("it has learned the fleet's size", async || instance.report().unwrap().lease_ms == 40_000)
        .await;
    assert_eq!(keys(&store, "crew/").await, ["crew/size"]);
    assert_eq!(store.get("crew/size").await.unwrap().unwrap().value, "10000", "it is not its turn to count");
}

#[tokio::test]
async fn a_fleet_that_has_grown_large_writes_its_size_down() {
    let store = memory();
    let mut fleet = Vec::new();
    for _ in 0..130 {
        fleet.push(Instance::join(Arc::clone(&store), Options::default()).await);
    }
    let noted = async || store.get("crew/size").await.unwrap();
    eventually("more than a hundred are written down", async || {
        noted().await.is_some_and(|entry| String::from_utf8_lossy(&entry.value).parse::<u32>().unwrap() > 100)
    })
    .await;
}

#[tokio::test]
async fn an_instance_leaves_by_a_farewell() {
    let store = memory();
    let instance = join(&store).await;
    assert_eq!(keys(&store, "roster/").await.len(), 1);
    // At once, before its tasks have run for the first time.
    instance.leave().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(keys(&store, "roster/").await.len(), 0);

    let instance = join(&store).await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert_eq!(keys(&store, "roster/").await.len(), 1);
    drop(instance);
    eventually("it is off the roster", async || keys(&store, "roster/").await.is_empty()).await;
}

#[tokio::test]
async fn a_report_that_is_on_its_way_does_not_outlive_the_farewell() {
    let moody = Moody::new();
    let store = Arc::clone(&moody) as Arc<dyn Store>;
    for pause in (0..60).step_by(10) {
        let instance = join(&store).await;
        moody.feel(Mood::SlowPuts(20));
        tokio::time::sleep(Duration::from_millis(50 + pause)).await;
        instance.leave().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        moody.feel(Mood::Fine);
        assert_eq!(keys(&store, "roster/").await.len(), 0, "after {pause} ms");
    }
}

#[tokio::test]
async fn a_store_that_hangs_delays_neither_admissions_nor_edges() {
    let moody = Moody::new();
    let store = Arc::clone(&moody) as Arc<dyn Store>;
    let window = Window::new(Mode::On).from(Timestamp::now() + Duration::from_millis(700));
    control(&store).begin(&Host::any(), window).await.unwrap();
    let instance = join(&store).await;
    moody.feel(Mood::Hangs);
    // Long enough for every task to be stuck in a call.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let request = Request::new("GET", "any", "/", &NO_HEADERS);
    let admission = tokio::time::timeout(Duration::from_secs(1), instance.admit(&request)).await.unwrap();
    assert!(matches!(admission, Admission::Admitted(_)));
    tokio::time::timeout(Duration::from_secs(3), instance.closed()).await.unwrap();
    let admission = tokio::time::timeout(Duration::from_secs(1), instance.admit(&request)).await.unwrap();
    assert!(matches!(admission, Admission::Refused(..)));
}

// --- starting ---

#[tokio::test]
async fn the_local_copy_speaks_while_the_store_is_away_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("deep/copy.json");
    let moody = Moody::new();
    let store = Arc::clone(&moody) as Arc<dyn Store>;
    control(&store).begin(&Host::any(), closing("a")).await.unwrap();
    let first = join_with(&store, |options| options.copy = Some(copy.clone())).await;
    assert!(copy.exists());
    drop(first);

    moody.feel(Mood::Away);
    let second = join_with(&store, |options| options.copy = Some(copy.clone())).await;
    assert_eq!((second.mode("any"), second.state().unwrap().revision), (Mode::On, 1));
    let report = second.report().unwrap();
    assert!(report.troubles[0].contains("away"), "{:?}", report.troubles);
    assert_eq!(report.age_ms, u64::MAX);

    // An older store does not win over the copy, a newer one does.
    moody.feel(Mood::Fine);
    let window = control(&store).read().await.unwrap().unwrap().default.windows[0].id.clone();
    control(&store).end(&window).await.unwrap();
    is_at(&second, 2).await;
    eventually("the copy is new", async || {
        std::fs::read(&copy).is_ok_and(|bytes| State::from_bytes(&bytes).unwrap().revision == 2)
    })
    .await;
}

#[tokio::test]
async fn a_damaged_copy_is_no_copy() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.json");
    std::fs::write(&copy, b"{\"schema\": 1, ").unwrap();
    let moody = Moody::new();
    moody.feel(Mood::Away);
    let store = Arc::clone(&moody) as Arc<dyn Store>;
    let instance = join_with(&store, |options| {
        (options.copy, options.on_unknown) = (Some(copy.clone()), OnUnknown::Closed);
    })
    .await;
    assert_eq!(instance.mode("any"), Mode::On);
}

#[tokio::test]
async fn a_copy_that_cannot_be_written_is_said_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("file");
    std::fs::write(&in_the_way, b"").unwrap();
    let copy = in_the_way.join("copy.json");
    let store = memory();
    control(&store).begin(&Host::any(), closing("a")).await.unwrap();
    let instance = join_with(&store, |options| options.copy = Some(copy.clone())).await;
    let says_so = || instance.report().unwrap().troubles.iter().any(|trouble| trouble.contains("local copy"));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(says_so(), "after several polls it is forgotten");
    std::fs::remove_file(&in_the_way).unwrap();
    eventually("the copy is written", async || copy.exists() && !says_so()).await;
}

#[tokio::test]
async fn without_any_knowledge_the_policy_decides() {
    for (on_unknown, mode) in [(OnUnknown::Open, Mode::Off), (OnUnknown::Closed, Mode::On)] {
        // A store that is away, and one whose state is damaged or too new, say the same: nothing.
        for bytes in [None, Some("{"), Some("{\"schema\":99}")] {
            let moody = Moody::new();
            let store = Arc::clone(&moody) as Arc<dyn Store>;
            match bytes {
                None => moody.feel(Mood::Away),
                Some(bytes) => overwrite(&store, bytes).await,
            }
            let instance = join_with(&store, |options| options.on_unknown = on_unknown).await;
            assert_eq!(instance.mode("any"), mode, "{on_unknown:?} {bytes:?}");
            assert!(instance.state().is_none());

            // Now the store says that nobody wants the site closed.
            moody.feel(Mood::Fine);
            store.delete("state").await.unwrap();
            eventually("the instance believes it", async || instance.mode("any") == Mode::Off).await;
            control(&store).begin(&Host::any(), closing("a")).await.unwrap();
            is_at(&instance, 1).await;
            assert_eq!(instance.mode("any"), Mode::On);
        }
    }
}

#[tokio::test]
async fn a_state_that_cannot_be_applied_changes_nothing_and_is_reported() {
    let store = memory();
    control(&store).begin(&Host::any(), closing("a")).await.unwrap();
    let instance = join(&store).await;
    for (bytes, says) in [("{", "damaged"), ("{\"schema\":99}", "use a newer one")] {
        overwrite(&store, bytes).await;
        eventually("it says so", async || {
            instance.report().unwrap().troubles.iter().any(|trouble| trouble.contains(says))
        })
        .await;
        assert_eq!((instance.mode("any"), instance.state().unwrap().revision), (Mode::On, 1));
    }
}

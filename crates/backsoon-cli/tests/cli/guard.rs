//! `backsoon guard`: jobs that start only while the site is open.

use super::gate::Gate;
use super::place::{Place, Ran};
use super::running::{Running, eventually, there};

const UNTIL_TOLD: &str = "touch started; while [ -e started ] && [ ! -e go ]; do sleep 0.02; done; exit 6";

fn guard(place: &Place, flags: &[&str], script: &str) -> Ran {
    let words = [&["guard"], flags, &["--", "sh", "-c", script]].concat();
    Ran::of(place.backsoon().args(words))
}

/// The names on the roster.
fn names(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.default_store().join("roster"));
    entries.map_or_else(
        |_| Vec::new(),
        |entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect(),
    )
}

fn open(place: &Place) {
    place.done("on");
    place.done("off");
}

#[test]
fn an_open_site_lets_it_run_with_its_own_exit_code() {
    let place = Place::new();
    open(&place);
    for (script, code) in [("echo out; echo err >&2", 0), ("exit 9", 9), ("kill -9 $$", 137)] {
        let ran = guard(&place, &[], script);
        assert_eq!(ran.code, code, "{ran:?}");
        if code == 0 {
            assert_eq!((ran.out.as_str(), ran.err.as_str()), ("out\n", "err\n"));
        }
        assert_eq!(names(&place), Vec::<String>::new(), "it has said farewell");
    }
    place.write("data", "no program");
    for (program, code) in [("no-such-program", 127), ("./data", 126)] {
        let ran = Ran::of(place.backsoon().args(["guard", "--", program]));
        assert_eq!((ran.code, names(&place)), (code, vec![]), "{ran:?}");
    }
    place.done("on");
    let ran = Ran::of(place.backsoon().args(["guard", "--", "no-such-program"]));
    assert_eq!(ran.code, 127, "no other time would do: {ran:?}");
    assert_eq!(place.run("guard").code, 2);
    assert_eq!(place.run("guard --name a/b -- true").code, 2);
}

#[test]
fn in_no_other_mode_it_starts() {
    let place = Place::new();
    for (flags, mode) in [("", "on"), (" --hold", "hold"), (" --read-only", "read-only")] {
        place.done(&format!("on{flags}"));
        let ran = guard(&place, &[], "touch started");
        assert_eq!((ran.code, place.path("started").exists(), names(&place)), (75, false, vec![]), "{ran:?}");
        assert!(ran.err.contains(&format!("error: sh was not started: * is {mode} (window w-")), "{ran:?}");
        place.done("off");
    }
    place.done("on --at 2090-01-01T00:00:00Z");
    assert_eq!(guard(&place, &[], "true").code, 0, "a window to come is not there yet");
}

#[test]
fn each_site_for_itself() {
    let place = Place::new();
    place.done("on --new-site --site shop.example.com");
    assert_eq!(guard(&place, &["--site", "shop.example.com"], "true").code, 75);
    let ran = guard(&place, &["--site", "shop.exmaple.com"], "true");
    assert!(ran.code == 0 && ran.err.contains("did you mean `shop.example.com`?"), "{ran:?}");
    assert_eq!(guard(&place, &[], "true").code, 0);
}

#[test]
fn it_waits_for_the_opening_if_it_may() {
    let place = Place::new();
    place.done("on --read-only");
    let ran = guard(&place, &["--wait=300ms"], "touch started");
    assert_eq!((ran.code, place.path("started").exists()), (75, false), "{ran:?}");
    let mut waiting = Running::start(&place, &["guard", "--wait", "--", "sh", "-c", "touch started"]);
    waiting.says("waiting: * is read-only");
    assert_eq!(names(&place).len(), 1);
    assert!(!waiting.is_over() && !place.path("started").exists());
    place.done("off");
    let over = waiting.over();
    assert_eq!((over.code, place.path("started").exists()), (0, true), "{over:?}");

    place.done("on");
    let waiting = Running::start(&place, &["guard", "--wait", "--", "true"]);
    eventually("it is on the roster", || names(&place).len() == 1);
    waiting.signal("TERM");
    assert_eq!(waiting.over().code, 143);
    assert_eq!(names(&place), Vec::<String>::new());
}

#[test]
fn a_closing_waits_for_it_and_names_it() {
    let place = Place::new();
    open(&place);
    let _gate = Gate::before_nothing(&place);
    let job = Running::start(&place, &["guard", "--name", "import", "--", "sh", "-c", UNTIL_TOLD]);
    there(&place, "started");
    let fleet = place.json("fleet --for 1s");
    let job_there = fleet["instances"].as_array().unwrap().iter().find(|member| member["name"] == "import");
    assert_eq!(job_there.unwrap()["kind"], "job");
    let ran = place.run("on --wait=500ms");
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.contains("late      import: "), "{ran:?}");
    let closing = Running::start(&place, &["on", "--message", "b", "--wait=30s"]);
    let again = guard(&place, &["--name", "import"], "true");
    assert_eq!(again.code, 75, "two at once would hide each other: {again:?}");
    assert!(again.err.contains("somebody called `import` is on the roster already"), "{again:?}");
    place.write("go", "");
    assert_eq!(job.over().code, 6, "it runs to its end");
    let over = closing.over();
    assert!(over.code == 0 && over.out.contains("confirmed"), "{over:?}");
}

#[test]
fn signals_reach_it_and_a_name_of_a_dead_one_is_free() {
    let place = Place::new();
    open(&place);
    let words = ["guard", "--name", "import", "--", "sh", "-c", UNTIL_TOLD];
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let job = Running::start(&place, &words);
        there(&place, "started");
        job.signal(signal);
        let over = job.over();
        assert_eq!((over.code, names(&place)), (code, vec![]), "{over:?}");
        std::fs::remove_file(place.path("started")).unwrap();
    }
    let job = Running::start(&place, &words);
    there(&place, "started");
    eventually("it says whom it stands for", || {
        let report = std::fs::read(place.default_store().join("roster/import")).unwrap();
        // It may be written just now.
        serde_json::from_slice::<serde_json::Value>(&report)
            .is_ok_and(|said| said["place"]["pid"] != job.id())
    });
    job.kill();
    let ran = place.run("on --wait=500ms");
    assert_eq!(ran.code, 3, "the guard is dead, but what it guarded runs on: {ran:?}");
    assert!(ran.out.contains("late      import: "), "{ran:?}");
    place.write("go", "");
    let _gate = Gate::before_nothing(&place);
    assert!(place.done("on --message b --wait=30s").contains("confirmed"), "it has ended");
    place.done("off --all");
    let ran = guard(&place, &["--name", "import"], "true");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!names(&place).contains(&"import".to_owned()));
}

#[test]
fn while_nobody_knows_nothing_starts() {
    let place = Place::new();
    let ran = guard(&place, &[], "touch started");
    assert_eq!((ran.code, place.path("started").exists()), (75, false), "{ran:?}");
    assert!(ran.err.contains("sh was not started: there is no store at"), "{ran:?}");
    open(&place);
    let (store, gone) = (place.default_store(), place.path("gone"));
    std::fs::rename(&store, &gone).unwrap();
    std::fs::write(&store, "in the way").unwrap();
    let ran = guard(&place, &[], "touch started");
    assert_eq!((ran.code, place.path("started").exists()), (75, false), "{ran:?}");

    let waiting = Running::start(&place, &["guard", "--wait", "--", "sh", "-c", "touch started"]);
    std::thread::sleep(std::time::Duration::from_millis(300));
    std::fs::remove_file(&store).unwrap();
    std::fs::rename(&gone, &store).unwrap();
    let over = waiting.over();
    assert_eq!((over.code, place.path("started").exists()), (0, true), "{over:?}");

    std::fs::write(store.join("state"), r#"{"schema": 99}"#).unwrap();
    let ran = guard(&place, &[], "touch again");
    assert_eq!((ran.code, place.path("again").exists()), (75, false), "{ran:?}");
}

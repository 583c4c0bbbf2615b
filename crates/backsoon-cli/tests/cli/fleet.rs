//! `backsoon fleet` and `backsoon fleet forget`.

use std::process::Stdio;

use insta::assert_snapshot;

use super::gate::{Gate, until};
use super::place::{Place, unpadded};
use super::running::{Running, eventually};

/// A report of a machine that nobody reaches; `beat` counts if somebody renews it.
fn elsewhere(place: &Place, name: &str, beat: u64, lease_ms: u64) {
    let report = format!(
        r#"{{"name": "{name}", "kind": "worker", "program": "1.2", "beat": {beat}, "lease_ms": {lease_ms},
        "place": {{"host": "elsewhere", "boot": "b", "pid": 1, "started": 1}}, "clock": "2026-11-20T12:00:00Z",
        "lineage": null, "revision": 0, "closings": {{"*": "hold"}}, "serves": [], "draining": {{"*": 2}}, "held": 3,
        "age_ms": 4000, "troubles": ["it has schema 7"]}}"#
    );
    let roster = place.default_store().join("roster");
    std::fs::create_dir_all(&roster).unwrap();
    let draft = place.path("draft");
    std::fs::write(&draft, report).unwrap();
    std::fs::rename(draft, roster.join(name)).unwrap();
}

fn names(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.default_store().join("roster")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn one_picture_of_everybody_with_those_first_who_need_a_look() {
    let place = Place::new();
    let _names = place.names();
    let _gate = Gate::before_nothing(&place);
    place.done("on");
    elsewhere(&place, "worker-1", 3, 300);
    elsewhere(&place, "worker-2", 3, 60_000);
    assert_snapshot!(unpadded(&place.run("fleet --for 1s").shown()), @"
    exit 0
    file:DIR/state/backsoon/store, revision 1: * on
      instance  kind  life  version  revision  closed  draining  held  heard  wrong
      worker-1  worker  lost  1.2  0 behind  * hold  2  3  AGO  it has schema 7
      worker-2  worker  unheard  1.2  0 behind  * hold  2  3  AGO  it has schema 7
      INSTANCE  gate  live  0.1.0  1  * on  0  0  AGO  -
    ");
    let fleet = place.json("fleet --for 1s");
    let life = |place: usize| fleet["instances"][place]["life"].as_str().unwrap().to_owned();
    assert_eq!([life(0), life(1), life(2)], ["lost", "unheard", "live"], "{fleet}");
    assert_eq!((&fleet["instances"][0]["follows"], &fleet["revision"]), (&false.into(), &1.into()));
    assert_eq!(fleet["sites"], "* on");
}

#[test]
fn nobody_and_nothing() {
    let place = Place::new();
    let _names = place.names();
    assert_eq!(place.run("fleet").code, 4, "there is no store yet");
    place.done("on");
    place.done("off");
    assert_snapshot!(place.run("fleet --once").shown(), @"
    exit 0
    file:DIR/state/backsoon/store, revision 2: all open
    nobody follows this store: no server closes or opens because of it
    ");
}

#[test]
fn a_window_whose_program_has_gone_is_named() {
    let place = Place::new();
    let gate = Gate::before_nothing(&place);
    let running = Running::start(
        &place,
        &["run", "--", "sh", "-c", "touch started; while [ -e started ] && [ ! -e go ]; do sleep 0.05; done"],
    );
    super::running::there(&place, "started");
    assert!(!place.done("fleet --once").contains("lapsed"), "it is kept");
    running.kill();
    let id = place.json("fleet")["lapsed"][0].as_str().unwrap().to_owned();
    let picture = place.done("fleet");
    assert!(picture.contains(&format!("lapsed: window {id}")), "{picture}");
    assert!(picture.contains(&format!("`backsoon off --window {id}` ends it")), "{picture}");
    assert_eq!(gate.status(), 503);
    place.write("go", "");
}

#[test]
fn on_a_terminal_it_goes_on_until_it_is_told_to_stop() {
    let place = Place::new();
    place.done("on");
    elsewhere(&place, "worker-1", 3, 1_200);
    // `script` makes a terminal; what is typed into it is typed there.
    let bin = assert_cmd::cargo::cargo_bin("backsoon");
    let line = format!(
        "trap : INT; stty rows 40 cols 200; env --default-signal=INT {} fleet; echo ended with $?",
        bin.display()
    );
    let mut command = place.program("script");
    command.args(["-qefc", &line, "picture"]).env("TERM", "xterm-256color");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let shown =
        || String::from_utf8_lossy(&std::fs::read(place.path("picture")).unwrap_or_default()).into_owned();
    eventually("nobody can tell yet", || shown().contains("unheard"));
    eventually("it is lost", || shown().contains("lost"));
    let before = shown().len();
    // With a lease that outlasts the looking: else it may be lost again before the picture is drawn.
    elsewhere(&place, "worker-1", 4, 60_000);
    eventually("it moves", || shown().get(before..).is_some_and(|since| since.contains("live")));
    assert_eq!(place.run("off").code, 3, "worker-1 is there and does not follow");
    eventually("the headline follows", || shown().contains("revision 2: all open"));
    let mut keys = child.stdin.take().unwrap();
    eventually("it has ended", || {
        // Again and again, for `script` does not hand on every key on a busy machine.
        let _ = std::io::Write::write_all(&mut keys, b"\x03");
        shown().contains("ended with 0")
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn who_is_lost_is_forgotten_and_no_receipt_waits_for_it_any_more() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    place.done("on");
    elsewhere(&place, "worker-1", 3, 300);
    elsewhere(&place, "worker-2", 3, 300);
    assert_eq!(place.run("on --message b --wait=1s").code, 3);
    let said = place.done("fleet forget worker-1 worker-2");
    assert_eq!(said.matches("forgotten").count(), 2, "{said}");
    assert_eq!(names(&place).len(), 1, "the gate is left");
    place.done("on --message c --wait=20s");
    elsewhere(&place, "worker-1", 4, 300);
    assert_eq!(place.json("fleet")["instances"].as_array().unwrap().len(), 2, "whoever comes back is back");
}

#[test]
fn who_lives_is_not_forgotten_and_then_nobody_is() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    let gate = names(&place).remove(0);
    elsewhere(&place, "worker-1", 3, 300);
    let ran = place.run(&format!("fleet forget worker-1 {gate}"));
    assert_eq!((ran.code, names(&place).len()), (1, 2), "{ran:?}");
    assert!(ran.err.contains(&format!("`{gate}` lives, so it is not forgotten")), "{ran:?}");

    // One elsewhere is given its lease, and a beat within that is a sign of life.
    elsewhere(&place, "worker-2", 3, 60_000);
    let mut forgetting = Running::start(&place, &["fleet", "forget", "worker-2"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(!forgetting.is_over(), "nobody can tell yet");
    elsewhere(&place, "worker-2", 4, 60_000);
    let over = forgetting.over();
    assert_eq!((over.code, names(&place).len()), (1, 3), "{over:?}");
    assert!(over.err.contains("`worker-2` lives"), "{over:?}");
}

#[test]
fn a_dead_process_of_this_machine_is_forgotten_at_once() {
    let place = Place::new();
    let gate = Gate::before_nothing(&place);
    let name = names(&place).remove(0);
    gate.kill();
    let seen = until(&place, "fleet --json", |ran| ran.out.contains("\"dead\""));
    assert_eq!(seen.code, 0);
    place.done(&format!("fleet forget {name}"));
    assert_eq!(names(&place), Vec::<String>::new());
}

#[test]
fn a_gate_that_was_killed_makes_a_receipt_forced_and_is_named_until_it_is_forgotten() {
    let place = Place::new();
    let (stays, killed) = (Gate::before_nothing(&place), Gate::before_nothing(&place));
    killed.kill();
    let receipt = place.done("on --wait");
    assert!(receipt.contains("forced after"), "{receipt}");
    assert!(receipt.contains("1 server at revision 1; 1 server ended without a farewell"), "{receipt}");
    assert!(receipt.contains("it had no request; what it had handed on may still run"), "{receipt}");
    let ended = place.json("on --wait")["receipt"]["ended"][0]["server"].clone();
    place.done(&format!("fleet forget {}", ended.as_str().unwrap()));
    let receipt = place.done("on --wait");
    assert!(receipt.contains("confirmed after"), "{receipt}");
    drop(stays);
}

#[test]
fn who_is_not_there_cannot_be_forgotten() {
    let place = Place::new();
    place.done("on");
    elsewhere(&place, "worker-1", 3, 300);
    let ran = place.run("fleet forget worker-1 worker-l");
    assert_eq!((ran.code, names(&place).len()), (1, 1), "{ran:?}");
    assert!(
        ran.err.contains("nobody called `worker-l` is on the roster; did you mean `worker-1`?"),
        "{ran:?}"
    );
    let ran = place.run("fleet forget");
    assert!(ran.code == 2 && ran.err.contains("NAME"), "{ran:?}");
}

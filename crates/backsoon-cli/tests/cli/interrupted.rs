//! Whoever waits for a receipt has read before what was written, and whoever is told to stop says how things stand.

use super::gate::Gate;
use super::place::Place;
use super::run::lost;
use super::running::{Over, Running, eventually};

/// The windows of the site, by their names.
fn windows(place: &Place) -> Vec<String> {
    let windows = place.json("status")["sites"]["*"]["windows"].clone();
    windows.as_array().unwrap().iter().map(|window| window["id"].as_str().unwrap().to_owned()).collect()
}

/// A site of which one server is lost, so that whoever waits waits.
fn waiting_for_ever() -> (Place, Gate) {
    let place = Place::new();
    let gate = Gate::before_nothing(&place);
    lost(&place);
    (place, gate)
}

fn interrupted(mut running: Running, said: &str, signal: &str) -> Over {
    running.says(said);
    running.signal(signal);
    running.over()
}

#[test]
fn what_was_written_is_said_before_the_wait() {
    let (place, gate) = waiting_for_ever();
    for (words, signal, code) in [
        (&["on", "--wait=30s", "--message", "a"][..], "INT", 130),
        (&["on", "--wait=30s", "--json", "--message", "b"], "TERM", 143),
    ] {
        let mut running = Running::start(&place, words);
        running.says("; `backsoon off` reopens");
        assert!(!running.is_over());
        let over = interrupted(running, "waiting: * is on by window w-", signal);
        assert_eq!((over.code, over.out.as_str()), (code, ""), "{over:?}");
        let id = windows(&place).pop().unwrap();
        assert!(over.err.starts_with(&format!("waiting: * is on by window {id}")), "{over:?}");
        let last = over.err.lines().last().unwrap();
        assert!(last.starts_with("told to stop: ") && last.contains("still closed"), "{over:?}");
        assert!(last.contains(&id) && last.contains("`backsoon off` reopens"), "{over:?}");
        assert_eq!(gate.status(), 503);
    }
    let far = ["on", "--wait=30s", "--at", "2030-01-01T00:00:00Z"];
    let over = interrupted(Running::start(&place, &far), "waiting: * is to be on by window w-", "INT");
    let id = windows(&place).pop().unwrap();
    assert!(over.err.contains(&format!("`backsoon off --window {id}` calls it off")), "{over:?}");
    let last = over.err.lines().last().unwrap();
    assert!(over.code == 130 && last.contains("still scheduled"), "{over:?}");
}

#[test]
fn a_reopening_says_so_too() {
    let (place, gate) = waiting_for_ever();
    place.done("on");
    let id = windows(&place).pop().unwrap();
    let off = Running::start(&place, &["off", "--wait=30s"]);
    let over = interrupted(off, &format!("waiting: window {id} has ended"), "INT");
    assert_eq!((over.code, over.out.as_str()), (130, ""), "{over:?}");
    let last = over.err.lines().last().unwrap();
    assert!(last.starts_with("told to stop: ") && last.contains("not confirmed"), "{over:?}");
    eventually("it is open", || gate.status() == 502);
}

#[test]
fn what_was_not_confirmed_and_is_to_reopen_says_what_is_left() {
    let (place, gate) = waiting_for_ever();
    let words = ["on", "--wait=30s", "--or-reopen"];
    let over = interrupted(Running::start(&place, &words), "waiting: * is on by window", "INT");
    assert!(over.code == 130 && over.err.contains("still closed"), "{over:?}");
    assert_eq!(gate.status(), 503, "whoever has interrupted it decides");
}

#[test]
fn programs_read_one_document() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    for line in ["on --wait=20s --json", "off --wait=20s --json"] {
        let ran = place.run(line);
        let said: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((ran.code, &said["receipt"]["verdict"]), (0, &"confirmed".into()), "{ran:?}");
        assert!(ran.err.starts_with("waiting: "), "{ran:?}");
    }
}

#[test]
fn who_does_not_wait_is_told_once() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    let ran = place.run("on");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
}

//! `backsoon run`: a command behind a closed site.

use std::time::Duration;

use insta::assert_snapshot;

use super::gate::{Gate, answer, until};
use super::place::{Place, Ran};
use super::running::{Running, eventually, there};

/// Says that it runs, goes on when it is told to or its place has gone, and ends with 0.
const UNTIL_TOLD: &str =
    "touch started; while [ -e started ] && [ ! -e go ]; do sleep 0.02; done; touch ended";

/// A report that nobody renews, of a machine that nobody reaches.
fn lost(place: &Place) {
    let report = r#"{"name": "web-2", "kind": "web", "program": "1", "beat": 3, "lease_ms": 300,
        "place": {"host": "elsewhere", "boot": "b", "pid": 1, "started": 1}, "clock": "2026-11-20T12:00:00Z",
        "lineage": null, "revision": 0, "closings": {}, "serves": [], "draining": {}, "held": 0, "age_ms": 1000,
        "troubles": []}"#;
    let roster = place.default_store().join("roster");
    std::fs::create_dir_all(&roster).unwrap();
    std::fs::write(roster.join("web-2"), report).unwrap();
}

fn run(place: &Place, flags: &[&str], script: &str) -> Ran {
    let words = [&["run"], flags, &["--", "sh", "-c", script]].concat();
    Ran::of(place.backsoon().args(words))
}

/// The windows there are, each with its source and its note.
fn windows(place: &Place) -> Vec<(String, String)> {
    let status = place.json("status");
    let windows = status["sites"]["*"]["windows"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    windows.iter().map(|window| (text(&window["source"]), text(&window["note"]))).collect()
}

#[test]
fn the_site_is_closed_while_the_command_runs_and_only_then() {
    let place = Place::new();
    let _names = place.names();
    let gate = Gate::before_nothing(&place);
    let words = ["run", "--message", "We are moving.", "--note", "ticket 7", "--", "sh", "-c", UNTIL_TOLD];
    let mut running = Running::start(&place, &words);
    there(&place, "started");
    assert_eq!(gate.status(), 503);
    let status = place.run("status");
    assert!(status.out.contains("We are moving.") && status.out.contains("ticket 7"), "{status:?}");
    assert!(status.out.contains("it ends this window itself"), "{status:?}");
    assert!(!running.is_over());
    place.write("go", "");
    let over = running.over();
    assert_snapshot!(format!("exit {}\n{}--- stderr\n{}", over.code, over.out, over.err), @"
    exit 0
    --- stderr
    *: on while sh runs
      window    w-ID
      receipt   confirmed after SPAN: 1 server at revision 1; no earlier request was running
      let in    health paths, robots.txt
    *: open
      ended     w-ID
      impact    w-ID: closed TIME to TIME: 1 refused, 0 held, 0 cut, no pass used
    ");
    assert_eq!((windows(&place), place.path("ended").exists()), (vec![], true));
    until(&place, "status --json", |_| gate.status() == 502);
    let leases = std::fs::read_dir(place.default_store().join("leases")).map_or(0, Iterator::count);
    assert_eq!(leases, 0, "the lease has gone with its window");
}

#[test]
fn the_command_knows_its_window_and_keeps_its_input_and_output() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    let script = "cat; echo \"$BACKSOON_WINDOW $BACKSOON_REVISION\"; echo oh >&2";
    place.write("input", "from outside\n");
    let input = std::fs::File::open(place.path("input")).unwrap();
    let ran = Ran::of(place.backsoon().args(["run", "--", "sh", "-c", script]).stdin(input));
    assert_eq!(ran.code, 0, "{ran:?}");
    let window = ran.err.lines().find_map(|line| line.trim().strip_prefix("window")).unwrap().trim();
    assert_eq!(ran.out, format!("from outside\n{window} 1\n"));
    assert!(ran.err.contains("\noh\n"), "{ran:?}");
}

#[test]
fn several_sites_close_and_open_in_one_change_each() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    for host in ["a.example.com", "b.example.com"] {
        place.done(&format!("on --new-site --site {host}"));
        place.done(&format!("off --site {host}"));
    }
    let flags = ["--site", "a.example.com", "--site", "b.example.com", "--read-only"];
    let ran = run(&place, &flags, "echo $BACKSOON_WINDOW | wc -w; echo $BACKSOON_REVISION");
    assert_eq!((ran.code, ran.out.as_str()), (0, "2\n5\n"), "{ran:?}");
    assert!(ran.err.contains("a.example.com: read-only while") && ran.err.contains("b.example.com: open"));
    assert_eq!(place.json("status")["revision"], 6);
    let ran = run(&place, &["--site", "c.example.com"], "touch started");
    assert_eq!((ran.code, place.path("started").exists()), (1, false), "{ran:?}");
    assert!(ran.err.contains("nobody knows the site `c.example.com`"), "{ran:?}");
}

#[test]
fn a_command_that_fails_leaves_the_site_closed_for_an_operator() {
    let place = Place::new();
    let _names = place.names();
    let gate = Gate::before_nothing(&place);
    let ran = run(&place, &["--note", "ticket 7"], "exit 7");
    assert_snapshot!(ran.shown(), @"
    exit 7
    --- stderr
    *: on while sh runs
      window    w-ID
      receipt   confirmed after SPAN: 1 server at revision 1; no earlier request was running
      let in    health paths, robots.txt
    failed: sh ended with 7; its window stays, and when all is mended `backsoon off --window w-ID` ends it
    still closed: * is on because of window w-ID of ann@HOST on * (`backsoon off` ends it)
    ");
    assert_eq!(gate.status(), 503);
    assert_eq!(windows(&place), [("operator".to_owned(), "ticket 7; sh ended with 7".to_owned())]);
    let status = place.json("status");
    assert_eq!((&status["lapsed"], &status["revision"]), (&serde_json::json!([]), &2.into()));
    let line = ran.err.split('`').nth(1).unwrap();
    place.done(line.strip_prefix("backsoon ").unwrap());
    assert_eq!(gate.status(), 502);
}

#[test]
fn a_command_that_fails_reopens_the_site_if_that_is_wished() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    for (script, code) in [("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)] {
        let ran = run(&place, &["--on-failure", "open"], script);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.contains("*: open"), "{ran:?}");
        assert_eq!(windows(&place), []);
    }
    assert_eq!(run(&place, &[], "kill -9 $$").code, 137);
    assert_eq!(windows(&place)[0].1, "sh was ended by signal 9");
}

#[test]
fn a_command_that_cannot_be_started_leaves_nothing_closed() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    place.write("data", "no program");
    for (program, code) in [("./nowhere", 127), ("no-such-program", 127), ("./data", 126)] {
        let ran = Ran::of(place.backsoon().args(["run", "--", program]));
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.err.contains("nothing was run, and the window was ended"), "{ran:?}");
        assert_eq!(windows(&place), []);
    }
    let ran = place.run("run");
    assert!(ran.code == 2 && ran.err.contains("COMMAND"), "{ran:?}");
}

#[test]
fn what_is_not_confirmed_is_not_started() {
    let place = Place::new();
    let _names = place.names();
    let ran = run(&place, &["--wait", "100ms"], "touch started");
    assert_eq!((ran.code, place.path("started").exists()), (3, false), "{ran:?}");
    assert!(ran.err.contains("nobody follows this store, so nobody can confirm"), "{ran:?}");

    let _gate = Gate::before_nothing(&place);
    lost(&place);
    let ran = run(&place, &["--wait", "900ms"], "touch started");
    assert_eq!((ran.code, place.path("started").exists(), windows(&place)), (3, false, vec![]), "{ran:?}");
    assert!(
        ran.err.contains("error: not confirmed, so sh was not started and its window was ended: web-2: lost")
    );
    let ran = run(&place, &["--wait", "900ms", "--accept-lost", "--instances", "2"], "touch started");
    assert_eq!((ran.code, place.path("started").exists()), (3, false), "{ran:?}");
    assert!(ran.err.contains("--instances asks for 2"), "{ran:?}");
    let ran = run(&place, &["--accept-lost"], "touch started");
    assert_eq!((ran.code, place.path("started").exists()), (0, true), "{ran:?}");
}

#[test]
fn two_at_once_end_each_its_own() {
    let place = Place::new();
    let gate = Gate::before_nothing(&place);
    let first = Running::start(&place, &["run", "--", "sh", "-c", UNTIL_TOLD]);
    there(&place, "started");
    let ran = run(&place, &[], "true");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("still closed: * is on because of window w-"), "{ran:?}");
    assert_eq!((gate.status(), windows(&place).len()), (503, 1));
    place.write("go", "");
    let over = first.over();
    assert!(over.code == 0 && over.err.contains("*: open"), "{over:?}");
    assert_eq!(windows(&place), []);
}

#[test]
fn an_operators_closing_stays_and_is_named() {
    let place = Place::new();
    let _names = place.names();
    let _gate = Gate::before_nothing(&place);
    place.done("on --note house");
    let ran = run(&place, &[], "true");
    assert_snapshot!(ran.shown(), @"
    exit 0
    --- stderr
    *: on while sh runs
      window    w-ID
      receipt   confirmed after SPAN: 1 server at revision 2; no earlier request was running
      let in    health paths, robots.txt
    still closed: * is on because of window w-ID of ann@HOST on * (`backsoon off` ends it)
      ended     w-ID
      impact    w-ID: closed TIME to TIME: 0 refused, 0 held, 0 cut, no pass used
    ");
    assert_eq!(windows(&place), [("operator".to_owned(), "house".to_owned())]);
}

fn bin() -> String {
    assert_cmd::cargo::cargo_bin("backsoon").display().to_string()
}

#[test]
fn a_window_that_somebody_else_has_ended_is_no_failure() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    let ran = run(&place, &[], &format!("{} off --window $BACKSOON_WINDOW >/dev/null", bin()));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("by somebody else before"), "{ran:?}");
    let ran = run(&place, &[], &format!("{} off --window $BACKSOON_WINDOW >/dev/null; exit 7", bin()));
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.err.contains("failed: sh ended with 7") && ran.err.contains("*: open"), "{ran:?}");
}

#[test]
fn signals_reach_the_command() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129), ("QUIT", 131)] {
        // In the background, because a shell hears of no signal while it waits for what is in front.
        let script = "sleep 60 >/dev/null 2>&1 & echo $! > sleeper; touch started; wait";
        let words = ["run", "--on-failure", "open", "--", "sh", "-c", script];
        let running = Running::start(&place, &words);
        there(&place, "started");
        running.signal(signal);
        let over = running.over();
        assert_eq!((over.code, windows(&place)), (code, vec![]), "{signal}: {over:?}");
        std::fs::remove_file(place.path("started")).unwrap();
        let sleeper = std::fs::read_to_string(place.path("sleeper")).unwrap();
        Ran::of(place.program("kill").arg(sleeper.trim()));
    }
}

#[test]
fn a_command_may_take_its_time_over_a_signal_and_gets_the_second_one_too() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    let script = "trap 'echo . >> heard' INT; touch started; \
                  while [ -e started ] && [ \"$(cat heard 2>/dev/null | wc -l)\" -lt 2 ]; do sleep 0.02; done; exit 5";
    let running = Running::start(&place, &["run", "--", "sh", "-c", script]);
    there(&place, "started");
    running.signal("INT");
    there(&place, "heard");
    running.signal("INT");
    let over = running.over();
    assert_eq!(over.code, 5, "{over:?}");
    assert_eq!(windows(&place)[0].0, "operator");
}

#[test]
fn the_gate_s_metrics_name_a_window_whose_program_was_killed() {
    let place = Place::new();
    let observe = std::net::SocketAddr::from(([127, 0, 0, 1], testbed::port::free()));
    let gate = Gate::start(&place, &format!("--upstream http://127.0.0.1:9 --observe {observe}"));
    let running = Running::start(&place, &["run", "--", "sh", "-c", UNTIL_TOLD]);
    there(&place, "started");
    let lapsed = |count: &str| {
        let (name, page) = ("backsoon_windows_lapsed", answer(observe, "/metrics"));
        page.lines().any(|line| line == format!("{name} {count}"))
    };
    eventually("it is kept", || lapsed("0"));
    running.kill();
    eventually("it has lapsed", || lapsed("1"));
    assert_eq!(gate.status(), 503);
    let id = place.json("status")["sites"]["*"]["windows"][0]["id"].as_str().unwrap().to_owned();
    place.done(&format!("off --window {id}"));
    eventually("an operator has ended it", || lapsed("0"));
}

#[test]
fn under_nohup_a_hang_up_is_nobodys_business() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    let script = format!("trap '' HUP; exec {} run -- sh -c '{UNTIL_TOLD}'", bin());
    let mut child =
        place.program("sh").args(["-c", &script]).stderr(std::process::Stdio::null()).spawn().unwrap();
    there(&place, "started");
    assert!(place.program("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    std::thread::sleep(Duration::from_millis(100));
    place.write("go", "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn told_to_stop_while_it_waits_it_reopens_and_starts_nothing() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    lost(&place);
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let running = Running::start(&place, &["run", "--", "sh", "-c", "touch started"]);
        eventually("it is closed", || windows(&place).len() == 1);
        running.signal(signal);
        let over = running.over();
        assert_eq!(
            (over.code, windows(&place), place.path("started").exists()),
            (code, vec![], false),
            "{over:?}"
        );
        assert!(over.err.contains("sh was not started and its window was ended"), "{over:?}");
    }
}

#[test]
fn killed_it_leaves_a_window_that_has_lapsed() {
    let place = Place::new();
    let gate = Gate::before_nothing(&place);
    let running = Running::start(&place, &["run", "--", "sh", "-c", UNTIL_TOLD]);
    there(&place, "started");
    running.kill();
    assert_eq!(gate.status(), 503);
    let status = place.json("status");
    let id = status["sites"]["*"]["windows"][0]["id"].clone();
    assert_eq!(status["lapsed"], serde_json::json!([id]));
    place.write("go", "");
    there(&place, "ended");
    assert_eq!(gate.status(), 503, "nobody is left who would end it");
}

#[test]
fn while_the_store_is_away_the_ending_is_tried_again() {
    let place = Place::new();
    let _gate = Gate::before_nothing(&place);
    let (store, gone) = (place.default_store(), place.path("gone"));
    // Nothing can be made in the store's place then, so it is away and not just empty.
    let away = format!("mv {0} {1} && touch {0}; touch started", store.display(), gone.display());
    let back = || {
        std::fs::remove_file(&store).unwrap();
        std::fs::rename(&gone, &store).unwrap();
    };
    let running = Running::start(&place, &["run", "--", "sh", "-c", &away]);
    there(&place, "started");
    std::thread::sleep(Duration::from_millis(300));
    back();
    let over = running.over();
    assert_eq!((over.code, windows(&place)), (0, vec![]), "{over:?}");
    assert!(over.err.contains("warning: the window cannot be ended yet"), "{over:?}");

    let ran = run(&place, &["--keep-trying", "300ms"], &away);
    assert_eq!(ran.code, 4, "{ran:?}");
    back();
    let id = place.json("status")["lapsed"][0].as_str().unwrap().to_owned();
    assert!(ran.err.contains(&format!("until `backsoon off --window {id}` is run")), "{ran:?}");
    place.done(&format!("off --window {id}"));
    assert_eq!(windows(&place), []);
}

#[test]
fn without_a_store_nothing_is_started() {
    let place = Place::new();
    let words = ["run", "--store", "sqlite:./none/a.db", "--", "touch", "started"];
    let ran = Ran::of(place.backsoon().args(words));
    assert_eq!((ran.code, place.path("started").exists()), (4, false), "{ran:?}");
}

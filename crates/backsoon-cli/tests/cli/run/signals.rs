//! Signals: which reach the command, and what is left when `run` itself is killed.

use std::time::Duration;

use super::{UNTIL_TOLD, bin, lost, windows};
use crate::gate::{Gate, answer};
use crate::place::{Place, Ran};
use crate::running::{Running, eventually, there};

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

//! The closing around a command: one window each, and nobody else's.

use insta::assert_snapshot;

use super::{UNTIL_TOLD, bin, run, windows};
use crate::gate::{Gate, until};
use crate::place::{Place, Ran};
use crate::running::{Running, there};

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

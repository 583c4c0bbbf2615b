//! What does not go well: the command fails or is not started, nobody confirms, the store is away.

use std::time::Duration;

use insta::assert_snapshot;

use super::{lost, run, windows};
use crate::gate::Gate;
use crate::place::{Place, Ran};
use crate::running::{Running, there};

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
    place.done("on");
    place.done("off");
    for (program, code) in
        [("./nowhere", 127), ("no-such-program", 127), ("", 127), ("./data", 126), ("./", 126)]
    {
        let ran = Ran::of(place.backsoon().args(["run", "--", program]));
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{ran:?}");
        let why = if code == 127 { "there is no such program" } else { "nothing that may be run" };
        assert!(
            ran.err.contains(&format!("`{program}` cannot be started: ")) && ran.err.contains(why),
            "{ran:?}"
        );
        assert!(ran.err.contains("nothing was closed"), "{ran:?}");
        assert_eq!(place.json("status")["revision"], 2, "no window came and went");
    }
    // What only the system can tell is told afterwards.
    place.write("script", "#!/no/such/shell\n");
    assert!(place.program("chmod").args(["+x", "script"]).status().unwrap().success());
    let ran = Ran::of(place.backsoon().args(["run", "--", "./script"]));
    assert!(ran.code == 127 && ran.err.contains("nothing was run, and the window was ended"), "{ran:?}");
    assert_eq!(windows(&place), []);
    // Without followers the receipt would be waited for in vain.
    let alone = Place::new();
    let ran = Ran::of(alone.backsoon().args(["run", "--", "no-such-program"]));
    assert_eq!((ran.code, alone.default_store().exists()), (127, false), "{ran:?}");
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

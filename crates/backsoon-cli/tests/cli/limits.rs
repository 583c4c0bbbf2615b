//! What is too much or too little to be meant: it is refused in a sentence that says so, and nothing is written.

use super::place::{Place, Ran};

fn refused(place: &Place, line: &str, says: &[&str]) {
    let ran = place.run(line);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}: {ran:?}");
    for words in says {
        assert!(ran.err.contains(words), "{line} says {words:?}: {ran:?}");
    }
}

#[test]
fn durations_out_of_range_say_which_way() {
    let place = Place::new();
    for (line, says) in [
        ("on --for 0s", "`0s` is too short"),
        ("on --for -5m", "`-5m` is negative"),
        ("on --for=-5m", "`-5m` is negative"),
        ("on --for 99999999999h", "`99999999999h` is too long; at most 10 years"),
        ("on --for 100000d", "`100000d` is too long; at most 10 years"),
        ("on --wait=0s", "`0s` is too short"),
        ("on --cut-after -1s", "`-1s` is negative"),
        ("on --hold --max-wait -1s", "`-1s` is negative"),
        ("on --hold --max-held -1", "write how many"),
        ("on --hold --release -1", "write how many a second"),
        ("on --wait --instances -1", "write how many"),
        ("off --wait=-5m", "`-5m` is negative"),
        ("run --wait -5m -- touch started", "`-5m` is negative"),
        ("run --instances -1 -- touch started", "write how many"),
        ("run --keep-trying -5m -- touch started", "`-5m` is negative"),
        ("guard --wait=-5m -- touch started", "`-5m` is negative"),
        ("pass new --for Ann --expires -5m", "`-5m` is negative"),
        ("fleet --for -5m", "`-5m` is negative"),
        ("on --for --json", "`--json` is not a duration"),
        ("on --for soon", "`soon` is not a duration; write 30m, 2h or 1h30m"),
    ] {
        refused(&place, line, &[says]);
    }
    assert!(!place.default_store().exists() && !place.path("started").exists(), "nothing was done");
}

#[test]
fn times_too_far_away_are_a_slip() {
    let place = Place::new();
    refused(&place, "on --until 9999-12-31T23:59:59Z", &["9999-12-31T23:59:59Z` is too far away"]);
    refused(&place, "on --until '9999-12-31 23:59 Europe/Berlin'", &["is too far away"]);
    refused(&place, "on --until -5m", &["`-5m` is not a time"]);
    refused(&place, "on --at -5m", &["`-5m` is not a time"]);
    refused(&place, "on --until 2300-01-01T00:00:00Z", &["--until", "at most 10 years"]);
    assert!(place.run("status").out.contains("nothing was ever closed here"));
    place.done("on --for 3650d");
}

#[test]
fn messages_and_notes_are_as_long_as_somebody_reads_them() {
    let place = Place::new();
    let (fits, long) = ("ä".repeat(2_000), "ä".repeat(2_001));
    for flag in ["--message", "--note"] {
        for verb in [&["on"][..], &["run", "--wait", "1s"]] {
            let words =
                [verb, &[flag, long.as_str(), "--", "true"][..if verb[0] == "on" { 2 } else { 4 }]].concat();
            let ran = Ran::of(place.backsoon().args(words));
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
            assert!(ran.err.contains("it has 2001 characters, and people read at most 2000"), "{ran:?}");
        }
    }
    let ran = Ran::of(place.backsoon().args(["on", "--message", &fits, "--note", &fits]));
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn what_lies_there_already_keeps_nobody_from_closing() {
    let place = Place::new();
    place.done("on --message short");
    let state = place.default_store().join("state");
    let text =
        std::fs::read_to_string(&state).unwrap().replace("\"short\"", &format!("{:?}", "a".repeat(2_001)));
    std::fs::write(&state, text).unwrap();
    let check = place.run("check");
    assert!(check.code == 1 && check.out.contains("has 2001 characters"), "{check:?}");
    place.done("on --read-only --message b");
    place.done("off");
}

//! `backsoon mirror` without a proxy: which files there are and when, and what a receipt waits for.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::place::Place;
use crate::program::Program;
use crate::stage::{PATIENCE, RULES};

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[test]
fn a_receipt_waits_until_the_command_has_ended() {
    let place = Place::new();
    // What stood there before the start is made equal first.
    place.write("flag", "on\n");
    place.write("go", "");
    let told = "while ! [ -e go ]; do sleep 0.05; done; echo $BACKSOON_MODE >> told";
    let flags = format!("mirror --file flag --page page.html --problem problem.json --exec '{told}'");
    let mirror = Program::start(&place, &flags, "the mirror of * follows ");
    assert_eq!(read(&place.path("flag")), None);
    assert_eq!(read(&place.path("told")).as_deref(), Some("off\n"));
    assert!(read(&place.path("page.html")).unwrap().contains("<!doctype html>"));
    place.write("rules.toml", RULES);
    place.done("apply rules.toml");

    std::fs::remove_file(place.path("go")).unwrap();
    let early = place.run("on --message 'Back at nine.' --wait=2s");
    assert!(early.code == 3 && early.out.contains("still has revision"), "{early:?}");
    assert_eq!(read(&place.path("flag")).as_deref(), Some("on\n"), "written, and not yet told");
    place.write("go", "");
    let said = place.done("on --message 'Back at nine.' --wait=20s");
    assert!(
        said.contains("in force") && said.contains("ignored   health paths, hooks, office, robots.txt"),
        "{said}"
    );
    assert!(read(&place.path("page.html")).unwrap().contains("Back at nine."));
    assert!(read(&place.path("problem.json")).unwrap().contains("\"detail\":\"Back at nine.\""));
    let checked = place.done("check");
    assert!(checked.contains("hooks, office") && checked.contains("only a request"), "{checked}");

    place.done("off --wait=20s");
    assert_eq!(read(&place.path("flag")), None);
    place.done("on --read-only --wait=20s");
    assert_eq!(read(&place.path("flag")).as_deref(), Some("read-only\n"));
    let lines = read(&place.path("told")).unwrap();
    assert!(lines.starts_with("off\non\n") && lines.ends_with("off\nread-only\n"), "{lines}");
    mirror.stop();
    assert_eq!(read(&place.path("flag")).as_deref(), Some("read-only\n"), "files outlive the mirror");
    assert!(place.json("status")["instances"].as_array().unwrap().is_empty(), "it has said farewell");
}

#[test]
fn trouble_is_told_and_tried_again() {
    let place = Place::new();
    let mirror =
        Program::start(&place, "mirror --file none/flag", "the mirror (which has trouble) of * follows ");
    let ran = place.run("on --wait=2s");
    assert!(ran.code == 3 && ran.out.contains("none/flag cannot be written"), "{ran:?}");
    std::fs::create_dir(place.path("none")).unwrap();
    let begun = Instant::now();
    while read(&place.path("none/flag")).as_deref() != Some("on\n") {
        assert!(begun.elapsed() < PATIENCE, "never tried again");
        std::thread::sleep(Duration::from_millis(50));
    }
    let said = place.done("on --wait=20s");
    assert!(said.contains("in force"), "{said}");
    drop(mirror);
}

#[test]
fn what_somebody_else_changes_is_not_claimed_for_long_and_a_new_receipt_looks_first() {
    let place = Place::new();
    let mirror = Program::start(
        &place,
        "mirror --file flag --page page --exec 'echo $BACKSOON_MODE >> told'",
        "the mirror of * follows ",
    );
    place.done("on --wait=20s");
    std::fs::remove_file(place.path("flag")).unwrap();
    // The picture is the same, and the proxy is open.
    place.done("on --for 1h --site other.example --new-site --wait=20s");
    assert_eq!(read(&place.path("flag")).as_deref(), Some("on\n"));
    std::fs::write(place.path("page"), "welcome").unwrap();
    let begun = Instant::now();
    while read(&place.path("page")).is_none_or(|page| page == "welcome") {
        assert!(begun.elapsed() < PATIENCE, "never looked at again");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(read(&place.path("told")).unwrap().lines().take(3).collect::<Vec<_>>(), ["off", "on", "on"]);
    drop(mirror);
}

#[test]
fn a_site_below_the_mirrored_one_is_not_claimed_until_it_is_mirrored_too() {
    let place = Place::new();
    for (mirrored, below) in [("*", "shop.example.com"), ("*.example.com", "www.example.com")] {
        let ready = format!("the mirror of {mirrored} follows ");
        let mirror = Program::start(&place, &format!("mirror --file flag --site {mirrored}"), &ready);
        let ran = place.run(&format!("on --site {below} --new-site --wait=3s"));
        assert_eq!(read(&place.path("flag")), None, "the proxy is open");
        let way_out = format!("--site '{mirrored}' --site '{below}'");
        assert!(ran.code == 3 && ran.out.contains(&way_out), "{ran:?}");
        let status = place.run("status");
        let said = format!("{}{}", status.out, status.err);
        assert!(said.contains(&way_out), "{said}");
        // Closed as a whole, the site below is closed with it.
        let whole = place.done(&format!("on --site {mirrored} --new-site --wait=20s"));
        assert!(whole.contains("in force"), "{whole}");
        mirror.stop();
        place.done(&format!("off --site {mirrored}"));

        let ready = format!("the mirror of {mirrored}, {below} follows ");
        let flags = format!("mirror --map map --site {mirrored} --site {below}");
        let both = Program::start(&place, &flags, &ready);
        assert!(place.done(&format!("off --site {below} --wait=20s")).contains("confirmed"));
        let said = place.done(&format!("on --site {below} --wait=20s"));
        assert!(said.contains("in force"), "{said}");
        assert_eq!(read(&place.path("map")).unwrap(), format!("{mirrored} off\n{below} on\n"));
        both.stop();
        place.done(&format!("off --site {below}"));
    }
}

#[test]
fn a_mirror_that_was_killed_blocks_receipts_until_it_is_there_again() {
    let place = Place::new();
    let ready = "the mirror of * follows ";
    let other = Program::start(&place, "mirror --file other", ready);
    let killed = Program::start(&place, "mirror --file flag", ready);
    place.done("off --wait=20s");
    killed.kill();
    // Whoever joins takes the dead off the roster.
    let joined = Program::start(&place, "mirror --file third", ready);
    let ran = place.run("on --wait=2s");
    assert!(ran.code == 3 && ran.out.contains("still has revision"), "{ran:?}");
    assert_eq!((read(&place.path("flag")), read(&place.path("other")).as_deref()), (None, Some("on\n")));
    let again = Program::start(&place, "mirror --file flag", ready);
    assert!(place.done("on --wait=20s").contains("in force"));
    assert_eq!(read(&place.path("flag")).as_deref(), Some("on\n"));
    assert_eq!(place.json("status")["instances"].as_array().unwrap().len(), 3);
    drop((other, joined, again));
}

#[test]
fn what_cannot_be_kept_is_wrong_usage() {
    let place = Place::new();
    for (line, way_out) in [
        ("mirror", "--file, --map or --page"),
        ("mirror --file a --site a.example --site b.example", "use --map"),
        ("serve --auth 127.0.0.1:0", "--trusted-proxy 127.0.0.1"),
    ] {
        let ran = place.run(line);
        assert!(ran.code == 2 && ran.err.contains(way_out), "{line}: {ran:?}");
    }
}

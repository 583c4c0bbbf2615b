//! What is shown where: colour on terminals, plain text in pipes, help, completions.

use std::process::Stdio;

use insta::assert_snapshot;

use super::place::{Place, Ran, words};

const ESCAPE: char = '\u{1b}';

#[test]
fn pipes_get_no_colour_unless_they_ask_for_it() {
    let place = Place::new();
    for line in ["on", "status", "explain --url http://a.example/", "history", "check", "off", "nonsense"] {
        let ran = place.run(line);
        assert!(!ran.shown().contains(ESCAPE), "{line}: {ran:?}");
        let forced = Ran::of(place.backsoon().args(words(line)).env("CLICOLOR_FORCE", "1"));
        assert!(forced.shown().contains(ESCAPE), "{line}: {forced:?}");
        let json = place.backsoon().args(words("status --json")).env("CLICOLOR_FORCE", "1").output().unwrap();
        assert!(!json.stdout.contains(&0x1b), "JSON has no colour");
    }
}

/// The same line on a terminal of its own: `script` makes one.
fn on_a_terminal(place: &Place, line: &str, variable: (&str, &str)) -> String {
    let program = assert_cmd::cargo::cargo_bin("backsoon");
    let line = format!("stty rows 40 cols 80; {} {line}", program.display());
    let mut command = place.program("script");
    command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm-256color").env(variable.0, variable.1);
    Ran::of(&mut command).out.replace('\r', "")
}

#[test]
fn terminals_get_colour_unless_they_refuse_it() {
    let place = Place::new();
    place.done("on --message 'A message that is much longer than any terminal is wide, and so goes on below itself, word by word.'");
    let coloured = on_a_terminal(&place, "status", ("A", "B"));
    assert!(coloured.contains(ESCAPE), "{coloured:?}");
    let plain = on_a_terminal(&place, "status", ("NO_COLOR", "1"));
    assert!(!plain.contains(ESCAPE), "{plain:?}");
    assert!(
        plain.lines().all(|line| line.len() <= 80 || line.contains(place.root().to_str().unwrap())),
        "{plain}"
    );
    assert!(plain.contains("and so goes\n            on below itself"), "{plain}");
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    let place = Place::new();
    place.done("on");
    let mut child = place.backsoon().args(words("status --json")).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn an_answer_that_cannot_be_printed_is_one() {
    let place = Place::new();
    place.done("on");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output =
        place.backsoon().args(words("status --json")).stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the answer cannot be printed"));
}

#[test]
fn a_text_that_cannot_be_printed_is_one_too() {
    let place = Place::new();
    let _gate = super::gate::Gate::before_nothing(&place);
    place.write("site.toml", "");
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for line in [
        "on",
        "on --message b --wait=20s",
        "status",
        "status --exit-code",
        "fleet --once --for 1s",
        "explain --url http://a.example/",
        "history",
        "pass new --for Ann",
        "pass list",
        "check",
        "apply site.toml",
        "page init page.html",
        "off --wait=20s",
        "rollback 1",
        "completions bash",
        "--help",
        "on --help",
        "--version",
    ] {
        let output =
            place.backsoon().args(words(line)).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}: {said}");
        assert!(said.contains("the answer cannot be printed: No space left"), "{line}: {said}");
        let mut child =
            place.backsoon().args(words(line)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("cannot be printed") && output.status.code().is_some(), "{line}: {said}");
    }
}

#[test]
fn help_names_every_verb_and_every_exit_code() {
    let place = Place::new();
    assert_snapshot!(place.run("--help").shown(), @"
    exit 0
    The maintenance switch for every server that a site runs on

    Usage: backsoon [OPTIONS] <COMMAND>

    Commands:
      on           Close sites, now or at a time to come
      off          Reopen sites
      run          Run a command while sites are closed, and reopen them
      guard        Run a command only while its site is open; a closing waits for it
      pass         Let somebody through closings: make a link, show who has one, take it back
      status       Show what is closed, since when, until when, by whom, and who follows the store
      fleet        Watch who follows the store, live; `fleet forget` takes lost servers off the roster
      explain      Say what would be done with a request, and why
      history      Show every change that was made
      rollback     Put an earlier revision in force again
      apply        Put the sites, rules and pages of a TOML file in force; windows stay as they are
      page         Make a page of your own: begin it, try it out, publish it
      check        Check the configuration, the store and what is in it; writes nothing
      webhook      Try out the webhooks of the configuration, and show how their deliveries stand
      serve        Run the gate: a reverse proxy that closes
      user         Say who may sign in to the console
      token        Make and revoke tokens, with which programs use the API
      mirror       Keep files equal to the state, for a proxy that decides by them
      demo         Run a small sample site behind the gate, to try everything out
      completions  Print a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Store and configuration:
          --store <URL>
              The store that holds the state: file:./state or sqlite:./backsoon.db
              
              Without it BACKSOON_STORE is used, then `store` in backsoon.toml, then a folder in the
              user's state directory.

          --config <FILE>
              The configuration file, instead of ./backsoon.toml or /etc/backsoon/backsoon.toml

    Exit codes: 0 done, 1 failed (or the answer could not be printed), 2 wrong usage, 3 done but not
    confirmed (what is in the way is named), 4 the store is away, 10 the site is closed (status
    --exit-code), 75 not now (guard), 130 or 143 told to stop by SIGINT or SIGTERM: what was written
    stays, and the last line says how things stand. `run` and `guard` pass the command's own code on.
    ");
    assert_snapshot!(place.run("on -h").shown(), @r#"
    exit 0
    Close sites, now or at a time to come

    Usage: backsoon on [OPTIONS]

    Options:
          --site <HOST>           The site to close: shop.example.com, *.example.com or * (the default)
          --read-only             Let reading pass and refuse everything else
          --hold                  Let requests wait for the reopening, within limits
          --message <TEXT>        What visitors are told
          --note <TEXT>           Why, for other operators; visitors do not see it
          --at <TIME>             Close at this time instead of now: RFC 3339, or "2026-11-21 02:30
                                  Europe/Berlin"
          --for <DURATION>        Reopen after this long: 30m, 2h, 1h30m
          --until <TIME>          Reopen at this time
          --new-site              Make the site if nobody has heard of it yet
          --max-wait <DURATION>   In --hold, how long one request waits at most
          --max-held <N>          In --hold, how many requests wait at once on one server; more are
                                  refused
          --release <RATE>        In --hold, how many requests go on per second and server after the
                                  reopening (200/s)
          --cut-after <DURATION>  End what still runs on gates so long after they have closed; the
                                  receipt then says forced, and names what was cut
          --wait[=<DURATION>]     Return only when every server has the change and its earlier requests
                                  have ended, or after this long (60s)
          --instances <N>         Confirm nothing with fewer servers than this [default: 1]
          --accept-lost           Confirm without servers that are lost (they may still be serving) or
                                  fenced
          --or-reopen             Reopen at once if it is not confirmed
          --json                  Print JSON
      -h, --help                  Print help (see more with '--help')
      -V, --version               Print version

    Store and configuration:
          --store <URL>    The store that holds the state: file:./state or sqlite:./backsoon.db
          --config <FILE>  The configuration file, instead of ./backsoon.toml or
                           /etc/backsoon/backsoon.toml
    "#);
    assert_eq!(place.run("").code, 2);
    let ran = place.run("statsu");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("'status'"), "{ran:?}");
    let version = place.done("--version");
    assert_eq!(version.trim(), format!("backsoon {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn shells_complete_every_verb_and_flag() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.done(&format!("completions {shell}"));
        for word in ["explain", "rollback", "new-site", "read-only", "exit-code", "store"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
    }
    place.write("backsoon.bash", place.done("completions bash"));
    let ask = "source ./backsoon.bash; COMP_WORDS=(backsoon on --rea); COMP_CWORD=2; _backsoon backsoon --rea on; echo \"${COMPREPLY[@]}\"";
    let ran = Ran::of(place.program("bash").args(["--norc", "-c", ask]));
    assert_eq!(ran.out.trim(), "--read-only", "{ran:?}");
    assert_eq!(place.run("completions tcsh").code, 2);
}

//! `backsoon on`.

use insta::assert_snapshot;

use super::gate::Gate;
use super::place::Place;

#[test]
fn it_closes_every_host_and_says_so() {
    let place = Place::new();
    let _names = place.names();
    let _gate = Gate::before_nothing(&place);
    assert_snapshot!(place.run("on --message 'We are moving house.' --for 2h").shown(), @"
    exit 0
    *: on until TIME (2 h)
      window    w-ID
      message   We are moving house.
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 1
      instances 1 live, all have it
    ");
}

#[test]
fn nobody_who_follows_is_said_loudly() {
    let place = Place::new();
    let _names = place.names();
    assert_snapshot!(place.run("on").shown(), @"
    exit 0
    *: on until it is ended
      window    w-ID
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 1
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    ");
}

#[test]
fn the_same_again_is_already_on() {
    let place = Place::new();
    let _names = place.names();
    place.done("on --message 'Soon.'");
    assert_snapshot!(place.run("on --message 'Soon.'").shown(), @"
    exit 0
    *: already on until it is ended
      window    w-ID of ann@HOST
      message   Soon.
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 1
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    ");
    let again = place.json("on --message 'Soon.'");
    assert_eq!((&again["changed"], &again["revision"]), (&"needless".into(), &1.into()));
}

#[test]
fn anything_else_is_another_window() {
    let place = Place::new();
    for (count, line) in [
        "on",
        "on --message a",
        "on --note b",
        "on --hold",
        "on --read-only",
        "on --until 2030-01-01T00:00:00Z",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(place.json(line)["changed"], "made", "{line}");
        assert_eq!(place.json(line)["changed"], "needless", "{line}");
        let status = place.json("status");
        assert_eq!(status["sites"]["*"]["windows"].as_array().unwrap().len(), count + 1);
    }
}

#[test]
fn of_two_sites_only_the_open_one_is_closed() {
    let place = Place::new();
    let _names = place.names();
    place.done("on --site a.example.com --new-site");
    assert_snapshot!(place.run("on --site b.example.com --site a.example.com --site b.example.com --new-site").shown(), @"
    exit 0
    a.example.com: already on until it is ended
      window    w-ID of ann@HOST
      reopen    backsoon off --site a.example.com
    b.example.com: on until it is ended
      window    w-ID
      reopen    backsoon off --site b.example.com
      store     file:DIR/state/backsoon/store, revision 2
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    ");
}

#[test]
fn the_modes() {
    let place = Place::new();
    for (flag, mode) in [("--read-only", "read-only"), ("--hold", "hold"), ("", "on")] {
        let on = place.json(format!("on {flag}").trim_end());
        assert_eq!(on["windows"][0]["mode"], mode);
        assert_eq!(place.json("status")["sites"]["*"]["mode"], mode, "each is stricter than the one before");
    }
}

#[test]
fn a_stricter_window_in_force_is_named() {
    let place = Place::new();
    let _names = place.names();
    place.done("on");
    assert_snapshot!(place.run("on --read-only").shown(), @"
    exit 0
    *: read-only until it is ended
      window    w-ID
      reopen    backsoon off
      note      * is on because of window w-ID of ann@HOST on * (`backsoon off` ends it)
      store     file:DIR/state/backsoon/store, revision 2
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    ");
}

#[test]
fn a_site_that_nobody_knows_is_refused_with_a_suggestion() {
    let place = Place::new();
    let _names = place.names();
    assert_snapshot!(place.run("on --site shop.example.com").shown(), @"
    exit 1
    --- stderr
    error: nobody knows the site `shop.example.com` (--new-site makes it)
    ");
    place.done("on --site shop.example.com --new-site");
    assert_snapshot!(place.run("on --site shpo.example.com").shown(), @"
    exit 1
    --- stderr
    error: nobody knows the site `shpo.example.com`; did you mean `shop.example.com`? (--new-site makes it)
    ");
    assert_snapshot!(place.run("on --site xn--nothing.test").shown(), @"
    exit 1
    --- stderr
    error: nobody knows the site `xn--nothing.test` (--new-site makes it)
    ");
    assert_eq!(place.json("status")["revision"], 1, "nothing was written");
}

#[test]
fn a_site_that_a_live_gate_serves_is_known() {
    let place = Place::new();
    place.write("gate.toml", "[gate.upstreams]\n\"shop.example.com\" = \"http://127.0.0.1:9\"\n");
    let _gate = Gate::start(&place, "--config gate.toml");
    place.done("on --site shop.example.com");
    let ran = place.run("on --site shop.example.org");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("did you mean `shop.example.com`?"), "{ran:?}");
}

#[test]
fn times_are_said_in_the_operators_zone() {
    let place = Place::new();
    let _names = place.names();
    let on = "on --at '2090-07-01 02:30 Europe/Berlin' --for 1h30m --message 'Night work'";
    let mut command = place.backsoon();
    command.args(super::place::words(on)).env("TZ", "America/New_York");
    let ran = super::place::Ran::of(&mut command);
    assert!(
        ran.out.contains("from 2090-06-30 20:30:00 EDT until 2090-06-30 22:00:00 EDT (1 h 30 min)"),
        "{ran:?}"
    );
    assert_snapshot!(place.run(on).shown(), @"
    exit 0
    *: on, already scheduled from TIME until TIME (1 h 30 min)
      window    w-ID of ann@HOST
      message   Night work
      call off  backsoon off --window w-ID
      store     file:DIR/state/backsoon/store, revision 1
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    ");
    let window = &place.json("status")["sites"]["*"]["windows"][0];
    assert_eq!(window["start"], "2090-07-01T00:30:00Z");
    assert_eq!(window["end"], "2090-07-01T02:00:00Z");
    assert_eq!(window["source"], "schedule");
    assert_eq!(place.json("status")["sites"]["*"]["mode"], "off");
}

#[test]
fn what_could_never_be_in_force_is_refused() {
    let place = Place::new();
    let _names = place.names();
    assert_snapshot!(place.run("on --at 2090-01-02T00:00:00Z --until 2090-01-01T00:00:00Z").shown(), @"
    exit 2
    --- stderr
    error: the window would end at TIME, which is not after its start at TIME: correct --at, --for or --until
    ");
    assert_snapshot!(place.run("on --until 2020-01-01T00:00:00Z").shown(), @"
    exit 2
    --- stderr
    error: the window would end at TIME, and it is TIME already: correct --at, --for or --until
    ");
    assert_snapshot!(place.run("on --at 2020-01-01T00:00:00Z").shown(), @"
    exit 2
    --- stderr
    error: --at: TIME is past, it is TIME; leave --at out to close at once
    ");
    assert!(!place.run("status").out.contains("revision"), "nothing was written");
}

#[test]
fn what_cannot_be_read_names_the_flag_and_the_way_out() {
    let place = Place::new();
    for (line, words) in [
        ("on --for 5", ["--for <DURATION>", "write 30m, 2h or 1h30m"]),
        ("on --for=-5m", ["--for", "write 30m"]),
        ("on --at tomorrow", ["--at <TIME>", "write 2026-11-20T23:30:00Z"]),
        ("on --at '2090-11-20 23:30'", ["--at", "write \"2090-11-20 23:30 Europe/Berlin\""]),
        (
            "on --until '2090-11-20 23:30 Mars/Base'",
            ["--until", "`Mars/Base` is not the name of a time zone"],
        ),
        ("on --until '2090-03-26 02:30 Europe/Berlin'", ["--until", "clocks of that zone change"]),
        ("on --for 1h --until 2090-01-01T00:00:00Z", ["'--for <DURATION>'", "'--until <TIME>'"]),
        ("on --read-only --hold", ["'--read-only'", "'--hold'"]),
        ("on --site http://shop.example.com/", ["--site <HOST>", "without scheme, port and path"]),
        ("on --sit shop.example.com", ["'--sit'", "'--site'"]),
        ("on now", ["'now'", "Usage: backsoon on"]),
    ] {
        let ran = place.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}: {ran:?}");
        assert!(words.iter().all(|words| ran.err.contains(words)), "{line}: {}", ran.err);
    }
    assert!(!place.default_store().exists(), "nothing was written");
}

#[test]
fn a_short_closing_is_as_long_as_it_should_be() {
    let place = Place::new();
    let before = jiff::Timestamp::now();
    let on = place.json("on --for 1s");
    let end: jiff::Timestamp = on["windows"][0]["end"].as_str().unwrap().parse().unwrap();
    assert!(end.duration_since(before).as_millis() >= 1000, "{end} is less than a second after {before}");
}

#[test]
fn a_program_gets_everything_as_json() {
    let place = Place::new();
    let _names = place.names();
    let ran = place.run("on --site shop.example.com --new-site --message 'Soon' --note 'ticket 7' --json");
    assert_snapshot!(ran.shown(), @r#"
    exit 0
    {
      "store": "file:DIR/state/backsoon/store",
      "revision": 1,
      "changed": "made",
      "following": 0,
      "late": [],
      "lost": [],
      "draining": 0,
      "windows": [
        {
          "site": "shop.example.com",
          "id": "w-ID",
          "mode": "on",
          "source": "operator",
          "by": "ann@HOST",
          "note": "ticket 7",
          "message": "Soon"
        }
      ],
      "still_closed": []
    }
    "#);
}

#[test]
fn nobodys_message_moves_the_cursor() {
    let place = Place::new();
    let out = place.done("on --message 'Back\u{1b}[2J soon\nat noon' --note 'a\u{7}b'");
    assert!(out.contains(r"Back\u{1b}[2J soon\nat noon"), "{out}");
    let out = place.done("status");
    assert!(!out.contains('\u{1b}') && out.contains(r"a\u{7}b"), "{out}");
    let message = &place.json("status")["sites"]["*"]["windows"][0]["message"];
    assert_eq!(message, "Back\u{1b}[2J soon\nat noon", "programs get what was said");
}

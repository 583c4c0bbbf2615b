//! `backsoon status`.

use insta::assert_snapshot;

use super::gate::{Gate, until};
use super::place::{Place, unpadded};

#[test]
fn a_fresh_machine() {
    let place = Place::new();
    let _names = place.names();
    assert_snapshot!(unpadded(&place.run("status").shown()), @"
    exit 0
    file:DIR/state/backsoon/store: there is no store yet; the first `backsoon on`, `apply` or `serve` makes it
    ");
    assert!(!place.default_store().exists(), "to look makes nothing");
}

#[test]
fn where_nothing_was_ever_written_nobody_is_behind() {
    let place = Place::new();
    let _names = place.names();
    let _gate = Gate::before_nothing(&place);
    assert_snapshot!(unpadded(&place.run("status").shown()), @"
    exit 0
    file:DIR/state/backsoon/store
    nothing was ever closed here

    *: open
      rule  open health (built in): GET and HEAD of /healthz, /livez, /readyz
      rule  open robots (built in): GET and HEAD of /robots.txt

      instance  kind  life  revision  draining  held  heard
      INSTANCE  gate  live  -  0  0  AGO
    ");
    let fleet = place.run("fleet --once --for 1s");
    assert!(!fleet.out.contains("revision 0") && !fleet.out.contains("behind"), "{fleet:?}");
}

#[test]
fn everything_that_is_to_know() {
    let place = Place::new();
    let _names = place.names();
    place.write(
        "site.toml",
        r#"
        [[sites."*".rules]]
        name = "payment hooks"
        then = "open"
        when = { path = { prefix = "/hooks" }, method = "POST" }
        [sites."shop.example.com"]
        health = "off"
        rules = []
        "#,
    );
    place.done("apply site.toml");
    let _gate = Gate::before_nothing(&place);
    place.done("on --message 'We are moving house.' --note 'ticket 7' --until 2030-01-01T00:00:00Z");
    place.done("on --site shop.example.com --at 2091-01-01T00:00:00Z --hold");
    assert_snapshot!(unpadded(&place.run("status").shown()), @"
    exit 0
    file:DIR/state/backsoon/store, revision 3
    last change: hold shop.example.com, scheduled, by ann@HOST at TIME (AGO)

    *: on until TIME (in SPAN)
      window  w-ID: on since TIME, until TIME, by ann@HOST
      message  We are moving house.
      note  ticket 7
      rule  open payment hooks: path prefix /hooks; method POST
      rule  open health (built in): GET and HEAD of /healthz, /livez, /readyz
      rule  open robots (built in): GET and HEAD of /robots.txt

    shop.example.com: on until TIME (in SPAN)
      because  window w-ID on *
      window  w-ID: hold scheduled for TIME, until it is ended, by ann@HOST
      rule  open robots (built in): GET and HEAD of /robots.txt

      instance  kind  life  revision  draining  held  heard
      INSTANCE  gate  live  3  0  0  AGO
    ");
    place.done("off");
    assert_snapshot!(unpadded(&place.run("status").shown()), @"
    exit 0
    file:DIR/state/backsoon/store, revision 4
    last change: off *, by ann@HOST at TIME (AGO)

    *: open
      rule  open payment hooks: path prefix /hooks; method POST
      rule  open health (built in): GET and HEAD of /healthz, /livez, /readyz
      rule  open robots (built in): GET and HEAD of /robots.txt

    shop.example.com: open, hold from TIME
      window  w-ID: hold scheduled for TIME, until it is ended, by ann@HOST
      rule  open robots (built in): GET and HEAD of /robots.txt

      instance  kind  life  revision  draining  held  heard
      INSTANCE  gate  live  4  0  0  AGO
    ");
}

#[test]
fn the_same_for_programs() {
    let place = Place::new();
    let _names = place.names();
    place.done("on --message 'Soon.'");
    assert_snapshot!(place.run("status --json").shown(), @r#"
    exit 0
    {
      "store": "file:DIR/state/backsoon/store",
      "revision": 1,
      "changed_at": "TIME",
      "changed_by": "ann@HOST",
      "note": "on *",
      "sites": {
        "*": {
          "mode": "on",
          "reopens": null,
          "windows": [
            {
              "id": "w-ID",
              "mode": "on",
              "source": "operator",
              "by": "ann@HOST",
              "message": "Soon.",
              "since": "TIME"
            }
          ],
          "rules": [
            "open health (built in): GET and HEAD of /healthz, /livez, /readyz",
            "open robots (built in): GET and HEAD of /robots.txt"
          ]
        }
      },
      "passes": 0,
      "lapsed": [],
      "instances": [],
      "troubles": [
        "nobody follows file:DIR/state/backsoon/store: no server closes or opens because of it"
      ],
      "caveats": []
    }
    "#);
}

#[test]
fn since_when_is_told_by_the_history() {
    let place = Place::new();
    place.done("on");
    let first = place.json("status")["sites"]["*"]["windows"][0]["since"].clone();
    place.done("on --site a.example --new-site");
    let second = place.json("status");
    assert_eq!(second["sites"]["*"]["windows"][0]["since"], first, "a later change does not make it younger");
    assert_ne!(second["sites"]["a.example"]["windows"][0]["since"], first);
    place.done("on --at 2090-01-01T00:00:00Z");
    assert_eq!(place.json("status")["sites"]["*"]["windows"][1]["since"], serde_json::Value::Null);
}

#[test]
fn scripts_ask_by_the_exit_code() {
    let place = Place::new();
    let code = |line: &str| place.run(line).code;
    place.done("on --read-only");
    assert_eq!(code("status --exit-code"), 0, "read-only shuts nobody out");
    place.done("on --hold");
    assert_eq!(code("status --exit-code"), 10);
    assert_eq!(code("status --exit-code --json"), 10);
    assert_eq!(code("status"), 0, "only if asked");
    place.done("off");
    assert_eq!(code("status --exit-code"), 0);
    place.done("on --site '*.example.com' --new-site");
    assert_eq!(code("status --exit-code"), 0, "every host is another question");
    assert_eq!(code("status --exit-code --site '*.example.com'"), 10);
    assert_eq!(code("status --exit-code --site shop.example.com"), 10, "what holds for this host counts");
    assert_eq!(code("status --exit-code --site example.com"), 0);
    assert_eq!(code("status --exit-code --site 'not a host'"), 2);
}

#[test]
fn a_gate_that_was_killed_is_shown_and_one_that_left_is_not() {
    let place = Place::new();
    let _names = place.names();
    let leaves = Gate::before_nothing(&place);
    let dies = Gate::before_nothing(&place);
    place.done("on");
    assert_eq!(place.json("status")["instances"].as_array().unwrap().len(), 2);
    leaves.stop();
    dies.kill();
    let ran = until(&place, "status", |ran| ran.out.contains("dead"));
    assert_snapshot!(unpadded(&ran.shown()), @"
    exit 0
    file:DIR/state/backsoon/store, revision 1
    last change: on *, by ann@HOST at TIME (AGO)

    *: on
      window  w-ID: on since TIME, until it is ended, by ann@HOST
      rule  open health (built in): GET and HEAD of /healthz, /livez, /readyz
      rule  open robots (built in): GET and HEAD of /robots.txt

      instance  kind  life  revision  draining  held  heard
      INSTANCE  gate  dead  1  0  0  AGO

    trouble: nobody follows file:DIR/state/backsoon/store: no server closes or opens because of it
    trouble: INSTANCE has ended without a farewell
    ");
    let on = place.json("on --message b");
    assert_eq!((&on["following"], &on["late"]), (&0.into(), &serde_json::json!([])));
}

#[test]
fn an_instance_that_lives_and_is_late_is_named_and_not_confirmed() {
    let place = Place::new();
    let _names = place.names();
    place.done("on");
    // This very process lives, and reports a revision that stays what it is.
    let here = serde_json::to_string(&backsoon::fleet::Place::here()).unwrap();
    let report = format!(
        r#"{{"name": "web-1", "kind": "web", "program": "1", "beat": 3, "lease_ms": 60000, "place": {here},
        "clock": "2026-11-20T12:00:00Z", "lineage": null, "revision": 0, "closings": {{}}, "serves": [],
        "draining": {{"*": 3}}, "held": 0, "age_ms": 1000, "troubles": ["it has schema 7"]}}"#
    );
    let roster = place.default_store().join("roster");
    std::fs::create_dir_all(&roster).unwrap();
    std::fs::write(roster.join("web-1"), report).unwrap();
    assert_snapshot!(place.run("on --message b").shown(), @"
    exit 3
    *: on until it is ended
      window    w-ID
      message   b
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 2
      instances 1 live, late: web-1 (it has schema 7)
      draining  3 requests from before on web-1
    ");
    assert_snapshot!(unpadded(&place.run("status").shown()), @"
    exit 0
    file:DIR/state/backsoon/store, revision 2
    last change: on *, by ann@HOST at TIME (AGO)

    *: on
      window  w-ID: on since TIME, until it is ended, by ann@HOST
      window  w-ID: on since TIME, until it is ended, by ann@HOST
      message  b
      rule  open health (built in): GET and HEAD of /healthz, /livez, /readyz
      rule  open robots (built in): GET and HEAD of /robots.txt

      instance  kind  life  revision  draining  held  heard
      web-1  web  live  0 behind  3  0  AGO

    trouble: web-1: it has schema 7
    ");
    for line in ["off", "rollback 1"] {
        let ran = place.run(&format!("{line} --json"));
        assert_eq!(ran.code, 3, "{line}: {ran:?}");
        let written: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!((&written["late"][0], &written["draining"]), (&"web-1".into(), &3.into()), "{line}");
    }
}

/// Nobody renews this report, and its process runs on another machine.
fn elsewhere(place: &Place, lease_ms: u64) {
    let report = r#"{"name": "web-2", "kind": "web", "program": "1", "beat": 3, "lease_ms": LEASE,
        "place": {"host": "elsewhere", "boot": "b", "pid": 1, "started": 1}, "clock": "2026-11-20T12:00:00Z",
        "lineage": null, "revision": 0, "closings": {}, "serves": [], "draining": {}, "held": 0, "age_ms": 1000,
        "troubles": ["disk \u001b[31mfull"]}"#;
    let roster = place.default_store().join("roster");
    std::fs::create_dir_all(&roster).unwrap();
    std::fs::write(roster.join("web-2"), report.replace("LEASE", &lease_ms.to_string())).unwrap();
}

#[test]
fn of_an_instance_elsewhere_that_is_silent_within_its_lease_nobody_can_tell() {
    let place = Place::new();
    let _names = place.names();
    place.done("on");
    elsewhere(&place, 60_000);
    assert_snapshot!(unpadded(&place.run("status").shown()), @r"
    exit 0
    file:DIR/state/backsoon/store, revision 1
    last change: on *, by ann@HOST at TIME (AGO)

    *: on
      window  w-ID: on since TIME, until it is ended, by ann@HOST
      rule  open health (built in): GET and HEAD of /healthz, /livez, /readyz
      rule  open robots (built in): GET and HEAD of /robots.txt

      instance  kind  life  revision  draining  held  heard
      web-2  web  unheard  0 behind  0  0  AGO

    trouble: web-2: disk \u{1b}[31mfull
    trouble: web-2 was not heard from in 1.5 s, and its lease is 1 min: nobody can tell yet whether it lives
    ");
    assert_snapshot!(place.run("on --message b").shown(), @r"
    exit 3
    *: on until it is ended
      window    w-ID
      message   b
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 2
      instances 0 live, 1 unheard, late: web-2 (disk \u{1b}[31mfull)
    ");
}

#[test]
fn an_instance_elsewhere_that_is_silent_for_its_lease_is_lost() {
    let place = Place::new();
    let _names = place.names();
    place.done("on");
    elsewhere(&place, 500);
    assert_snapshot!(unpadded(&place.run("status").shown()), @r"
    exit 0
    file:DIR/state/backsoon/store, revision 1
    last change: on *, by ann@HOST at TIME (AGO)

    *: on
      window  w-ID: on since TIME, until it is ended, by ann@HOST
      rule  open health (built in): GET and HEAD of /healthz, /livez, /readyz
      rule  open robots (built in): GET and HEAD of /robots.txt

      instance  kind  life  revision  draining  held  heard
      web-2  web  lost  0 behind  0  0  AGO

    trouble: nobody follows file:DIR/state/backsoon/store: no server closes or opens because of it
    trouble: web-2: disk \u{1b}[31mfull
    trouble: web-2 is lost: its beat stopped without a farewell, so it may still be serving
    ");
    assert_snapshot!(place.run("on --message b").shown(), @"
    exit 0
    *: on until it is ended
      window    w-ID
      message   b
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 2
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    warning: web-2 is lost: its beat stopped without a farewell, so it may still serve as before
    ");
    assert_eq!(place.json("on --message c")["lost"], serde_json::json!(["web-2"]));
}

//! `backsoon off`.

use insta::assert_snapshot;

use super::gate::{Gate, until};
use super::place::Place;

#[test]
fn it_ends_the_operators_windows_in_force() {
    let place = Place::new();
    let _names = place.names();
    let _gate = Gate::before_nothing(&place);
    place.done("on --message a");
    place.done("on --read-only");
    place.done("on --at 2090-01-01T00:00:00Z");
    assert_snapshot!(place.run("off").shown(), @"
    exit 0
    *: open
      ended     w-ID: on of ann@HOST
      ended     w-ID: read-only of ann@HOST
      scheduled w-ID: on from TIME (`backsoon off --window w-ID` calls it off)
      store     file:DIR/state/backsoon/store, revision 4
      instances 1 live, all have it
      impact    w-ID: closed TIME to TIME: 0 refused, 0 held, 0 cut, no pass used
      impact    w-ID: read-only TIME to TIME: 0 refused, 0 held, 0 cut, no pass used
    ");
    assert_eq!(
        place.json("status")["sites"]["*"]["windows"].as_array().unwrap().len(),
        1,
        "the scheduled one stays"
    );
    assert_snapshot!(place.run("off").shown(), @"
    exit 0
    *: already open
      scheduled w-ID: on from TIME (`backsoon off --window w-ID` calls it off)
      store     file:DIR/state/backsoon/store, revision 4
      instances 1 live, all have it
    ");
    assert_snapshot!(place.run("off --all").shown(), @"
    exit 0
    *: open
      ended     w-ID: on of ann@HOST
      store     file:DIR/state/backsoon/store, revision 5
      instances 1 live, all have it
    ");
}

#[test]
fn a_window_on_a_wider_site_is_named_and_not_ended() {
    let place = Place::new();
    let _names = place.names();
    place.done("on");
    place.done("on --site '*.example.com' --read-only --new-site");
    place.done("on --site shop.example.com --new-site");
    assert_snapshot!(place.run("off --site shop.example.com").shown(), @"
    exit 3
    shop.example.com: on
      ended     w-ID: on of ann@HOST
      store     file:DIR/state/backsoon/store, revision 4
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    still closed: shop.example.com is on because of window w-ID of ann@HOST on * (`backsoon off` ends it) and window w-ID of ann@HOST on *.example.com (`backsoon off --site '*.example.com'` ends it)
    ");
    let ran = place.run("off --site shop.example.com --json");
    assert_eq!(ran.code, 3);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["changed"], "needless");
    assert!(json["still_closed"][0].as_str().unwrap().contains("`backsoon off` ends it"), "{json}");
}

#[test]
fn whoever_opens_every_host_hears_of_those_that_stay_closed() {
    let place = Place::new();
    let _names = place.names();
    place.done("on");
    place.done("on --site shop.example.com --new-site");
    assert_snapshot!(place.run("off").shown(), @"
    exit 0
    *: open
      ended     w-ID: on of ann@HOST
      note      shop.example.com is on because of window w-ID of ann@HOST on shop.example.com (`backsoon off --site shop.example.com` ends it)
      store     file:DIR/state/backsoon/store, revision 3
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    ");
    assert_snapshot!(place.run("off --site shop.example.com").shown(), @"
    exit 0
    shop.example.com: open
      ended     w-ID: on of ann@HOST
      store     file:DIR/state/backsoon/store, revision 4
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    ");
}

#[test]
fn one_window_is_ended_by_its_name() {
    let place = Place::new();
    let _names = place.names();
    place.done("on --site shop.example.com --new-site --message a");
    let id =
        place.json("on --site shop.example.com --message b")["windows"][0]["id"].as_str().unwrap().to_owned();
    assert_snapshot!(place.run(&format!("off --window {id}")).shown(), @"
    exit 3
    shop.example.com: on
      ended     w-ID: on of ann@HOST
      store     file:DIR/state/backsoon/store, revision 3
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    still closed: shop.example.com is on because of window w-ID of ann@HOST on shop.example.com (`backsoon off --site shop.example.com` ends it)
    ");
    let ran = place.run(&format!("off --window {id}"));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains(&format!("there is no window `{id}`; there are w-")), "{ran:?}");
    place.done("off --site shop.example.com");
    assert!(place.run(&format!("off --window {id}")).err.contains("; there are none"));
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let place = Place::new();
    for line in
        ["off --window w-1 --all", "off --window w-1 --site a.example", "off --window 'a b'", "off now"]
    {
        let ran = place.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}: {ran:?}");
        assert!(ran.err.starts_with("error: "), "{line}: {ran:?}");
    }
}

#[test]
fn an_unknown_site_is_no_open_site() {
    let place = Place::new();
    let _names = place.names();
    place.done("on --site shop.example.com --new-site");
    assert_snapshot!(place.run("off --site shpo.example.com").shown(), @"
    exit 1
    --- stderr
    error: nobody knows the site `shpo.example.com`; did you mean `shop.example.com`?
    ");
}

#[test]
fn a_store_that_is_not_there_is_not_made() {
    let place = Place::new();
    let _names = place.names();
    for line in ["off", "history", "rollback 1", "status --exit-code", "status --json"] {
        let ran = place.run(&format!("{line} --store file:./typo"));
        assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{line}: {ran:?}");
        assert!(ran.err.contains("there is no store at file:./typo"), "{line}: {ran:?}");
        assert!(!place.path("typo").exists(), "{line}");
    }
    assert_snapshot!(place.run("off --store sqlite:./typo.db").shown(), @"
    exit 4
    --- stderr
    error: there is no store at sqlite:./typo.db; the first `backsoon on`, `apply` or `serve` makes one. If there should be one, look at --store, BACKSOON_STORE and backsoon.toml
    ");
    assert!(!place.path("typo.db").exists());
}

#[test]
fn the_way_out_leads_to_the_same_store() {
    let place = Place::new();
    let out = place.done("on --store 'file:./it is here' --site '*.example.com' --new-site");
    assert!(out.contains("backsoon off --site '*.example.com' --store 'file:./it is here'"), "{out}");
    place.done("off --site '*.example.com' --store 'file:./it is here'");
}

#[test]
fn a_backup_that_was_restored_opens_nothing_by_a_change_about_something_else() {
    let place = Place::new();
    let gate = Gate::before_nothing(&place);
    place.done("off --wait");
    place.done("on --site other.example --new-site --read-only --wait");
    let (there, backup) = (place.default_store().join("state"), place.path("backup"));
    std::fs::copy(&there, &backup).unwrap();
    place.done("on --wait");
    std::fs::rename(&backup, &there).unwrap();
    until(&place, "status", |ran| ran.out.contains("the store went back to revision"));
    place.write("rules.toml", "[[sites.\"*\".rules]]\nname = \"hooks\"\nthen = \"open\"\nwhen = { path = { prefix = \"/hooks\" } }\n");
    for line in [
        "pass new --for Ann",
        "apply rules.toml",
        "on --site third.example --new-site",
        "on --at 2027-01-01T00:00:00Z --for 1h",
        "off --site other.example",
    ] {
        let ran = place.run(line);
        assert_eq!(ran.code, 1, "{line}: {ran:?}");
        assert!(ran.err.contains("This change would reopen *, and nothing was written"), "{line}: {ran:?}");
        assert_eq!(gate.status(), 503, "{line}");
    }
    place.done("off --wait");
    assert_eq!(gate.status(), 502, "whoever says so opens it");
    place.done("pass new --for Ann");
}

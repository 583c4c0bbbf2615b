//! Which store is used, and what `backsoon.toml` may say.

use insta::assert_snapshot;

use super::place::{Place, Ran, words};

#[test]
fn the_flag_then_the_variable_then_the_file_then_the_state_directory() {
    let place = Place::new();
    let url = |command: &mut std::process::Command| {
        let ran = Ran::of(command.args(words("on --json")));
        let written: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        written["store"].as_str().unwrap().to_owned()
    };
    let at = |path: std::path::PathBuf| format!("file:{}", path.display());
    assert_eq!(url(&mut place.backsoon()), at(place.default_store()));
    let mut home = place.backsoon();
    home.env_remove("XDG_STATE_HOME");
    assert_eq!(url(&mut home), at(place.root().join("home/.local/state/backsoon/store")));

    place.write("backsoon.toml", "store = \"file:./by-file\"\n");
    assert_eq!(url(&mut place.backsoon()), at(place.path("by-file")));
    std::fs::create_dir(place.path("etc")).unwrap();
    place.write("etc/other.toml", "store = \"file:by-other\"\n");
    let other = url(place.backsoon().args(["--config", "etc/other.toml"]));
    assert_eq!(other, at(place.path("etc/by-other")), "relative to the file");

    assert_eq!(
        url(place.backsoon().env("BACKSOON_STORE", "file:./by-variable")),
        at(place.path("by-variable"))
    );
    let mut both = place.backsoon();
    both.env("BACKSOON_STORE", "file:./by-variable").args(["--store", "file:./by-flag"]);
    assert_eq!(url(&mut both), at(place.path("by-flag")));
}

#[test]
fn every_kind_of_store_that_stays_can_be_named() {
    let place = Place::new();
    for store in ["file:./state", "sqlite:./backsoon.db"] {
        place.done(&format!("on --store {store} --message here"));
        let status = place.json(&format!("status --store {store}"));
        assert_eq!(status["sites"]["*"]["windows"][0]["message"], "here");
        place.done(&format!("off --store {store}"));
        assert_eq!(place.json(&format!("history --store {store}")).as_array().unwrap().len(), 2);
    }
}

#[test]
fn what_names_no_store_is_refused_with_the_way_out() {
    let place = Place::new();
    for (store, words) in [
        ("state", "did you mean `file:state`?"),
        ("fil:./x", "did you mean `file:./x`?"),
        ("''", "does not say what kind of store it is"),
        ("memory:", "would be gone at the end of this command"),
        ("MEMORY:", "would be gone at the end of this command"),
        ("file:~/x", "nobody expands the `~` here"),
    ] {
        for verb in ["on", "off", "status", "serve --upstream http://127.0.0.1:9"] {
            let ran = place.run(&format!("{verb} --store {store}"));
            assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{verb} {store}: {ran:?}");
            assert!(ran.err.contains(words), "{verb} {store}: {}", ran.err);
        }
    }
    let ran = Ran::of(place.backsoon().arg("on").env("BACKSOON_STORE", ""));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("BACKSOON_STORE is set to nothing"), "{ran:?}");
    let ran = Ran::of(place.backsoon().arg("on").env_remove("HOME").env_remove("XDG_STATE_HOME"));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("name one with --store file:./state"), "{ran:?}");
}

#[test]
fn a_store_that_is_away_is_said_once() {
    let place = Place::new();
    let _names = place.names();
    place.write("a-file", "precious");
    assert_snapshot!(place.run("on --store file:./a-file").shown(), @"
    exit 4
    --- stderr
    error: the store file:DIR/desk/a-file is away: opening the directory DIR/desk/a-file: not a directory; something else lies in the way: move it, or choose another store with --store
    ");
    assert_snapshot!(place.run("status --store sqlite:./none/a.db").shown(), @"
    exit 4
    --- stderr
    error: the store sqlite:DIR/desk/none/a.db is away: opening it: No such file or directory (os error 2): the directory of DIR/desk/none/a.db; make it first, or name another file
    ");
    assert_snapshot!(place.run("on --store sqlite:./none/a.db").shown(), @"
    exit 4
    --- stderr
    error: the store sqlite:DIR/desk/none/a.db is away: opening it: No such file or directory (os error 2): the directory of DIR/desk/none/a.db; make it first, or name another file
    ");
    place.write("a.db", "not a database, but long enough to be taken for one".repeat(100));
    assert_eq!(place.run("on --store sqlite:./a.db").code, 4);
    assert_eq!(std::fs::read_to_string(place.path("a-file")).unwrap(), "precious");
}

#[test]
fn a_key_that_nobody_knows_comes_back_with_the_one_that_is_meant() {
    let place = Place::new();
    let _names = place.names();
    for (text, words) in [
        ("stor = \"file:./x\"", "did you mean `store`?"),
        ("[gate]\nupstrem = \"http://a\"", "did you mean `upstream`?"),
        ("[gates]\n", "did you mean `gate`?"),
        ("on_unknown = \"close\"", "did you mean `closed`?"),
        (
            "[[rules]]\nname = \"a\"\nthen = \"open\"\nwhen = { netwrk = \"10.0.0.0/8\" }",
            "did you mean `network`?",
        ),
    ] {
        place.write("backsoon.toml", text);
        for verb in ["on", "status", "serve"] {
            let ran = place.run(verb);
            assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{verb}: {ran:?}");
            assert!(ran.err.contains(words), "{text}: {}", ran.err);
        }
    }
    place.write("backsoon.toml", "stor = \"file:./x\"\n");
    assert_snapshot!(place.run("on").shown(), @r#"
    exit 1
    --- stderr
    error: backsoon.toml is not used (--config names another file): TOML parse error at line 1, column 1
      |
    1 | stor = "file:./x"
      | ^^^^
    unknown field `stor`, expected one of `store`, `rules`, `health`, `on_unknown`, `on_lost`, `gate`, `admin`, `webhook`; did you mean `store`?
    "#);
    assert!(!place.default_store().exists(), "nothing was written anywhere else");
}

//! `backsoon check`.

use insta::assert_snapshot;

use super::place::Place;

#[test]
fn it_writes_nothing() {
    let place = Place::new();
    let _names = place.names();
    assert_snapshot!(place.run("check").shown(), @"
    exit 0
    ok   configuration: no file, all defaults; 0 local rules, 0 trusted proxies
    ok   store: file:DIR/state/backsoon/store is not there yet; the first `backsoon on`, `apply` or `serve` makes it
    ");
    let left: Vec<_> = walk(place.root());
    assert_eq!(left.len(), 3, "home, state and the working directory, all empty: {left:?}");
    for store in ["file:./state", "sqlite:./backsoon.db"] {
        let ran = place.run(&format!("check --store {store}"));
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains("is not there yet"), "{ran:?}");
    }
    assert_eq!(walk(place.root()), left);
}

#[test]
fn everything_is_fine() {
    let place = Place::new();
    let _names = place.names();
    place.write("backsoon.toml", "store = \"file:./state\"\n[gate]\ntrusted_proxies = [\"10.0.0.0/8\"]\n");
    place.done("on");
    assert_snapshot!(place.run("check").shown(), @"
    exit 0
    ok   configuration: backsoon.toml; 0 local rules, 1 trusted proxy
    ok   store: file:DIR/desk/state
    ok   state: revision 1 with 1 site; patterns, pages and redirects are fine
    ");
}

#[test]
fn what_is_wrong_is_named() {
    let place = Place::new();
    let _names = place.names();
    place.write("backsoon.toml", "[gate]\nlistn = \"127.0.0.1:80\"\n");
    assert_snapshot!(place.run("check").shown(), @r#"
    exit 1
    bad  configuration: backsoon.toml is not used (--config names another file): TOML parse error at line 2, column 1
      |
    2 | listn = "127.0.0.1:80"
      | ^^^^^
    unknown field `listn`, expected one of `listen`, `observe`, `upstream`, `upstreams`, `trusted_proxies`, `drain_limit`, `header_timeout`, `response_timeout`, `tls`, `auth`, `access_log`; did you mean `listen`?
    bad  store: not looked for, since the configuration may name it
    "#);
    place.done("on --store file:./state --config /dev/null");
    assert_snapshot!(place.run("check --store file:./state").shown(), @r#"
    exit 1
    bad  configuration: backsoon.toml is not used (--config names another file): TOML parse error at line 2, column 1
      |
    2 | listn = "127.0.0.1:80"
      | ^^^^^
    unknown field `listn`, expected one of `listen`, `observe`, `upstream`, `upstreams`, `trusted_proxies`, `drain_limit`, `header_timeout`, `response_timeout`, `tls`, `auth`, `access_log`; did you mean `listen`?
    ok   store: file:DIR/desk/state
    ok   state: revision 1 with 1 site; patterns, pages and redirects are fine
    "#);
    place.write("state/state", "{");
    assert_snapshot!(place.run("check --store file:./state --config /dev/null").shown(), @"
    exit 1
    ok   configuration: /dev/null; 0 local rules, 0 trusted proxies
    ok   store: file:DIR/desk/state
    bad  state: it is damaged: EOF while parsing an object at line 1 column 1
    ");
    place.write("a-file", "");
    assert_snapshot!(place.run("check --store file:./a-file --config /dev/null").shown(), @"
    exit 4
    ok   configuration: /dev/null; 0 local rules, 0 trusted proxies
    bad  store: the store file:DIR/desk/a-file is away: opening the directory DIR/desk/a-file: not a directory; something else lies in the way: move it, or choose another store with --store
    ");
    assert_snapshot!(place.run("check --store file:./state/no/such.db --config none.toml").shown(), @"
    exit 1
    bad  configuration: cannot read none.toml: No such file or directory (os error 2)
    ok   store: file:./state/no/such.db is not there yet; the first `backsoon on`, `apply` or `serve` makes it
    ");
}

#[test]
fn a_state_that_somebody_edited_badly_is_found() {
    let place = Place::new();
    place.done("on --store file:./state --at 2030-01-01T00:00:00Z --until 2031-01-01T00:00:00Z");
    let text = std::fs::read_to_string(place.path("state/state")).unwrap();
    place.write("state/state", text.replace("2031-", "2029-"));
    let ran = place.run("check --store file:./state");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("would end at 2029-01-01T00:00:00Z, which is not after its start"), "{ran:?}");
}

fn walk(root: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn keys_that_everybody_can_read_are_named_while_there_are_any() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    place.done("on");
    let store = place.default_store();
    let open = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    for folder in store.ancestors().take_while(|folder| folder.starts_with(place.root())) {
        open(folder, 0o755);
    }
    open(&store.join("state"), 0o644);
    assert!(!place.done("check").contains("everybody"), "there is nothing to be read yet");

    place.done("pass new --for Ann");
    open(&store.join("state"), 0o644);
    let told = format!(
        "note store: everybody on this machine can read it, and the keys of passes in it: chmod o-rwx {}",
        store.display()
    );
    let out = place.done("check");
    assert!(out.contains(&told), "{out}");
    // One closed folder on the way is enough.
    open(&store, 0o750);
    let out = place.done("check");
    assert!(!out.contains("everybody"), "{out}");
}

//! `backsoon apply`.

use insta::assert_snapshot;

use super::place::Place;

const SITE: &str = r#"
[sites."*".page]
title = "Back in a moment"

[[sites."shop.example.com".rules]]
name = "hooks"
then = "open"
when = { path = ["/a", { prefix = "/hooks" }], method = "POST" }
"#;

#[test]
fn the_difference_comes_first() {
    let place = Place::new();
    let _names = place.names();
    place.write("site.toml", SITE);
    assert_snapshot!(place.run("apply --dry-run site.toml").shown(), @r#"
    exit 0
    + [sites."*".page]
    + status = 503
    + title = "Back in a moment"
    + retry_after_form = "seconds"
    +
    + [[sites."shop.example.com".rules]]
    + name = "hooks"
    + then = "open"
    +
    + [sites."shop.example.com".rules.when]
    + path = [
    +     "/a",
    +     { prefix = "/hooks" },
    + ]
    + method = ["POST"]
    --- stderr
    nothing was changed: --dry-run
    "#);
    assert!(!place.default_store().exists(), "a rehearsal makes nothing");
    assert_snapshot!(place.run("apply site.toml").shown(), @r#"
    exit 0
    + [sites."*".page]
    + status = 503
    + title = "Back in a moment"
    + retry_after_form = "seconds"
    +
    + [[sites."shop.example.com".rules]]
    + name = "hooks"
    + then = "open"
    +
    + [sites."shop.example.com".rules.when]
    + path = [
    +     "/a",
    +     { prefix = "/hooks" },
    + ]
    + method = ["POST"]
    site.toml: applied
      store     file:DIR/state/backsoon/store, revision 1
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    "#);
    assert_snapshot!(place.run("apply site.toml").shown(), @"
    exit 0
    file:DIR/state/backsoon/store: nothing to change
    ");
    place.write("site.toml", SITE.replace("POST", "PUT"));
    assert_snapshot!(place.run("apply site.toml").shown(), @r#"
    exit 0
          "/a",
          { prefix = "/hooks" },
      ]
    - method = ["POST"]
    + method = ["PUT"]
    site.toml: applied
      store     file:DIR/state/backsoon/store, revision 2
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    "#);
}

#[test]
fn the_file_is_the_whole_truth_about_rules_and_pages_and_leaves_windows_alone() {
    let place = Place::new();
    let _names = place.names();
    place.write("site.toml", SITE);
    place.done("apply site.toml");
    place.done("on --message m");
    place.done("on --site blog.example.com --new-site");
    place.done("on --site shop.example.com --at 2090-01-01T00:00:00Z");
    place.write("site.toml", "");
    assert_snapshot!(place.run("apply site.toml").shown(), @r#"
    exit 0
    - [sites."*".page]
    - status = 503
    - title = "Back in a moment"
    - retry_after_form = "seconds"
    -
      [sites."blog.example.com"]

    - [[sites."shop.example.com".rules]]
    - name = "hooks"
    - then = "open"
    -
    - [sites."shop.example.com".rules.when]
    - path = [
    -     "/a",
    -     { prefix = "/hooks" },
    - ]
    - method = ["POST"]
    + [sites."shop.example.com"]
    site.toml: applied
      store     file:DIR/state/backsoon/store, revision 5
      instances none
    --- stderr
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    "#);
    let status = place.json("status");
    let windows = |site: &str| status["sites"][site]["windows"].as_array().unwrap().len();
    assert_eq!([windows("*"), windows("blog.example.com"), windows("shop.example.com")], [1, 1, 1]);
    assert_eq!(place.run("off --site shop.example.com --all").code, 3, "* is on all the same");
    place.write("site.toml", "[sites.\"new.example.com\"]\n");
    place.done("apply site.toml");
    let status = place.json("status");
    let sites: Vec<_> = status["sites"].as_object().unwrap().keys().collect();
    assert_eq!(
        sites,
        ["*", "blog.example.com", "new.example.com"],
        "one without windows goes with its rules"
    );
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    let place = Place::new();
    let rule = |rest: &str| format!("[[sites.\"*\".rules]]\nname = \"a\"\n{rest}\n");
    let page = |rest: &str| format!("[sites.\"*\".page]\n{rest}\n");
    for (text, words) in [
        ("[site.\"*\".page]\n".into(), &["line 1", "did you mean `sites`?"][..]),
        ("[sites.\"*\".windows]\n".into(), &["line 1", "unknown field `windows`"]),
        ("[sites.\"http://a\"]\n".into(), &["line 1", "write a host without scheme"]),
        (page("titel = \"a\""), &["line 2", "did you mean `title`?"]),
        (page("status = 200"), &["line 2", "200 is not between 400 and 599"]),
        (page("status = 99999"), &["line 2"]),
        (page("html = \"<p>{{ oops\""), &["line 2", "does not parse", "page.html:1"]),
        (page("logo = \"https://cdn.example/x.png\""), &["line 2", "is no logo", "data: URL"]),
        (page("language = \"english language\""), &["line 2", "is no language"]),
        (page("colours = { accent = \"red\" }"), &["line 2", "`red` is no colour", "#rrggbb"]),
        (page("colours = { backgroud = \"#fff\" }"), &["line 2", "did you mean `background`?"]),
        (
            page("colours = { background = \"#222\" }"),
            &["hard to read by day", "#1b2928 on #222222", "state both colours"],
        ),
        (page("redirect = { to = \"/down\" }"), &["the redirect of * leads to itself", "add an `open` rule"]),
        (page("redirect = { to = \"/a\", status = 301 }"), &["line 2", "302 or 307, not 301"]),
        (page("redirect = { to = \"javascript:x\" }"), &["line 2", "no target for a redirect"]),
        (rule("then = \"opn\"\nwhen = { path = \"/a\" }"), &["line 3", "did you mean `open`?"]),
        (rule("then = \"open\"\nwhen = { pth = \"/a\" }"), &["line 4", "did you mean `path`?"]),
        (
            rule("then = \"open\"\nwhen = { path = { regex = \"/v[0-9\" } }"),
            &["line 4", "/v[0-9\n      ^", "unclosed"],
        ),
        (
            rule("then = \"open\"\nwhen = { path = { glob = \"/a/[\" } }"),
            &["line 4", "unclosed character class"],
        ),
        (rule("then = \"open\"\nwhen = { path = \"a\" }"), &["line 4", "`a`"]),
        (
            rule("then = \"open\"\nwhen = { network = \"10.0.0.1/8\" }"),
            &["line 4", "did you mean the network 10.0.0.0/8"],
        ),
        (
            rule("then = \"open\"\nwhen = { network = \"300.1.1.1\" }"),
            &["line 4", "neither an address nor a network"],
        ),
        (rule("then = \"open\"\nwhen = { method = \"get\" }"), &["line 4", "in capitals"]),
        (rule("then = \"open\"\nwhen = {}"), &["line 4", "`when` is empty"]),
        (rule("then = \"open\""), &["missing field `when`"]),
        ("not toml".into(), &["line 1"]),
    ] {
        place.write("site.toml", &text);
        let ran = place.run("apply site.toml");
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{text}: {ran:?}");
        assert!(ran.err.starts_with("error: site.toml is not applied: "), "{text}: {}", ran.err);
        assert!(words.iter().all(|word| ran.err.contains(word)), "{text}: {}", ran.err);
        assert!(!place.default_store().exists(), "{text}: nothing was written");
    }
    let ran = place.run("apply none.toml");
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("error: cannot read none.toml: "), "{ran:?}");
}

#[test]
fn an_error_is_shown_with_its_line() {
    let place = Place::new();
    let _names = place.names();
    place.write("site.toml", "[sites.\"*\".page]\nstatus = 200\n");
    assert_snapshot!(place.run("apply site.toml").shown(), @"
    exit 1
    --- stderr
    error: site.toml is not applied: TOML parse error at line 2, column 10
      |
    2 | status = 200
      |          ^^^
    status 200 is not between 400 and 599; a refusal that looks like success gets cached and indexed (503 is the usual one)
    ");
}

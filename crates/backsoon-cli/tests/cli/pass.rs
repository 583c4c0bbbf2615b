//! `backsoon pass`: new, list and revoke, with a gate that follows.

use std::io::{Read, Write};
use std::net::TcpStream;

use insta::assert_snapshot;

use super::gate::{Gate, answer};
use super::place::Place;

/// Every file below the store, as text.
fn files(place: &Place) -> String {
    let mut text = String::new();
    let mut folders = vec![place.default_store()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => text.push_str(&String::from_utf8(std::fs::read(path).unwrap()).unwrap()),
            }
        }
    }
    text
}

/// The status of a request that bears `cookie`.
fn status_with(gate: &Gate, cookie: &str) -> u16 {
    let mut stream = TcpStream::connect(gate.address).unwrap();
    let head =
        format!("GET / HTTP/1.1\r\nhost: shop.example.com\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The cookie that the link at `path` sets.
fn cookie(gate: &Gate, path: &str) -> String {
    let answer = answer(gate.address, path);
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    let set = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn a_link_opens_a_closed_site_until_its_pass_is_revoked() {
    let place = Place::new();
    // What passes meets an upstream that is not there: 502.
    let gate = Gate::before_nothing(&place);
    place.done("on");
    let made = place.json("pass new --for Ann --to /cart?step=2");
    let path = made["path"].as_str().unwrap();
    assert!(made["link"].is_null(), "nobody knows the host of `*`: {made}");
    assert!(answer(gate.address, path).contains("\r\nlocation: /cart?step=2\r\n"));
    let cookie = cookie(&gate, path);
    assert_eq!((gate.status(), status_with(&gate, &cookie)), (503, 502));

    let secret = path.split(['.', '?']).find(|part| part.len() == 40).unwrap();
    assert!(!files(&place).contains(secret), "the secret of a link is kept nowhere");

    place.done(&format!("pass revoke {}", made["id"].as_str().unwrap()));
    assert_eq!(status_with(&gate, &cookie), 503);
    assert!(answer(gate.address, path).starts_with("HTTP/1.1 503"));
    place.done("off");
    assert!(
        answer(gate.address, path).starts_with("HTTP/1.1 404"),
        "the application is never asked for a link"
    );
}

#[test]
fn what_operators_see() {
    let place = Place::new();
    let _names = place.names();
    let _gate = Gate::before_nothing(&place);
    assert_snapshot!(place.run("pass list").shown(), @"
    exit 0
    file:DIR/state/backsoon/store: nobody has a pass (`backsoon pass new --for NAME` makes one)
    ");
    assert_snapshot!(place.run("pass new --for 'Ann from QA' --site shop.example.com --expires 90m").shown(), @"
    exit 0
    pass p-ID for Ann from QA, until TIME (1 h 30 min)
      link      https://shop.example.com/.well-known/backsoon/pass/p-ID.SECRET
      opens     shop.example.com
      revoke    backsoon pass revoke p-ID
      store     file:DIR/state/backsoon/store, revision 1
      instances 1 live, all have it
    ");
    assert_snapshot!(place.run("pass new --for Bob").shown(), @"
    exit 0
    pass p-ID for Bob, until TIME (2 h)
      link      /.well-known/backsoon/pass/p-ID.SECRET
      opens     every host of this store
      note      put https:// and one of these hosts before it, or say --base-url
      revoke    backsoon pass revoke p-ID
      store     file:DIR/state/backsoon/store, revision 2
      instances 1 live, all have it
    ");
    assert_snapshot!(place.run("pass new --for Bob --site '*.example.com' --base-url http://eu.example.com:8080").shown(), @"
    exit 0
    pass p-ID for Bob, until TIME (2 h)
      link      http://eu.example.com:8080/.well-known/backsoon/pass/p-ID.SECRET
      opens     every host below example.com
      revoke    backsoon pass revoke p-ID
      store     file:DIR/state/backsoon/store, revision 3
      instances 1 live, all have it
    ");
    assert_snapshot!(place.run("pass list").shown(), @"
    exit 0
      pass        for          site              until                    left        made by
      p-ID  Ann from QA  shop.example.com  TIME  1 h 30 min  ann@HOST
      p-ID  Bob          *                 TIME  2 h         ann@HOST
      p-ID  Bob          *.example.com     TIME  2 h         ann@HOST
    ");
    let listed = place.json("pass list");
    assert_eq!(listed.as_array().unwrap().len(), 3, "{listed}");
    assert!(listed[0].get("secret").is_none(), "{listed}");
    assert_eq!(place.json("status")["passes"], 3);
    assert_snapshot!(place.run("check").shown(), @"
    exit 0
    ok   configuration: no file, all defaults; 0 local rules, 0 trusted proxies
    ok   store: file:DIR/state/backsoon/store
    ok   state: revision 3 with 1 site and 3 passes; patterns, pages and redirects are fine
    ");
    assert_snapshot!(place.run("pass revoke p-2").shown().split(';').next().unwrap(), @"
    exit 1
    --- stderr
    error: there is no pass `p-2`
    ");
    assert_snapshot!(place.run("pass revoke --all").shown(), @"
    exit 0
    p-ID: revoked, it was for Ann from QA
    p-ID: revoked, it was for Bob
    p-ID: revoked, it was for Bob
      store     file:DIR/state/backsoon/store, revision 4
      instances 1 live, all have it
    ");
    assert_snapshot!(place.run("pass revoke --all").shown(), @"
    exit 0
    there are no passes
      store     file:DIR/state/backsoon/store, revision 4
      instances 1 live, all have it
    ");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let place = Place::new();
    let _names = place.names();
    for (line, says) in [
        ("pass new --for ''", "a pass is for somebody"),
        ("pass new --for Ann --to //elsewhere.example", "`//elsewhere.example` is no place on the site"),
        ("pass new --for Ann --to cart", "`cart` is no place on the site"),
        ("pass new --for Ann --base-url shop.example.com", "write scheme and host"),
        ("pass new --for Ann --base-url https://shop.example.com/a", "write scheme and host"),
        ("pass new --for Ann --site a.example --base-url https://b.example", "does not open b.example"),
        ("pass new --for Ann --expires 0s", "is too short"),
        ("pass new", "--for"),
        ("pass revoke", "<ID>"),
        ("pass revoke p-1 --all", "cannot be used with"),
        ("pass revoke 'p 1'", "is not a pass's name"),
    ] {
        let ran = place.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}: {ran:?}");
        assert!(ran.err.contains(says), "{line}: {ran:?}");
    }
    assert!(!place.default_store().exists(), "what is refused makes no store");
}

#[test]
fn keys_are_in_the_store_and_no_command_shows_them() {
    let place = Place::new();
    place.done("pass new --for Ann");
    let state = std::fs::read_to_string(place.default_store().join("state")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["schema"], 2);
    let key = state["keys"].as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
    assert_eq!(key.len(), 64);
    place.write("site.toml", "[sites.\"*\".page]\ntitle = \"a\"\n");
    for line in [
        "status",
        "status --json",
        "pass list",
        "pass list --json",
        "pass new --for Bob",
        "pass new --for Bob --json",
        "history",
        "check",
        "explain --url http://a.example/",
        "explain --url http://a.example/ --json",
        "apply site.toml --dry-run",
        "apply site.toml",
        "on --json",
        "rollback 1",
        "rollback 1 --json",
        "off",
        "history --json",
        "fleet --once --for 1ms",
        "fleet --json --for 1ms",
        "pass revoke --all --json",
    ] {
        let ran = place.run(line);
        assert!(!ran.err.contains("error"), "{line}: {ran:?}");
        assert!(!ran.out.contains(&key) && !ran.err.contains(&key), "{line} shows the key");
    }
    let state = std::fs::read_to_string(place.default_store().join("state")).unwrap();
    assert!(state.contains("\"schema\": 1"), "older ones read it again: {state}");
}

#[test]
fn a_rollback_brings_no_pass_back() {
    let place = Place::new();
    place.done("on");
    let made = place.json("pass new --for Ann");
    place.done("pass revoke --all");
    place.done(&format!("rollback {}", made["revision"]));
    assert_eq!(place.json("pass list"), serde_json::json!([]));
}

#[test]
fn explain_looks_at_the_cookie_of_a_pass() {
    let place = Place::new();
    let gate = Gate::before_nothing(&place);
    place.done("on");
    let made = place.json("pass new --for Ann --site shop.example.com");
    let path = made["path"].as_str().unwrap();
    let cookie = cookie(&gate, path);
    let explain = |host: &str| {
        let line = format!("explain --url http://{host}/ --header 'Cookie: {cookie}'");
        place.json(&line)
    };
    assert_eq!(explain("shop.example.com")["decision"], "admitted");
    assert_eq!(
        explain("shop.example.com")["because"],
        format!("the cookie of pass {}", made["id"].as_str().unwrap())
    );
    assert_eq!(explain("blog.example.com")["decision"], "refused");
    let ran = place.run(&format!("explain --url {}", made["link"].as_str().unwrap()));
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains("the link of a pass") && !ran.err.contains(path), "{ran:?}");
}

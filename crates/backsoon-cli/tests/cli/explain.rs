//! `backsoon explain`.

use insta::assert_snapshot;

use super::place::Place;

/// A place with rules of the site and of this server, and a trusted proxy.
fn place() -> Place {
    let place = Place::new();
    place.write(
        "site.toml",
        r#"
        [[sites."*".rules]]
        name = "payment hooks"
        then = "open"
        when = { path = { prefix = "/hooks" }, method = "POST" }
        [[sites."*".rules]]
        name = "office"
        then = "open"
        when = { network = "198.51.100.0/24" }
        [[sites."*".rules]]
        name = "staff"
        then = "open"
        when = { path = { prefix = "/admin" }, user = "staff" }
        [[sites."*".rules]]
        name = "reports"
        then = "closed"
        when = { path = "/reports" }
        "#,
    );
    place.write(
        "backsoon.toml",
        r#"
        [gate]
        trusted_proxies = ["10.0.0.0/8"]
        [[rules]]
        name = "metrics"
        then = "open"
        when = { path = "/metrics", network = "10.0.0.0/8" }
        "#,
    );
    place.done("apply site.toml");
    place
}

#[test]
fn an_open_site() {
    let place = place();
    let _names = place.names();
    assert_snapshot!(place.run("explain --url https://shop.example.com/cart").shown(), @"
    exit 0
    admitted: the site is open, and no rule says otherwise
      site      *, the most special for shop.example.com
      client    unknown: no address was given (--from)
    ");
    assert_snapshot!(place.run("explain --url https://shop.example.com/reports").shown(), @"
    exit 0
    refused: rule `reports` of the site (path /reports)
      site      *, the most special for shop.example.com
      client    unknown: no address was given (--from)
      reply     503
    ");
}

#[test]
fn a_closed_site() {
    let place = place();
    let _names = place.names();
    place.done("on --until 2030-01-01T00:00:00Z");
    assert_snapshot!(place.run("explain --url https://shop.example.com:8443/cart?a=b").shown(), @"
    exit 0
    refused: the mode is on because of window w-ID of ann@HOST, until TIME
      site      *, the most special for shop.example.com
      client    unknown: no address was given (--from)
      reply     503, RETRY-AFTER
    ");
    assert_snapshot!(place.run("explain --url https://shop.example.com/hooks/7 --method POST").shown(), @"
    exit 0
    admitted: rule `payment hooks` of the site (path prefix /hooks; method POST)
      site      *, the most special for shop.example.com
      client    unknown: no address was given (--from)
    ");
    assert_snapshot!(place.run("explain --url https://shop.example.com/hooks/7").shown(), @"
    exit 0
    refused: the mode is on because of window w-ID of ann@HOST, until TIME
      site      *, the most special for shop.example.com
      client    unknown: no address was given (--from)
      reply     503, RETRY-AFTER
    ");
    assert_snapshot!(place.run("explain --url https://shop.example.com/healthz").shown(), @"
    exit 0
    admitted: the built-in rule keeps health paths open
      site      *, the most special for shop.example.com
      client    unknown: no address was given (--from)
    ");
    assert_snapshot!(place.run("explain --url http://user@[::1]:8080/ --json").shown(), @r#"
    exit 0
    {
      "decision": "refused",
      "because": "the mode is on because of window w-ID of ann@HOST, until TIME",
      "window": "w-ID",
      "site": "*",
      "at": "TIME",
      "client": null,
      "client_because": "no address was given (--from)",
      "status": 503,
      RETRY-AFTER
    }
    "#);
}

#[test]
fn which_address_is_believed_and_why() {
    let place = place();
    let _names = place.names();
    place.done("on");
    let explain = |more: &str| place.run(&format!("explain --url https://shop.example.com/ {more}")).shown();
    assert_snapshot!(explain("--from 198.51.100.7"), @"
    exit 0
    admitted: rule `office` of the site (network 198.51.100.0/24)
      site      *, the most special for shop.example.com
      client    198.51.100.7: the peer itself; it is no trusted proxy, so X-Forwarded-For is not believed
    ");
    assert_snapshot!(explain("--from 203.0.113.9 --header 'X-Forwarded-For: 198.51.100.7'"), @"
    exit 0
    refused: the mode is on because of window w-ID of ann@HOST
      site      *, the most special for shop.example.com
      client    203.0.113.9: the peer itself; it is no trusted proxy, so X-Forwarded-For is not believed
      reply     503
    ");
    assert_snapshot!(explain("--from 10.0.0.1 --header 'X-Forwarded-For: 198.51.100.7'"), @"
    exit 0
    admitted: rule `office` of the site (network 198.51.100.0/24)
      site      *, the most special for shop.example.com
      client    198.51.100.7: from X-Forwarded-For, vouched for by 1 trusted proxy
    ");
    assert_snapshot!(explain("--from 10.0.0.1 --header 'X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.0.0.2'"), @"
    exit 0
    admitted: rule `office` of the site (network 198.51.100.0/24)
      site      *, the most special for shop.example.com
      client    198.51.100.7: from X-Forwarded-For, vouched for by 2 trusted proxies
    ");
    assert_snapshot!(explain("--from 10.0.0.1"), @"
    exit 0
    refused: the mode is on because of window w-ID of ann@HOST
      site      *, the most special for shop.example.com
      client    10.0.0.1: the peer itself; it is a trusted proxy, but forwarded nobody
      reply     503
    ");
    assert_snapshot!(explain("--from ::ffff:10.0.0.1 --header 'X-Forwarded-For: unknown'"), @"
    exit 0
    refused: the mode is on because of window w-ID of ann@HOST
      site      *, the most special for shop.example.com
      client    10.0.0.1: the last trusted proxy; what it forwarded is not an address
      reply     503
    ");
    assert_snapshot!(place.run("explain --url http://a.example/metrics --from 10.9.9.9").shown(), @"
    exit 0
    admitted: rule `metrics` of this server (path /metrics; network 10.0.0.0/8)
      site      *, the most special for a.example
      client    10.9.9.9: the peer itself; it is a trusted proxy, but forwarded nobody
    ");
}

#[test]
fn it_may_depend_on_the_user() {
    let place = place();
    let _names = place.names();
    place.done("on");
    let explain =
        |more: &str| place.run(format!("explain --url https://a.example/admin {more}").trim_end()).shown();
    assert_snapshot!(explain(""), @"
    exit 0
    it depends on the user: a rule asks who the user is; say it with --user anonymous, authenticated, staff or superuser
      site      *, the most special for a.example
      client    unknown: no address was given (--from)
    ");
    assert_snapshot!(explain("--user staff"), @"
    exit 0
    admitted: rule `staff` of the site (path prefix /admin; user staff)
      site      *, the most special for a.example
      client    unknown: no address was given (--from)
    ");
    assert_snapshot!(explain("--user anonymous"), @"
    exit 0
    refused: the mode is on because of window w-ID of ann@HOST
      site      *, the most special for a.example
      client    unknown: no address was given (--from)
      reply     503
    ");
    for (user, decision) in [("authenticated", "refused"), ("superuser", "refused"), ("staff", "admitted")] {
        let json = place.json(&format!("explain --url https://a.example/admin --user {user}"));
        assert_eq!(json["decision"], decision, "{user}");
    }
}

#[test]
fn at_a_time_to_come() {
    let place = place();
    let _names = place.names();
    place.done("on --at 2090-01-01T00:00:00Z --for 2h --hold");
    let explain = |at: &str| place.run(&format!("explain --url https://a.example/ --at {at}")).shown();
    assert_snapshot!(explain("2089-12-31T23:59:59Z"), @"
    exit 0
    admitted: the site is open, and no rule says otherwise
      at        TIME
      site      *, the most special for a.example
      client    unknown: no address was given (--from)
    ");
    assert_snapshot!(explain("'2090-01-01 01:00 Europe/Berlin'"), @"
    exit 0
    held: the mode is hold because of window w-ID of ann@HOST, until TIME
      at        TIME
      site      *, the most special for a.example
      client    unknown: no address was given (--from)
      reply     503, Retry-After: 7200, after 30 s of waiting
    ");
    assert_snapshot!(explain("2090-01-01T02:00:00Z"), @"
    exit 0
    admitted: the site is open, and no rule says otherwise
      at        TIME
      site      *, the most special for a.example
      client    unknown: no address was given (--from)
    ");
}

#[test]
fn a_window_of_a_wider_site_is_named_with_its_site() {
    let place = place();
    let _names = place.names();
    place.done("on --site '*.example.com' --new-site --read-only");
    place.done("on --site shop.example.com --new-site --at 2090-01-01T00:00:00Z");
    assert_snapshot!(place.run("explain --url https://shop.example.com/ --method DELETE").shown(), @"
    exit 0
    refused: the mode is read-only because of window w-ID of ann@HOST on *.example.com
      site      shop.example.com, the most special for shop.example.com
      client    unknown: no address was given (--from)
      reply     503
    ");
    assert_snapshot!(place.run("explain --url https://shop.example.com/").shown(), @"
    exit 0
    admitted: the mode is read-only because of window w-ID of ann@HOST on *.example.com
      site      shop.example.com, the most special for shop.example.com
      client    unknown: no address was given (--from)
    ");
}

#[test]
fn without_a_store_the_rules_of_this_server_hold() {
    let place = place();
    let ran = place.run("explain --url http://a.example/metrics --from 10.9.9.9 --store file:./none");
    assert!(ran.out.starts_with("admitted: rule `metrics` of this server"), "{ran:?}");
    assert!(!place.path("none").exists(), "to ask makes nothing");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let place = Place::new();
    for (line, words) in [
        ("explain", "--url <URL>"),
        ("explain --url /cart", "write the whole URL"),
        ("explain --url 'ht tp://a'", "--url <URL>"),
        ("explain --url http://a.example/ --header nope", "write it as 'Name: value'"),
        ("explain --url http://a.example/ --user boss", "anonymous, authenticated, staff, superuser"),
        ("explain --url http://a.example/ --from nope", "--from <IP>"),
        ("explain --url http://a.example/ --method post", "write it in capitals"),
    ] {
        let ran = place.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}: {ran:?}");
        assert!(ran.err.contains(words), "{line}: {}", ran.err);
    }
}

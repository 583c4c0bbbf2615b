//! What operators see of webhooks: `webhook test`, `webhook list` and `check`.

use super::{SECRET, assert_valid, is_from_us, list, signed, telling};
use crate::receiver::Receiver;

#[test]
fn a_test_says_what_came_back() {
    let receiver = Receiver::answering(0, &["200 OK\r\n", "410 Gone\r\n"]);
    let place = signed(&receiver);
    let said = place.done("webhook test ops");
    assert!(said.starts_with("delivered to http://127.0.0.1:") && said.contains(": 200 OK after "), "{said}");
    assert_valid(&receiver.heard()[0]);
    assert!(is_from_us(&receiver.heard()[0], SECRET));
    let ran = place.run("webhook test ops");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.starts_with("error: webhook ops was not delivered to http://127.0.0.1:"), "{ran:?}");
    assert!(ran.err.contains(": 410 Gone"), "{ran:?}");
    let ran = place.run("webhook test opz");
    assert_eq!(
        (ran.code, ran.err.trim_end()),
        (2, "error: there is no webhook called `opz`; did you mean `ops`?")
    );
    assert_eq!(place.run("webhook list").code, 4, "there is no store yet");
}

#[test]
fn deliveries_are_shown_also_to_those_who_have_no_secrets() {
    let place = telling("https://hooks.example.com/a", "secret_env = \"NO_SUCH\"");
    place.done("on");
    assert_eq!(place.run("webhook test ops").code, 1);
    assert_eq!(list(&place)["place"], "https://hooks.example.com/…");
    let said = place.done("webhook list");
    assert!(said.contains("ops") && said.contains("never"), "{said}");
}

#[test]
fn what_cannot_be_meant_is_refused_with_the_way_out() {
    let https = "https://hooks.example.com/a";
    let ok = telling(https, "secret_file = \"secret\"\nsites = [\"*.example.com\"]\nfor = \"2h\"");
    ok.write("secret", format!("{SECRET}\n"));
    let said = ok.done("check");
    let line = "ok   webhook: ops: https://hooks.example.com/…, signed, tried for 2 h: change, closed, late, lapsed, reopened of *.example.com\n";
    assert!(said.contains(line), "{said}");
    for (url, more, sentence) in [
        (
            "http://hooks.example.com/a",
            "",
            "bad  webhook: webhook `ops`: its url is http, so anybody on the way could read what is sent; use https, or write unencrypted = \"allowed\"\n",
        ),
        (
            https,
            "secret = \"tooshort\"",
            "bad  webhook: webhook `ops`: its secret has 8 bytes, and fewer than 24 can be guessed; `openssl rand -base64 32` makes a good one (write whsec_ before it)\n",
        ),
        (
            https,
            "secret_env = \"NO_SUCH\"",
            "its secret should be in the environment variable NO_SUCH, which is not set\n",
        ),
        (
            https,
            "secret = \"a\"\nsecret_file = \"b\"",
            "its secret is named twice; keep one of secret, secret_env and secret_file\n",
        ),
        (https, "events = [\"chagne\"]", "did you mean `change`?\n"),
        (https, "sekret = \"Zm9vYmFyYmF6cXV4cXV1eA\"", "did you mean `secret`?\n"),
        (
            https,
            "[[webhook]]\nname = \"ops\"\nurl = \"https://b.example\"",
            "there are two webhooks called `ops`; each needs a name of its own\n",
        ),
    ] {
        let place = telling(url, more);
        let ran = place.run("check");
        assert_eq!(ran.code, 1, "{more}: {ran:?}");
        assert!(ran.out.contains(sentence), "{more}: {ran:?}");
        assert!(
            !ran.out.contains("Zm9v"),
            "a secret under a key that was mistyped is one all the same: {ran:?}"
        );
        assert_ne!(place.run("serve --upstream http://127.0.0.1:9").code, 0, "and no gate starts");
    }
}

//! Webhooks: real gates, a real receiver, and the verification that the documentation shows.

use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use backsoon::document::{Host, Mode, Source, Window};
use backsoon::time::Timestamp;
use backsoon::{Control, store};
use serde_json::{Value, json};

use super::gate::{Gate, answer};
use super::place::Place;
use super::receiver::{Delivery, Receiver};
use super::running::{Running, eventually};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Longer than a claim of a gate that was killed lasts.
const TAKEN_OVER: Duration = Duration::from_secs(120);

/// A place whose gates tell `url`, with `more` about it.
fn telling(url: &str, more: &str) -> Place {
    let place = Place::new();
    place.write("backsoon.toml", format!("[[webhook]]\nname = \"ops\"\nurl = \"{url}\"\n{more}\n"));
    place
}

fn signed(receiver: &Receiver) -> Place {
    telling(&receiver.url(), &format!("secret = \"{SECRET}\"\nfirst_retry = \"100ms\""))
}

/// Runs the receiver's code of docs/webhooks.md on a delivery.
fn is_from_us(delivery: &Delivery, secret: &str) -> bool {
    let page = include_str!("../../../../docs/webhooks.md");
    let code = page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let script = format!(
        "{code}\nimport json, sys\nd = json.load(sys.stdin)\nprint(verify(d['secret'], d['fields'], d['body'].encode()))"
    );
    let mut python = std::process::Command::new("python3");
    let python = python.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let python = python.expect("python3 runs the example");
    let input = json!({"secret": secret, "fields": delivery.fields, "body": delivery.body});
    serde_json::to_writer(python.stdin.as_ref().unwrap(), &input).unwrap();
    let output = python.wait_with_output().unwrap();
    match String::from_utf8(output.stdout).unwrap().trim() {
        "True" => true,
        "False" => false,
        other => panic!("the example printed {other:?}"),
    }
}

fn assert_valid(delivery: &Delivery) {
    let schema = include_str!("../../../../spec/webhook.schema.json");
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let body = delivery.json();
    let flaws: Vec<_> = validator.iter_errors(&body).map(|flaw| flaw.to_string()).collect();
    assert!(flaws.is_empty(), "{flaws:?}: {body:#}");
    assert_eq!(body["id"], delivery.id());
    assert_eq!(delivery.fields["content-type"], "application/json");
}

fn list(place: &Place) -> Value {
    place.json("webhook list")["ops"].clone()
}

fn wait_until(what: &str, patience: Duration, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < patience, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The records of deliveries in the store.
fn records(place: &Place) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(place.default_store().join("webhooks")) else { return Vec::new() };
    let all = entries.map(|entry| entry.unwrap().path());
    all.filter(|path| path.file_name().unwrap().to_str().unwrap().contains("-")).collect()
}

async fn control(place: &Place) -> Control {
    let store = store::open(&format!("file:{}", place.default_store().display())).await.unwrap();
    Control::new(store, "importer")
}

#[test]
fn two_gates_tell_each_event_once_and_sign_it() {
    let receiver = Receiver::new();
    let place = signed(&receiver);
    let gates = [Gate::before_nothing(&place), Gate::before_nothing(&place)];
    place.done("on --site shop.example.com --new-site --for 2d --note 'move <b> & \"go\"'");
    eventually("the closing is told", || receiver.of("change").len() == 1);
    assert_eq!(gates[0].status(), 503, "a visitor is refused");
    place.done("off --site shop.example.com");
    eventually("the reopening is told", || receiver.heard().len() >= 3);
    // A third change: whatever would come twice has come by the time that it is there.
    place.done("on");
    eventually("all is told", || receiver.of("change").len() >= 3 && list(&place)["waiting"] == 0);
    drop(gates);

    let heard = receiver.heard();
    let mut ids: Vec<_> = heard.iter().map(|delivery| delivery.id().to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((heard.len(), ids.len()), (4, 4), "{heard:#?}");
    heard.iter().for_each(assert_valid);
    let closing = &receiver.of("change")[0];
    let body = closing.json();
    let text = body["text"].as_str().unwrap();
    assert!(text.starts_with("shop.example.com closed by ann@"), "{text}");
    assert!(text.ends_with(" UTC: move &lt;b&gt; &amp; \"go\""), "{text}");
    assert_eq!(body["why"], "move <b> & \"go\"");
    assert_eq!((&body["sites"], &body["revision"]), (&json!(["shop.example.com"]), &1.into()));
    assert_eq!(body["windows"][0]["became"], "added");
    let reopened = receiver.of("reopened")[0].json();
    assert!(
        reopened["text"].as_str().unwrap().starts_with("shop.example.com is open again: the closing by ann@")
    );
    assert_eq!(reopened["windows"][0]["id"], body["windows"][0]["id"]);
    let text = reopened["text"].as_str().unwrap();
    // On a busy machine a server may not have said its last word in time.
    let text = text.replace(" (so far)", "");
    assert!(text.ends_with(". Visitors meanwhile: 1 refused, 0 held, 0 cut, no pass used"), "{text}");
    assert_eq!((&reopened["impact"]["refused"], &reopened["impact"]["servers"]), (&1.into(), &2.into()));

    assert!(heard.iter().all(|delivery| is_from_us(delivery, SECRET)));
    assert!(!is_from_us(closing, "another secret, as long as it has to be"));
    let mut forged = closing.clone();
    forged.body = forged.body.replace("ann@", "bob@");
    assert!(!is_from_us(&forged, SECRET), "nobody can say something else in our name");
}

#[test]
fn a_planned_closing_is_told_when_it_is_planned_when_its_time_comes_and_when_it_is_over() {
    let receiver = Receiver::new();
    let place = signed(&receiver);
    let gates = [Gate::before_nothing(&place), Gate::before_nothing(&place)];
    let start = Timestamp::now() + Duration::from_secs(3);
    place.done(&format!("on --at {start} --for 1s --note move"));
    eventually("it is over", || receiver.of("reopened").len() == 1);
    eventually("nothing waits", || list(&place)["waiting"] == 0);
    drop(gates);
    assert_eq!((receiver.of("change").len(), receiver.of("closed").len(), receiver.heard().len()), (1, 1, 3));
    let closed = receiver.of("closed")[0].json();
    let text = closed["text"].as_str().unwrap();
    assert!(text.starts_with("Every site is closed since ") && text.ends_with(" (move)"), "{text}");
    assert_eq!(
        (&closed["windows"][0]["became"], &closed["at"]),
        (&json!("begun"), &closed["windows"][0]["start"])
    );
    receiver.heard().iter().for_each(assert_valid);
}

#[test]
fn what_was_not_taken_is_sent_again_and_counted() {
    let receiver = Receiver::answering(
        0,
        &[
            "500 Internal Server Error\r\n",
            "302 Found\r\nlocation: /elsewhere\r\n",
            "503 Slow\r\nretry-after: 0\r\n",
        ],
    );
    let place = signed(&receiver);
    let port = testbed::port::free();
    let gate = Gate::start(&place, &format!("--upstream http://127.0.0.1:9 --observe 127.0.0.1:{port}"));
    place.done("on");
    eventually("it is there at last", || !list(&place)["delivered"].is_null());
    let heard = receiver.heard();
    assert_eq!(heard.len(), 4, "{heard:#?}");
    assert!(heard.iter().all(|delivery| (delivery.id(), &delivery.body) == (heard[0].id(), &heard[0].body)));
    assert!(heard.iter().all(|delivery| is_from_us(delivery, SECRET)), "each try is signed anew");
    let metrics = answer(([127, 0, 0, 1], port).into(), "/metrics");
    for line in [
        "backsoon_webhook_deliveries_total{hook=\"ops\",outcome=\"delivered\"} 1\n",
        "backsoon_webhook_deliveries_total{hook=\"ops\",outcome=\"failed\"} 3\n",
        "backsoon_webhook_deliveries_total{hook=\"ops\",outcome=\"given-up\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    eventually("nothing waits", || {
        answer(([127, 0, 0, 1], port).into(), "/metrics")
            .contains("backsoon_webhook_waiting{hook=\"ops\"} 0\n")
    });
    gate.stop();
}

#[test]
fn another_gate_takes_over_and_the_trouble_is_shown_meanwhile() {
    let port = testbed::port::free();
    let place = telling(&format!("http://127.0.0.1:{port}/"), "first_retry = \"200ms\"");
    let first = Gate::before_nothing(&place);
    place.done("on");
    eventually("it was tried", || list(&place)["answer"].as_str().is_some_and(|why| why.contains("refused")));
    assert_eq!(list(&place)["waiting"], 1);
    eventually("the trouble is shown", || {
        let status = place.run("status").out;
        status.contains("webhook ops has not been delivered since ") && status.contains("refused")
    });
    first.kill();

    let _second = Gate::before_nothing(&place);
    let receiver = Receiver::answering(port, &[]);
    wait_until("another one sends it", TAKEN_OVER, || receiver.of("change").len() == 1);
    eventually("nothing waits", || list(&place)["waiting"] == 0);
    eventually("nothing is wrong any more", || !place.run("status").out.contains("webhook"));
    assert!(!receiver.heard()[0].fields.contains_key("webhook-signature"), "nobody has named a secret");
}

#[test]
fn what_happened_while_no_gate_ran_is_told_and_the_past_before_the_first_is_not() {
    let receiver = Receiver::new();
    let place = signed(&receiver);
    place.done("on");
    let gate = Gate::before_nothing(&place);
    place.done("off");
    eventually("the first news", || receiver.heard().len() == 2);
    gate.stop();
    // As after a week, when nobody can tell by them any more what was sent.
    for record in records(&place) {
        std::fs::remove_file(record).unwrap();
    }
    place.done("on --for 1s");
    place.done("on --site shop.example.com --new-site");
    std::thread::sleep(Duration::from_secs(1));
    let _gate = Gate::before_nothing(&place);
    eventually("the rest", || receiver.heard().len() == 5);
    let told = |kind: &str| -> Vec<u64> {
        let mut revisions: Vec<_> =
            receiver.of(kind).iter().map(|d| d.json()["revision"].as_u64().unwrap()).collect();
        revisions.sort();
        revisions
    };
    assert_eq!((told("change"), told("reopened").len()), (vec![2, 3, 4], 2));
    let by_the_clock = receiver.of("reopened")[1].json();
    let text = by_the_clock["text"].as_str().unwrap();
    assert!(text.starts_with("Every site is open again: the closing by ann@"), "{text}");
    assert!(text.contains(" ended at ") && text.contains(". Visitors meanwhile"), "{text}");
    assert_eq!(by_the_clock["impact"]["to"], by_the_clock["windows"][0]["end"]);
    assert_eq!(by_the_clock["impact"]["reopened_by"], Value::Null, "nobody did");
    assert!(by_the_clock["impact"]["from"].is_string(), "{by_the_clock}");
    receiver.heard().iter().for_each(assert_valid);
}

#[test]
fn a_server_that_does_not_confirm_is_named_and_so_is_one_that_is_lost() {
    let receiver = Receiver::new();
    let place = telling(&receiver.url(), "events = [\"late\"]\nlate_after = \"1s\"");
    let _gate = Gate::before_nothing(&place);
    for (name, lease_ms) in [("behind-1", 600_000), ("lost-1", 100)] {
        let report = json!({
            "name": name, "kind": "web", "program": "1.2", "beat": 1, "lease_ms": lease_ms,
            "place": {"host": "elsewhere", "boot": "b", "pid": 1, "started": 1},
            "clock": "2026-11-20T12:00:00Z", "lineage": null, "revision": 0, "closings": {}, "serves": [],
            "draining": {}, "held": 0, "age_ms": 1, "troubles": [],
        });
        std::fs::write(place.default_store().join("roster").join(name), report.to_string()).unwrap();
    }
    assert_eq!(place.run("on --site shop.example.com --new-site").code, 3, "they are late");
    eventually("both are told", || receiver.heard().len() >= 2);
    let problem = |name: &str| {
        let found = receiver.heard().into_iter().find(|delivery| delivery.json()["server"]["name"] == name);
        let found = found.unwrap_or_else(|| panic!("{name} among {:#?}", receiver.heard()));
        assert_valid(&found);
        found.json()["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        problem("behind-1"),
        "Server behind-1 has not confirmed that shop.example.com is closed (revision 1): still has revision 0"
    );
    let lost = problem("lost-1");
    assert!(
        lost.starts_with("Server lost-1 is lost while shop.example.com is closed: not heard from for "),
        "{lost}"
    );
    // The gate looks at them again and again, and says it once; a change that it is not told of goes by.
    assert_eq!(place.run("on --site other.example.com --new-site").code, 3);
    eventually("they are late for the next change, too", || receiver.heard().len() >= 4);
    assert_eq!(receiver.heard().len(), 4, "{:#?}", receiver.heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_whose_program_has_gone_is_told() {
    let receiver = Receiver::new();
    let place = telling(&receiver.url(), "events = [\"lapsed\"]\nsites = [\"*.example.com\"]");
    let words = ["serve", "--auth", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1"];
    let _gate = Running::start(&place, &words);
    for (id, site) in [("import", "shop.example.com"), ("else", "shop.example.net")] {
        let mut window = Window::new(Mode::On);
        (window.id, window.source, window.by) = (id.parse().unwrap(), Source::Code, "importer@worker".into());
        control(&place).await.begin(&site.parse::<Host>().unwrap(), window).await.unwrap();
    }
    eventually("it is told", || !receiver.heard().is_empty());
    let delivery = receiver.heard().remove(0);
    assert_valid(&delivery);
    assert_eq!(
        delivery.json()["text"],
        "shop.example.com stays closed: the program that added window import by importer@worker has gone; somebody has to end it with `backsoon off --window import`"
    );
    assert_eq!(receiver.heard().len(), 1, "the other site is not this hook's");
}

#[test]
fn secrets_are_shown_nowhere() {
    let port = testbed::port::free();
    let observe = testbed::port::free();
    let place = telling(
        &format!("http://user:hunter2@127.0.0.1:{port}/services/T0PSECRET"),
        &format!("secret = \"{SECRET}\"\nfirst_retry = \"100ms\""),
    );
    let observed = format!("127.0.0.1:{observe}");
    // Everything that the crates below have to say is logged, too.
    let log = std::fs::File::create(place.path("log")).unwrap();
    let mut gate = place.backsoon();
    let words =
        ["serve", "--listen", "127.0.0.1:0", "--upstream", "http://127.0.0.1:9", "--observe", &observed];
    let mut gate =
        gate.args(words).env("RUST_LOG", "trace").stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let logged = || std::fs::read_to_string(place.path("log")).unwrap();
    eventually("it follows the store", || place.run("fleet --once").out.contains(" live "));
    place.done("on");
    eventually("it was tried", || logged().contains("webhook not delivered"));
    eventually("the trouble is shown", || {
        place.run("status").out.contains("webhook ops has not been delivered")
    });
    let mut shown = answer(([127, 0, 0, 1], observe).into(), "/metrics");
    for line in
        ["check", "status", "status --json", "webhook list", "webhook list --json", "webhook test ops"]
    {
        let ran = place.run(line);
        shown.push_str(&ran.shown());
    }
    gate.kill().unwrap();
    gate.wait().unwrap();
    shown.push_str(&logged());
    assert_eq!(records(&place).len(), 1);
    shown.push_str(&std::fs::read_to_string(&records(&place)[0]).unwrap());
    assert!(shown.contains("ops") && shown.contains(&format!("http://127.0.0.1:{port}/…")), "{shown}");
    for secret in ["hunter2", "user:", "T0PSECRET", "MfKQ9r8G", "whsec_"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn a_receiver_that_does_not_answer_holds_up_nobody_else() {
    // It takes connections and is silent.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let receiver = Receiver::new();
    let more = format!("[[webhook]]\nname = \"silent\"\nurl = \"http://{}\"", silent.local_addr().unwrap());
    let place = telling(&receiver.url(), &more);
    let gate = Gate::before_nothing(&place);
    for _ in 0..10 {
        place.done("on --site shop.example.com --new-site");
        place.done("off --site shop.example.com");
    }
    eventually("the other one has everything", || {
        list(&place)["waiting"] == 0 && receiver.heard().len() == 30
    });
    assert_eq!(place.json("webhook list")["silent"]["waiting"], 30);
    assert_eq!(gate.status(), 502, "the gate serves");
    gate.stop();
}

#[test]
fn records_are_removed_after_a_week_and_kept_in_bounds() {
    let receiver = Receiver::new();
    let place = signed(&receiver);
    place.done("on");
    let record = |name: &str, created: &str, standing: &str, ended: Value| {
        let record = json!({
            "id": name, "hook": "ops", "created": created, "body": "{\"type\": \"test\"}", "standing": standing,
            "tries": 1, "ended": ended,
        });
        let folder = place.default_store().join("webhooks");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}-x")), record.to_string()).unwrap();
    };
    let (long_ago, just_now) = ("2020-01-01T00:00:00Z", backsoon::time::Timestamp::now().to_string());
    record("old", long_ago, "delivered", json!(long_ago));
    record("young", &just_now, "delivered", json!(just_now));
    record("late", long_ago, "waiting", Value::Null);
    let gate = Gate::before_nothing(&place);
    let there = |name: &str| records(&place).iter().any(|path| path.ends_with(format!("{name}-x")));
    eventually("the old one is gone", || !there("old"));
    eventually("what was left over is sent", || receiver.of("test").len() == 1);
    assert!(there("young") && there("late"));
    gate.stop();
    for number in 0..1_000 {
        record(&format!("many-{number}"), "2099-01-01T00:00:00Z", "delivered", json!("2099-01-01T00:00:00Z"));
    }
    let _gate = Gate::before_nothing(&place);
    eventually("there are no more than a thousand", || records(&place).len() == 1_000);
    assert!(!there("young") && there("many-0"), "the oldest go first");
}

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
fn over_https_the_receiver_has_to_show_who_it_is() {
    use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use tokio_rustls::rustls::{DEFAULT_VERSIONS, ServerConfig, ServerConnection, StreamOwned, crypto::ring};

    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der()));
    let tls = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_protocol_versions(DEFAULT_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(tls.clone().into()).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            // Whoever does not trust it goes away.
            if super::receiver::read(&mut std::io::BufReader::new(&mut stream)).is_some() {
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            }
        }
    });
    let place = telling(&format!("https://localhost:{port}/"), "");
    place.write("cert.pem", certified.cert.pem());
    let ran = place.run("webhook test ops");
    assert_eq!(ran.code, 1, "nobody knows it: {ran:?}");
    assert!(ran.err.contains("certificate"), "{ran:?}");
    let mut trusting = place.backsoon();
    trusting.args(["webhook", "test", "ops"]).env("SSL_CERT_FILE", place.path("cert.pem"));
    let ran = super::place::Ran::of(&mut trusting);
    assert!(ran.code == 0 && ran.out.contains("200 OK"), "{ran:?}");
}

#[test]
fn one_that_wants_no_more_is_left_alone() {
    let receiver = Receiver::answering(0, &["410 Gone\r\n"]);
    let place = signed(&receiver);
    let _gate = Gate::before_nothing(&place);
    place.done("on");
    eventually("it is given up", || list(&place)["given_up"] == 1);
    assert_eq!((&list(&place)["waiting"], &list(&place)["answer"]), (&0.into(), &"410 Gone".into()));
    place.done("off");
    eventually("the next news is sent all the same", || receiver.heard().len() == 3);
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

//! Deliveries that do not succeed at once: tries, another gate, silent receivers, and the records of it all.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{SECRET, is_from_us, list, records, signed, telling};
use crate::gate::{Gate, answer};
use crate::receiver::Receiver;
use crate::running::eventually;

/// Longer than a claim of a gate that was killed lasts.
const TAKEN_OVER: Duration = Duration::from_secs(120);

fn wait_until(what: &str, patience: Duration, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < patience, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
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

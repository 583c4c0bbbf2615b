//! What is told: closings, plans and ends, once each, and what happened while nobody was there to tell it.

use std::time::Duration;

use backsoon::time::Timestamp;
use serde_json::{Value, json};

use super::{SECRET, assert_valid, is_from_us, list, records, signed};
use crate::gate::Gate;
use crate::receiver::Receiver;
use crate::running::eventually;

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

//! Webhooks: real gates, a real receiver, and the verification that the documentation shows.

mod delivery;
mod news;
mod secrets;
mod trouble;
mod verbs;

use std::process::Stdio;

use serde_json::{Value, json};

use super::place::Place;
use super::receiver::{Delivery, Receiver};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

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
    let page = include_str!("../../../../../docs/webhooks.md");
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
    let schema = include_str!("../../../../../spec/webhook.schema.json");
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

/// The records of deliveries in the store.
fn records(place: &Place) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(place.default_store().join("webhooks")) else { return Vec::new() };
    let all = entries.map(|entry| entry.unwrap().path());
    all.filter(|path| path.file_name().unwrap().to_str().unwrap().contains("-")).collect()
}

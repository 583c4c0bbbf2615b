//! `backsoon run`: a command behind a closed site.

mod closing;
mod failure;
mod signals;

use super::place::{Place, Ran};

/// Says that it runs, goes on when it is told to or its place has gone, and ends with 0.
const UNTIL_TOLD: &str =
    "touch started; while [ -e started ] && [ ! -e go ]; do sleep 0.02; done; touch ended";

/// A report that nobody renews, of a machine that nobody reaches.
pub(crate) fn lost(place: &Place) {
    let report = r#"{"name": "web-2", "kind": "web", "program": "1", "beat": 3, "lease_ms": 300,
        "place": {"host": "elsewhere", "boot": "b", "pid": 1, "started": 1}, "clock": "2026-11-20T12:00:00Z",
        "lineage": null, "revision": 0, "closings": {}, "serves": [], "draining": {}, "held": 0, "age_ms": 1000,
        "troubles": []}"#;
    let roster = place.default_store().join("roster");
    std::fs::create_dir_all(&roster).unwrap();
    std::fs::write(roster.join("web-2"), report).unwrap();
}

fn run(place: &Place, flags: &[&str], script: &str) -> Ran {
    let words = [&["run"], flags, &["--", "sh", "-c", script]].concat();
    Ran::of(place.backsoon().args(words))
}

/// The windows there are, each with its source and its note.
fn windows(place: &Place) -> Vec<(String, String)> {
    let status = place.json("status");
    let windows = status["sites"]["*"]["windows"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    windows.iter().map(|window| (text(&window["source"]), text(&window["note"]))).collect()
}

fn bin() -> String {
    assert_cmd::cargo::cargo_bin("backsoon").display().to_string()
}

//! Two hundred writers, twenty at a time: every change lands, and the history has no gap.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::place::Place;

#[test]
fn two_hundred_writers_to_files() {
    race("file:./state", 200, 20);
}

#[test]
fn forty_writers_to_rows() {
    race("sqlite:./backsoon.db", 40, 8);
}

fn race(store: &str, writers: usize, at_a_time: usize) {
    let place = Place::new();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= writers {
                        return;
                    }
                    place.done(&format!("on --store {store} --message {number}"));
                }
            });
        }
    });
    let status = place.json(&format!("status --store {store}"));
    let windows = status["sites"]["*"]["windows"].as_array().unwrap();
    let messages: BTreeSet<usize> =
        windows.iter().map(|window| window["message"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!((windows.len(), messages), (writers, (0..writers).collect()), "every change has landed");
    let history = place.json(&format!("history --store {store}"));
    let history = history.as_array().unwrap();
    for (index, state) in history.iter().enumerate() {
        assert_eq!(state["revision"], index + 1);
        assert_eq!(state["default"]["windows"].as_array().unwrap().len(), index + 1, "one change each");
    }
    assert_eq!(history.len(), writers);
}

//! `backsoon demo`: what it says to type does what it says.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::gate::status;
use super::place::{Place, words};

#[test]
fn what_it_says_to_type_closes_and_reopens() {
    let place = Place::new();
    let mut demo = place.backsoon();
    let demo = demo.args(words("demo --listen 127.0.0.1:0")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut demo = demo.spawn().unwrap();
    let lines: Vec<String> =
        BufReader::new(demo.stdout.take().unwrap()).lines().take(3).map(Result::unwrap).collect();
    let [open, close, reopen] = lines.as_slice() else { panic!("three lines: {lines:?}") };
    let address = open.strip_prefix("open ").unwrap().trim().strip_prefix("http://").unwrap();
    let address = address.strip_suffix('/').unwrap().parse().unwrap();
    let typed = |line: &str| place.program("sh").args(["-c", line]).output().unwrap();

    assert_eq!(status(address), 200);
    let closed = typed(close.strip_prefix("close ").unwrap());
    assert!(
        closed.status.success() && String::from_utf8_lossy(&closed.stdout).contains("all have it"),
        "{closed:?}"
    );
    assert_eq!(status(address), 503);
    assert!(typed(reopen.strip_prefix("reopen ").unwrap()).status.success());
    assert_eq!(status(address), 200);

    let store = reopen.split("file:").nth(1).unwrap().trim();
    assert!(std::path::Path::new(store).exists());
    assert!(Command::new("kill").arg(demo.id().to_string()).status().unwrap().success());
    assert!(demo.wait().unwrap().success());
    assert!(!std::path::Path::new(store).exists(), "it takes its store away");
}

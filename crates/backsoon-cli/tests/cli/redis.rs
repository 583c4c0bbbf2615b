//! A store in Redis, from the command line: what may be lost is said, and a password is never.

use std::process::Stdio;
use std::time::Instant;

use testbed::Redis;

use super::gate::PATIENCE;
use super::place::{Place, words};

const PASSWORD: &str = "hush-4711";

#[test]
fn a_site_closes_and_opens_over_redis_and_status_says_what_may_be_lost() {
    let redis = Redis::start(&["--requirepass", PASSWORD]);
    let place = Place::new();
    place.write("backsoon.toml", format!("store = \"redis://:{PASSWORD}@127.0.0.1:{}\"", redis.port()));
    let url = format!("redis://127.0.0.1:{}", redis.port());
    let note = "note: Redis forgets the state when it restarts (appendonly is no, and it saves no snapshots)";

    place.done("on --message 'Back in ten minutes'");
    let status = place.run("status --exit-code");
    assert!(status.code != 0 && status.out.contains(&url) && status.out.contains(note), "{status:?}");
    let json = place.json("status");
    assert!(json["caveats"][0].as_str().unwrap().contains("set appendonly to yes"), "{json}");
    let check = place.done("check");
    assert!(check.contains(&note.replace("note:", "note store:")), "{check}");
    place.done("off");

    redis.cli(&["-a", PASSWORD, "CONFIG", "SET", "appendonly", "yes"]);
    let fine = place.done("status");
    assert!(!fine.contains("note:"), "{fine}");
    assert_eq!(place.json("status")["caveats"], serde_json::json!([]));
    for said in [status.out, status.err, check, fine] {
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn a_gate_over_redis_warns_at_its_start_and_writes_the_password_nowhere() {
    let redis = Redis::start(&["--requirepass", PASSWORD]);
    let place = Place::new();
    let store = format!("redis://:{PASSWORD}@127.0.0.1:{}", redis.port());
    let err = std::fs::File::create(place.path("err")).unwrap();
    let mut gate = place.backsoon();
    gate.args(words("serve --listen 127.0.0.1:0 --upstream http://127.0.0.1:9 --store")).arg(&store);
    let mut gate = gate.stdout(Stdio::null()).stderr(err).spawn().unwrap();
    let begun = Instant::now();
    let mut said = String::new();
    while !said.contains("WARN") || !said.contains("set appendonly to yes") {
        assert!(begun.elapsed() < PATIENCE, "no warning: {said}");
        std::thread::sleep(std::time::Duration::from_millis(20));
        said = std::fs::read_to_string(place.path("err")).unwrap();
    }
    let on = place.run(&format!("on --wait --store {store}"));
    assert_eq!(on.code, 0, "{on:?}");
    let (status, off) =
        (place.run(&format!("status --store {store}")), place.run(&format!("off --store {store}")));
    gate.kill().unwrap();
    gate.wait().unwrap();
    said = std::fs::read_to_string(place.path("err")).unwrap();
    for text in [said, on.out, on.err, status.out, status.err, off.out, off.err] {
        assert!(!text.contains("hush"), "{text}");
    }
    let mut folders = vec![place.root().to_owned()];
    let mut copies = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(
                !path.display().to_string().contains("hush") && !text.contains("hush"),
                "{}",
                path.display()
            );
            copies += u32::from(path.display().to_string().contains("/copies/"));
        }
    }
    assert_eq!(copies, 1, "the gate keeps a copy");
}

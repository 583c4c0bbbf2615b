//! `--wait`: the receipt, and what a verb says of requests that still run without it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use insta::assert_snapshot;

use super::gate::{Gate, until};
use super::place::{Place, Ran, words};

/// A site whose one answer takes until it is told to go on.
struct Slow {
    address: SocketAddr,
    go_on: std::sync::mpsc::Sender<()>,
    asked: std::sync::mpsc::Receiver<()>,
}

// === impl Slow ===

impl Slow {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (go_on, told) = std::sync::mpsc::channel();
        let (ask, asked) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = [0; 4_096];
                if stream.read(&mut head).unwrap_or(0) == 0 {
                    continue;
                }
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\nhalf";
                stream.write_all(head.as_bytes()).unwrap();
                ask.send(()).unwrap();
                told.recv().unwrap();
                stream.write_all(b"half").unwrap();
            }
        });
        Self { address, go_on, asked }
    }

    /// A visitor who is in the middle of the answer when this returns.
    fn visit(&self, gate: &Gate) -> JoinHandle<String> {
        let mut stream = TcpStream::connect(gate.address).unwrap();
        let visitor = std::thread::spawn(move || {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        self.asked.recv_timeout(super::gate::PATIENCE).expect("the request reaches the site");
        visitor
    }
}

fn site() -> (Place, Slow, Gate) {
    let (place, slow) = (Place::new(), Slow::start());
    let gate = Gate::start(&place, &format!("--upstream http://{}", slow.address));
    (place, slow, gate)
}

#[test]
fn without_it_what_still_runs_is_said() {
    let (place, slow, gate) = site();
    let _names = place.names();
    let visitor = slow.visit(&gate);
    assert_snapshot!(place.run("on").shown(), @"
    exit 0
    *: on until it is ended
      window    w-ID
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 1
      instances 1 live, all have it
      draining  1 request from before on INSTANCE
    ");
    assert_eq!(place.json("on --message b")["draining"], 1);
    slow.go_on.send(()).unwrap();
    assert!(visitor.join().unwrap().ends_with("halfhalf"), "whoever was in got the whole answer");
    let ran = until(&place, "on --message b", |ran| !ran.out.contains("draining"));
    assert_eq!(ran.code, 0);
}

#[test]
fn it_returns_once_the_last_earlier_request_has_ended() {
    let (place, slow, gate) = site();
    let _names = place.names();
    let visitor = slow.visit(&gate);
    let too_short = place.run("on --wait=1s");
    assert_snapshot!(too_short.shown(), @"
    exit 3
    *: on until it is ended
      window    w-ID
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 1
      instances 1 live, all have it
      receipt   not confirmed after SPAN: 0 of 1 server confirmed
      late      INSTANCE: 1 earlier request still runs, GET / for SPAN
    --- stderr
    waiting: * is on by window w-ID (file:DIR/state/backsoon/store, revision 1); `backsoon off` reopens
    ");
    let mut command = place.backsoon();
    let waits = std::thread::spawn(move || Ran::of(command.args(words("on --wait --message b"))));
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(!waits.is_finished(), "one request still runs");
    slow.go_on.send(()).unwrap();
    let ran = waits.join().unwrap();
    assert_snapshot!(ran.shown(), @"
    exit 0
    *: on until it is ended
      window    w-ID
      message   b
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 2
      instances 1 live, all have it
      receipt   confirmed after SPAN: 1 server at revision 2; 1 request from before ended
      let in    health paths, robots.txt
    --- stderr
    waiting: * is on by window w-ID (file:DIR/state/backsoon/store, revision 2); `backsoon off` reopens
    ");
    assert!(visitor.join().unwrap().ends_with("halfhalf"));
}

#[test]
fn nobody_confirms_nothing() {
    let place = Place::new();
    let _names = place.names();
    assert_snapshot!(place.run("on --wait=1s").shown(), @"
    exit 3
    *: on until it is ended
      window    w-ID
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 1
      instances none
      receipt   not confirmed after SPAN: 0 of 0 servers confirmed
      late      nobody follows this store, so nobody can confirm
    --- stderr
    waiting: * is on by window w-ID (file:DIR/state/backsoon/store, revision 1); `backsoon off` reopens
    warning: nobody follows this store (file:DIR/state/backsoon/store): no server closes or opens because of it
    ");
    let _gate = Gate::before_nothing(&place);
    assert_eq!(place.run("on --wait=1s --instances 2").code, 3);
    assert_eq!(place.run("on --wait=20s --instances 1").code, 0);
    assert_eq!(place.run("off --wait=20s").code, 0);
}

#[test]
fn what_is_not_confirmed_is_reopened_if_asked_for() {
    let (place, slow, gate) = site();
    let _names = place.names();
    let visitor = slow.visit(&gate);
    assert_snapshot!(place.run("on --wait=1s --or-reopen").shown(), @"
    exit 3
    *: on until it is ended
      window    w-ID
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 1
      instances 1 live, all have it
      receipt   not confirmed after SPAN: 0 of 1 server confirmed
      late      INSTANCE: 1 earlier request still runs, GET / for SPAN
      reopened  window w-ID was ended, because it was not confirmed (--or-reopen)
      impact    w-ID: closed TIME to TIME: 0 refused, 0 held, 0 cut, no pass used
    --- stderr
    waiting: * is on by window w-ID (file:DIR/state/backsoon/store, revision 1); `backsoon off` reopens
    ");
    let json = place.run("on --wait=1s --or-reopen --json");
    let said: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, &said["reopened"][0]), (3, &said["windows"][0]["id"]), "{said:#}");
    assert_eq!(
        (&said["receipt"]["verdict"], &said["impacts"][0]["window"]),
        (&"not-confirmed".into(), &said["reopened"][0])
    );
    assert_eq!(place.json("status")["sites"]["*"]["mode"], "off");
    slow.go_on.send(()).unwrap();
    assert!(visitor.join().unwrap().ends_with("halfhalf"));
    for line in ["on --or-reopen", "on --accept-lost", "on --instances 2", "on --wait=soon"] {
        let ran = place.run(line);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line} says nothing without --wait: {ran:?}");
    }
}

#[test]
fn a_command_behind_a_closing_that_cuts_starts_once_all_are_cut() {
    let (place, slow, gate) = site();
    let visitor = slow.visit(&gate);
    let ran = place.run("run --cut-after 1s -- touch started");
    assert_eq!((ran.code, place.path("started").exists()), (0, true), "{ran:?}");
    let says =
        |label: &str, text: &str| ran.err.lines().any(|l| l.trim().starts_with(label) && l.contains(text));
    assert!(says("receipt", "forced") && says("cut", "GET / after"), "{ran:?}");
    assert!(!visitor.join().unwrap().ends_with("halfhalf"), "the visitor was cut off");
    until(&place, "status", |ran| ran.out.contains("*: open"));
    slow.go_on.send(()).unwrap();
}

#[test]
fn what_runs_too_long_is_cut_and_named_and_the_verdict_is_forced() {
    let (place, slow, gate) = site();
    let _names = place.names();
    let visitor = slow.visit(&gate);
    assert_snapshot!(place.run("on --wait --cut-after 1s").shown(), @"
    exit 0
    *: on until it is ended
      window    w-ID
      reopen    backsoon off
      store     file:DIR/state/backsoon/store, revision 1
      instances 1 live, all have it
      receipt   forced after SPAN: 1 server at revision 1; 1 request cut, of 1 from before
      cut       INSTANCE: GET / after SPAN
      let in    health paths, robots.txt
    --- stderr
    waiting: * is on by window w-ID (file:DIR/state/backsoon/store, revision 1); `backsoon off` reopens
    ");
    slow.go_on.send(()).unwrap();
    assert!(!visitor.join().unwrap().ends_with("halfhalf"), "it was cut");
    let receipt = &place.json("on --message b --wait")["receipt"];
    assert_eq!(
        receipt["verdict"], "forced",
        "the site was not open in between, and who works on it may go on"
    );
    place.done("off --wait");
    let receipt = &place.json("on --wait")["receipt"];
    assert_eq!(receipt["verdict"], "confirmed", "what was cut for an earlier closing is not this one's");
}

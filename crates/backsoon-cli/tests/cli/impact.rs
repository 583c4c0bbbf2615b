//! What closings have done to visitors, as verbs say it: with real gates, real visitors, and exact numbers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;

use insta::assert_snapshot;

use super::gate::{Gate, PATIENCE, answer, until};
use super::place::{Place, unpadded};

/// A site that answers at once, except to `/export`: that answer has no end.
struct Site {
    address: SocketAddr,
    exports: mpsc::Receiver<()>,
}

// === impl Site ===

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (begun, exports) = mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let begun = begun.clone();
                std::thread::spawn(move || serve(stream.unwrap(), &begun));
            }
        });
        Self { address, exports }
    }
}

fn serve(mut stream: TcpStream, begun: &mpsc::Sender<()>) {
    let mut head = [0; 4_096];
    let length = stream.read(&mut head).unwrap_or(0);
    if head[..length].starts_with(b"GET /export ") {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf").unwrap();
        begun.send(()).unwrap();
        // Until the gate ends it.
        let _ = stream.read(&mut head);
    } else {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nhere");
    }
}

fn visit(address: SocketAddr, path: &'static str) -> JoinHandle<String> {
    std::thread::spawn(move || answer(address, path))
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

/// Sends `cookie`, too.
fn with(address: SocketAddr, cookie: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head =
        format!("GET / HTTP/1.1\r\nhost: shop.example.com\r\ncookie: {cookie}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn off_says_exactly_whom_the_closing_refused_held_cut_and_let_through() {
    let (place, site) = (Place::new(), Site::start());
    let _names = place.names();
    let gate = Gate::start(&place, &format!("--upstream http://{}", site.address));
    let export = std::thread::spawn({
        let address = gate.address;
        move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /export HTTP/1.1\r\nhost: shop.example.com\r\n\r\n").unwrap();
            let mut heard = Vec::new();
            // It breaks off, which may be an error.
            let _ = stream.read_to_end(&mut heard);
            heard
        }
    });
    site.exports.recv_timeout(PATIENCE).expect("the export has begun");
    let pass = place.json("pass new --for Ann");
    place.done("on --hold --max-held 2 --max-wait 1m --cut-after 100ms --wait");
    assert!(export.join().unwrap().ends_with(b"half"), "it was cut");

    let held = [visit(gate.address, "/"), visit(gate.address, "/cart")];
    until(&place, "status --json", |ran| ran.out.contains("\"held\": 2"));
    for _ in 0..3 {
        assert_eq!(status(&answer(gate.address, "/")), "503", "as many wait as may");
    }
    let link = answer(gate.address, pass["path"].as_str().unwrap());
    let cookie = link.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert_eq!(status(&with(gate.address, cookie.split(';').next().unwrap())), "200");

    let seen = until(&place, "status", |ran| ran.out.contains("3 refused"));
    assert!(seen.out.contains("so far    3 refused, 2 held, 1 cut, 1 pass used (Ann: 1)\n"), "{}", seen.out);
    let off = place.run("off --wait");
    let (before, waits) = off.out.split_once("2 held (p50 ").unwrap_or_else(|| panic!("{off:?}"));
    let (waits, after) = waits.split_once(')').unwrap();
    assert!(waits.contains(" s, p99 ") || waits.contains(" ms, p99 "), "{waits}");
    assert_snapshot!(format!("exit {}\n{before}2 held (WAITS){after}", off.code), @"
    exit 0
    *: open
      ended     w-ID: hold of ann@HOST
      store     file:DIR/state/backsoon/store, revision 3
      instances 1 live, all have it
      receipt   confirmed after SPAN: 1 server at revision 3; no earlier request was running
      impact    w-ID: on hold TIME to TIME: 3 refused, 2 held (WAITS), 1 cut, 1 pass used (Ann: 1)
    ");
    for held in held {
        assert!(held.join().unwrap().ends_with("here"));
    }
    let history = unpadded(&place.done("history"));
    assert!(history.contains(": 3 refused, 2 held (p50 "), "{history}");
}

#[test]
fn two_gates_on_one_store_add_up_and_history_keeps_the_sum() {
    let place = Place::new();
    let _names = place.names();
    let (one, other) = (Gate::before_nothing(&place), Gate::before_nothing(&place));
    let id = place.json("on --wait")["windows"][0]["id"].clone();
    for gate in [&one, &other, &other, &one, &one] {
        assert_eq!(gate.status(), 503);
    }
    let off = place.json("off");
    let impact = &off["impacts"][0];
    assert_eq!((&impact["window"], &impact["refused"], &impact["servers"]), (&id, &5.into(), &2.into()));
    assert_eq!((&impact["complete"], &impact["awaited"]), (&true.into(), &serde_json::json!([])));
    let history = place.done("history");
    let below = history.lines().skip_while(|line| !line.trim_end().ends_with("off *")).nth(1).unwrap();
    let words = format!("impact of {}: 5 refused, 0 held, 0 cut, no pass used", id.as_str().unwrap());
    assert_eq!(below.trim(), words, "{history}");
    let history = place.json("history");
    assert_eq!(history[1]["impacts"][0]["refused"], 5);
    assert!(history[0].get("impacts").is_none() && history[0]["default"]["windows"][0]["id"] == id);

    place.done("on --message b --wait");
    assert_eq!(other.status(), 503);
    assert_snapshot!(place.run("rollback 2").shown(), @"
    exit 0
    revision 2 is in force again, as revision 4
      sites     all open
      store     file:DIR/state/backsoon/store, revision 4
      instances 2 live, all have it
      impact    w-ID: closed TIME to TIME: 1 refused, 0 held, 0 cut, no pass used
    ");
}

#[test]
fn a_gate_that_died_is_named_and_one_that_came_later_too() {
    let place = Place::new();
    let (dies, stays) = (Gate::before_nothing(&place), Gate::before_nothing(&place));
    place.done("on --wait");
    assert_eq!((dies.status(), stays.status()), (503, 503));
    until(&place, "status --json", |ran| ran.out.matches("\"refused\": 1,").count() >= 2);
    dies.kill();
    let impact = place.json("off")["impacts"][0].clone();
    assert_eq!((&impact["refused"], &impact["complete"]), (&2.into(), &true.into()), "{impact}");
    assert_eq!(impact["gone"].as_array().unwrap().len(), 1, "{impact}");

    place.done("on --message b --wait");
    let late = Gate::before_nothing(&place);
    assert_eq!((stays.status(), late.status()), (503, 503));
    let off = place.done("off");
    assert!(off.contains(": 2 refused, ") && off.contains(" has joined since it began"), "{off}");
}

#[test]
fn a_command_behind_a_closing_hears_at_its_end_what_it_has_cost() {
    let place = Place::new();
    let gate = Gate::before_nothing(&place);
    let ask = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3",
        gate.address.port()
    );
    let mut command = place.backsoon();
    let ran = super::place::Ran::of(command.args(["run", "--", "bash", "-c", &ask]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("HTTP/1.1 503") || ran.out.starts_with("HTTP/1.0 503"), "{ran:?}");
    let line =
        ran.err.lines().find(|line| line.starts_with("  impact    w-")).unwrap_or_else(|| panic!("{ran:?}"));
    assert!(line.ends_with(": 1 refused, 0 held, 0 cut, no pass used"), "{line}");
}

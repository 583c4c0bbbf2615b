//! Server-sent events.

use std::time::{Duration, Instant};

use backsoon_console::{Options, Role};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ground::{Ground, PATIENCE};

/// A client that follows.
struct Follower {
    stream: TcpStream,
    heard: String,
}

#[derive(Debug)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

impl Follower {
    async fn of(ground: &Ground, headers: &[&str]) -> Self {
        let mut stream = TcpStream::connect(ground.address).await.unwrap();
        let mut request = format!("GET /api/v1/events HTTP/1.1\r\nhost: {}\r\n", ground.address);
        headers.iter().for_each(|header| request += &format!("{header}\r\n"));
        stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
        let mut follower = Self { stream, heard: String::new() };
        let head = follower.until("\r\n\r\n").await;
        assert!(head.contains("200 OK") && head.contains("text/event-stream"), "{head}");
        follower
    }

    async fn until(&mut self, end: &str) -> String {
        let reading = async {
            loop {
                if let Some(at) = self.heard.find(end) {
                    let rest = self.heard.split_off(at + end.len());
                    return std::mem::replace(&mut self.heard, rest);
                }
                let mut bytes = [0; 4096];
                let read = self.stream.read(&mut bytes).await.unwrap();
                assert!(read > 0, "the stream ended after {}", self.heard);
                self.heard += &String::from_utf8_lossy(&bytes[..read]);
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("an event in time")
    }

    /// The next event called `name`; others are passed over.
    async fn next(&mut self, name: &str) -> Event {
        loop {
            let text = self.until("\n\n").await;
            let field = |name: &str| {
                let line = text.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap_or_default().trim().to_owned()
            };
            if field("event:") == name {
                let data = serde_json::from_str(&field("data:")).unwrap();
                return Event { id: field("id:"), name: name.to_owned(), data };
            }
        }
    }
}

#[tokio::test]
async fn a_listener_gets_the_picture_and_then_what_changes() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Operator).await;
    let mut follower = Follower::of(&ground, &[&token]).await;
    assert_eq!(follower.next("state").await.data["revision"], 0);
    assert_eq!(follower.next("report").await.data["name"], "gate-1");
    ground.json("POST", "/api/v1/windows", &[&token], r#"{"mode":"on"}"#).await;
    loop {
        let state = follower.next("state").await;
        if state.data["revision"] == 1 {
            assert_eq!(state.data["sites"][0]["mode"], "on");
            break;
        }
    }
    loop {
        let receipt = follower.next("receipt").await.data;
        if receipt["verdict"] == "confirmed" {
            break;
        }
    }
}

#[tokio::test]
async fn who_comes_back_hears_what_they_missed() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Operator).await;
    // Somebody else goes on listening, so there is news.
    let mut other = Follower::of(&ground, &[&token]).await;
    let mut follower = Follower::of(&ground, &[&token]).await;
    ground.json("POST", "/api/v1/windows", &[&token], r#"{"mode":"on"}"#).await;
    let mut last = follower.next("state").await;
    while last.data["revision"] != 1 {
        last = follower.next("state").await;
    }
    drop(follower);
    ground.json("POST", "/api/v1/reopen", &[&token], "{}").await;
    while other.next("state").await.data["revision"] != 2 {}
    ground.json("POST", "/api/v1/windows", &[&token], r#"{"mode":"hold"}"#).await;
    while other.next("state").await.data["revision"] != 3 {}
    let last_id = format!("last-event-id: {}", last.id);
    let mut back = Follower::of(&ground, &[&token, &last_id]).await;
    let missed = back.next("state").await;
    assert_eq!((missed.name.as_str(), &missed.data["revision"]), ("state", &2.into()));
    assert_eq!(back.next("state").await.data["revision"], 3);
    for id in ["last-event-id: other-1", "last-event-id: ", "last-event-id: 99999999999999999999"] {
        let mut fresh = Follower::of(&ground, &[&token, id]).await;
        assert_eq!(fresh.next("state").await.data["revision"], 3, "{id}");
    }
}

#[tokio::test]
async fn a_page_that_is_only_left_open_keeps_no_session_alive() {
    let options = Options { idle: Duration::from_millis(1200), ..Options::default() };
    let ground = Ground::with(options).await;
    ground.user("ada", Role::Viewer).await;
    let ada = ground.sign_in("ada").await;
    let mut follower = Follower::of(&ground, &[&ada.cookie, "connection: close"]).await;
    let begun = Instant::now();
    let mut bytes = [0; 4096];
    // What loads itself again is no use of a session either.
    while ground.get("/", &[&ada.cookie, "backsoon-live: 1"]).await.status == 200 {
        assert!(begun.elapsed() < PATIENCE, "looking again and again goes on for ever");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The stream ends with the session, and not before.
    while follower.stream.read(&mut bytes).await.unwrap() > 0 {
        assert!(begun.elapsed() < PATIENCE, "somebody who has long gone still listens");
    }
    assert!(begun.elapsed() > Duration::from_millis(600), "it has ended by itself");
    assert_eq!(ground.get("/api/v1/me", &[&ada.cookie]).await.status, 401);
}

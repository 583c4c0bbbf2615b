//! The main job: a real site behind the real gate, closed and reopened again and again from other processes, under
//! load on connections that stay open. Nothing leaks through, and nothing is lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::RwLock;
use tokio::task::JoinHandle;

use super::gate::{Gate, PATIENCE};
use super::place::{Place, Ran, words};

/// How a fleet is turned.
pub(crate) struct Turns {
    /// The store's kind, for what is printed.
    pub(crate) store: String,
    pub(crate) gates: usize,
    pub(crate) rounds: usize,
    /// The commands, and what they say once everyone has it.
    pub(crate) on: String,
    pub(crate) off: String,
    pub(crate) proof: String,
}

/// Gates before a site, and the visitors who come to them.
pub(crate) struct Load {
    gates: Vec<Gate>,
    word: Arc<RwLock<Word>>,
    visitors: Vec<JoinHandle<Got>>,
    seen: Arc<Seen>,
}

/// What the operator knows, and so what a request that is sent now may meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// `off` has returned: it passes.
    Open,
    /// `on` or `off` is running: one or the other, but whole.
    Between,
    /// `on` has returned: it is refused, and the upstream never sees it.
    Closed,
    /// The load may end.
    Over,
}

/// How often the upstream was asked, by what was known when the request was sent.
#[derive(Debug, Default)]
struct Seen {
    open: AtomicUsize,
    between: AtomicUsize,
    closed: AtomicUsize,
}

/// What one visitor got.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Got {
    pub(crate) passed: usize,
    pub(crate) refused: usize,
    refused_between: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_and_reopened_twenty_times_under_load() {
    let proof = "1 live, all have it".to_owned();
    let turns =
        Turns { store: "file".into(), gates: 1, rounds: 20, on: "on".into(), off: "off".into(), proof };
    turns.under_load(&Place::new()).await;
}

// === impl Turns ===

impl Turns {
    /// Turns the fleet, and fails if one request passes a confirmed closing or is not answered whole.
    pub(crate) async fn under_load(self, place: &Place) {
        let begun = Instant::now();
        let load = Load::on(place, self.gates, "").await;
        for round in 0..self.rounds {
            tokio::time::sleep(Duration::from_millis(30)).await;
            for (verb, now) in [(&self.on, Word::Closed), (&self.off, Word::Open)] {
                let ran = load.turn(place, verb, now).await;
                assert_eq!(ran.code, 0, "round {round}: {ran:?}");
                assert!(ran.out.contains(&self.proof), "round {round}: {ran:?}");
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        }
        let all = load.ends_well().await;
        // A connection that was reset, an answer that was not whole, a request that leaked: each has ended the test.
        println!(
            "{}, {} gates, {} rounds: {} requests answered ({} passed, {} refused), 0 reached an upstream after a \
             confirmed closing, 0 resets, {:.0} s",
            self.store,
            self.gates,
            self.rounds,
            all.passed + all.refused,
            all.passed,
            all.refused,
            begun.elapsed().as_secs_f64()
        );
    }
}

// === impl Load ===

impl Load {
    /// Starts gates with `flags` before a site that counts, and visitors who come until this ends.
    pub(crate) async fn on(place: &Place, gates: usize, flags: &str) -> Self {
        let seen = Arc::new(Seen::default());
        let upstream = upstream(Arc::clone(&seen)).await;
        let flags = format!("--upstream http://{upstream} {flags}");
        let gates: Vec<_> = (0..gates).map(|_| Gate::start(place, &flags)).collect();
        let word = Arc::new(RwLock::new(Word::Open));
        let visits = [Visit::Get, Visit::Get, Visit::Get, Visit::Post, Visit::Slow, Visit::Slow];
        let visitors = gates
            .iter()
            .flat_map(|gate| visits.map(|visit| (gate.address, visit)))
            .map(|(gate, visit)| tokio::spawn(visit.again_and_again(gate, Arc::clone(&word))))
            .collect();
        Self { gates, word, visitors, seen }
    }

    /// Runs `backsoon` with `line`, after which `now` holds.
    pub(crate) async fn turn(&self, place: &Place, line: &str, now: Word) -> Ran {
        // Whoever is on the way under the old word is waited for; it is the last moment to rely on it.
        *self.word.write().await = Word::Between;
        let ran = run(place, line).await;
        *self.word.write().await = now;
        ran
    }

    /// Ends the load and the gates, and fails if a request was lost, or passed where it should not.
    pub(crate) async fn ends_well(self) -> Got {
        *self.word.write().await = Word::Over;
        let mut all = Got::default();
        for visitor in self.visitors {
            let got = visitor
                .await
                .expect("every request got a whole answer on the connection that it was sent on");
            assert!(got.passed > 0 && got.refused > 0, "every visitor met both: {got:?}");
            all.passed += got.passed;
            all.refused += got.refused;
            all.refused_between += got.refused_between;
        }
        let leaked = self.seen.closed.load(Ordering::SeqCst);
        assert_eq!(leaked, 0, "nothing leaks through once `on` has said that all have it");
        let asked = self.seen.open.load(Ordering::SeqCst) + self.seen.between.load(Ordering::SeqCst);
        assert_eq!(asked, all.passed, "what passes is asked once, and what is refused never");
        assert!(all.refused_between > 0, "there was load while the switch was turned: {all:?}");
        self.gates.into_iter().for_each(Gate::stop);
        all
    }
}

/// Runs `backsoon` with `line` while visitors come.
pub(crate) async fn run(place: &Place, line: &str) -> Ran {
    let mut command = place.backsoon();
    command.args(words(line));
    tokio::task::spawn_blocking(move || Ran::of(&mut command)).await.unwrap()
}

/// A site that counts, and answers with what it was sent.
async fn upstream(seen: Arc<Seen>) -> SocketAddr {
    let site = Router::new().fallback(any(answer)).with_state(seen);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, site).await.unwrap() });
    address
}

async fn answer(State(seen): State<Arc<Seen>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let counter = match path.as_str() {
        "/Open" => &seen.open,
        "/Closed" => &seen.closed,
        _ => &seen.between,
    };
    counter.fetch_add(1, Ordering::SeqCst);
    let sent = body.collect().await.unwrap().to_bytes();
    if head.uri.query() == Some("slow") {
        let halves = stream::unfold(0, move |half| {
            let piece = Bytes::from(format!("{path} {half}\n"));
            async move {
                tokio::time::sleep(Duration::from_millis(15)).await;
                (half < 2).then_some((Ok::<_, std::io::Error>(piece), half + 1))
            }
        });
        return Body::from_stream(halves).into_response();
    }
    format!("{path} {}", sent.len()).into_response()
}

/// What a visitor does.
#[derive(Clone, Copy)]
enum Visit {
    Get,
    Post,
    Slow,
}

// === impl Visit ===

impl Visit {
    /// On one connection until the word is that it is over.
    async fn again_and_again(self, gate: SocketAddr, word: Arc<RwLock<Word>>) -> Got {
        let stream = TcpStream::connect(gate).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut got = Got::default();
        loop {
            // Held until the answer is whole: the operator's next word waits for it.
            let word = word.read().await;
            if *word == Word::Over {
                return got;
            }
            let status =
                tokio::time::timeout(PATIENCE, self.once(&mut sender, *word)).await.expect("an answer");
            match (*word, status) {
                (Word::Open | Word::Between, 200) => got.passed += 1,
                (Word::Closed, 503) => got.refused += 1,
                (Word::Between, 503) => {
                    got.refused += 1;
                    got.refused_between += 1;
                }
                (word, status) => panic!("{status} while the word was {word:?}"),
            }
            drop(word);
            tokio::task::yield_now().await;
        }
    }

    /// One request and the whole of its answer; its status.
    async fn once(self, sender: &mut SendRequest<Full<Bytes>>, word: Word) -> u16 {
        let (method, query, body) = match self {
            Self::Get => ("GET", "", Bytes::new()),
            Self::Post => ("POST", "", Bytes::from(vec![b'x'; 40_000])),
            Self::Slow => ("GET", "?slow", Bytes::new()),
        };
        let length = body.len();
        let request = http::Request::builder().method(method).uri(format!("/{word:?}{query}"));
        let request = request.header("host", "shop.example.com").body(Full::new(body)).unwrap();
        sender.ready().await.expect("the connection is kept open");
        let response = sender.send_request(request).await.expect("an answer's head");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("the whole of its body").to_bytes();
        let told = head
            .headers
            .get("content-length")
            .map(|length| length.to_str().unwrap().parse::<usize>().unwrap());
        assert!(
            told.is_none_or(|told| told == body.len()),
            "{told:?} bytes were promised, {} came",
            body.len()
        );
        match (head.status.as_u16(), self) {
            (200, Self::Slow) => assert_eq!(body, format!("/{word:?} 0\n/{word:?} 1\n")),
            (200, _) => assert_eq!(body, format!("/{word:?} {length}")),
            (503, _) => assert!(head.headers.contains_key("backsoon-window") && !body.is_empty()),
            (status, _) => panic!("{status}: {body:?}"),
        }
        head.status.as_u16()
    }
}

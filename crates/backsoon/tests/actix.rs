//! The behaviour table by actix-web in process, and what only a connection shows: the last byte, the client that goes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::convert::Infallible;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::body::{BodyStream, MessageBody, to_bytes};
use actix_web::dev::ServiceResponse;
use actix_web::http::{Method, Uri};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpMessage, HttpResponse, HttpServer, web};
use backsoon::adapters::actix::Maintenance;
use backsoon::decide::Cause;
use backsoon::document::{Lineage, State};
use backsoon::testing::behaviour::{APPLICATION, Answer, Case, Sent, read};
use backsoon::time::Timestamp;
use backsoon::{Instance, Marks, Mode, User, Window};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

fn run<F: Future>(test: F) -> F::Output {
    actix_web::rt::System::new().block_on(test)
}

fn table() -> Vec<Case> {
    let cases = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/behaviour")).unwrap();
    assert!(cases.len() >= 400, "the table has only {} rows", cases.len());
    cases
}

fn request(sent: &Sent) -> Option<TestRequest> {
    let uri: Uri = sent.path.parse().ok()?;
    let method = Method::from_bytes(sent.method.as_bytes()).ok()?;
    let mut request = TestRequest::default().method(method).uri(&uri.to_string());
    request = request.insert_header(("host", sent.host.as_str()));
    for (name, value) in &sent.headers {
        request = request.append_header((name.as_str(), value.as_str()));
    }
    Some(match sent.peer {
        Some(peer) => request.peer_addr((peer, 4321).into()),
        None => request,
    })
}

async fn answer<B: MessageBody>(response: ServiceResponse<B>, asked: usize) -> Answer {
    let cause = response.response().extensions().get::<Cause>().cloned();
    let status = response.status().as_u16().try_into().unwrap();
    let pairs = response.headers().iter();
    let headers = pairs.map(|(name, value)| {
        let name = axum::http::HeaderName::from_bytes(name.as_str().as_bytes()).unwrap();
        (name, axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap())
    });
    let headers = headers.collect();
    let body = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("the body fails"));
    Answer { status, headers, body, cause, asked: Some(asked) }
}

#[test]
fn actix_behaves_as_the_table_says() {
    run(async {
        let (cases, mut rows, mut failures) = (table(), 0, Vec::new());
        for case in &cases {
            let Some(request) = request(&case.request) else { continue };
            rows += 1;
            let asked = Arc::new(AtomicUsize::new(0));
            let (counter, user) = (Arc::clone(&asked), case.request.user());
            let door = Maintenance::new(case.instance().unwrap()).identify(move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
                async move { user }
            });
            let here = || async { HttpResponse::Ok().insert_header((APPLICATION, "here")).finish() };
            let app = init_service(App::new().default_service(web::to(here)).wrap(door)).await;
            let response = call_service(&app, request.to_request()).await;
            failures.extend(case.check(&answer(response, asked.load(Ordering::Relaxed)).await).err());
        }
        // The `http` crate has no URI for a target with raw backslashes, spaces and the like.
        assert!(cases.len() - rows <= 8, "{} rows could not be expressed", cases.len() - rows);
        assert!(failures.is_empty(), "{} of {rows} rows fail:\n{}", failures.len(), failures.join("\n"));
    });
}

#[test]
fn a_user_in_the_extensions_is_not_asked_for() {
    run(async {
        let case =
            table().into_iter().find(|case| case.name == "A rule for staff lets staff through").unwrap();
        let door = Maintenance::new(case.instance().unwrap()).identify(|_| async { panic!("it is known") });
        let app = App::new().default_service(web::to(HttpResponse::Ok)).wrap(door);
        let app = init_service(app).await;
        let request = request(&case.request).unwrap().to_request();
        request.extensions_mut().insert(User::STAFF);
        assert_eq!(call_service(&app, request).await.status(), 200);
    });
}

// --- over TCP ---

type Pieces = mpsc::Receiver<Result<Bytes, Infallible>>;

/// What the next response streams.
#[derive(Clone, Default)]
struct Next(Arc<Mutex<Option<Pieces>>>);

async fn stream(next: web::Data<Next>) -> HttpResponse {
    let pieces = next.0.lock().unwrap().take().unwrap();
    let body = futures_util::stream::unfold(pieces, |mut pieces| async {
        pieces.recv().await.map(|next| (next, pieces))
    });
    HttpResponse::Ok().body(BodyStream::new(Box::pin(body)))
}

/// An open site and its server.
struct Site {
    instance: Arc<Instance>,
    address: std::net::SocketAddr,
    next: Next,
}

impl Site {
    async fn start() -> Self {
        let instance = Instance::new(Default::default(), Marks::new());
        let door = Maintenance::new(Arc::clone(&instance));
        let next = Next::default();
        let data = web::Data::new(next.clone());
        let server = HttpServer::new(move || {
            App::new().app_data(data.clone()).route("/stream", web::get().to(stream)).wrap(door.clone())
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        // It ends with the system that runs the test.
        actix_web::rt::spawn(server.run());
        Self { instance, address, next }
    }

    /// Asks for a response whose pieces are sent through what this returns.
    async fn stream(&self) -> (mpsc::Sender<Result<Bytes, Infallible>>, TcpStream) {
        let (sender, pieces) = mpsc::channel(1);
        *self.next.0.lock().unwrap() = Some(pieces);
        let client = self.send("GET /stream HTTP/1.1").await;
        sender.send(Ok("one".into())).await.unwrap();
        (sender, client)
    }

    fn close(&self) {
        let mut state = State { lineage: Lineage::random(), revision: 1, ..State::new() };
        state.default.windows.push(Window::new(Mode::On).message("Back soon."));
        let _ = self.instance.apply(&state, Timestamp::now());
    }

    async fn send(&self, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{head}\r\nhost: any\r\n\r\n").as_bytes()).await.unwrap();
        stream
    }

    async fn drains(&self) -> bool {
        tokio::time::timeout(Duration::from_secs(5), self.instance.drained()).await.is_ok()
    }

    fn draining(&self) -> usize {
        self.instance.draining().values().sum()
    }
}

async fn read_until(stream: &mut TcpStream, mark: &str) -> String {
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(mark) {
        let mut piece = [0; 1024];
        let size =
            tokio::time::timeout(Duration::from_secs(5), stream.read(&mut piece)).await.unwrap().unwrap();
        assert!(size > 0, "no {mark:?} in {:?}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&piece[..size]);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn a_response_counts_until_its_last_byte_has_gone() {
    run(async {
        let site = Site::start().await;
        let (pieces, mut client) = site.stream().await;
        read_until(&mut client, "one").await;
        site.close();
        assert_eq!(site.draining(), 1);
        pieces.send(Ok("two".into())).await.unwrap();
        read_until(&mut client, "two").await;
        assert_eq!(site.draining(), 1);
        drop(pieces);
        // The end of a chunked body (RFC 9112 §7.1).
        read_until(&mut client, "0\r\n\r\n").await;
        assert!(site.drains().await);
    });
}

#[test]
fn a_request_whose_client_has_gone_counts_no_longer() {
    run(async {
        let site = Site::start().await;
        let (pieces, mut client) = site.stream().await;
        read_until(&mut client, "one").await;
        site.close();
        assert_eq!(site.draining(), 1);
        drop(client);
        // A server learns of it when it writes.
        let writes = async { while pieces.send(Ok("more".into())).await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(10), writes).await.unwrap();
        assert!(site.drains().await);
    });
}

#[test]
fn a_refused_head_has_the_length_of_the_page_and_no_bytes() {
    run(async {
        let site = Site::start().await;
        site.close();
        let mut client = site.send("GET /stream HTTP/1.1").await;
        let page = read_until(&mut client, "Back soon.\n").await;
        assert!(page.starts_with("HTTP/1.1 503"), "{page}");
        let length = |head: &str| {
            let line = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
            });
            line.unwrap().parse::<usize>().unwrap()
        };
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        assert_eq!(length(head), body.len());

        // On the same connection, so that a stray byte would show in the next answer.
        client.write_all(b"HEAD /stream HTTP/1.1\r\nhost: any\r\n\r\n").await.unwrap();
        let head = read_until(&mut client, "\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 503") && head.ends_with("\r\n\r\n"), "{head}");
        assert_eq!(length(&head), body.len());
        client.write_all(b"GET /stream HTTP/1.1\r\nhost: any\r\n\r\n").await.unwrap();
        assert!(read_until(&mut client, "Back soon.\n").await.starts_with("HTTP/1.1 503"));
        assert!(site.next.0.lock().unwrap().is_none(), "the application was never reached");
    });
}

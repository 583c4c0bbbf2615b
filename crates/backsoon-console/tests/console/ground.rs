//! A console on a port of its own, and a client that sends what it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use backsoon::store::{MemoryStore, Store};
use backsoon::{Control, Instance, State, join};
use backsoon_console::tokens::Tokens;
use backsoon_console::{Console, Options, People, Role};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than anything here takes, on however busy a machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) struct Ground {
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) people: People,
    pub(crate) tokens: Tokens,
    serving: tokio::task::JoinHandle<()>,
    pub(crate) instance: Arc<Instance>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// A browser that has signed in.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

// === impl Ground ===

impl Ground {
    pub(crate) async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        Self::over(Arc::new(MemoryStore::new()), options).await
    }

    pub(crate) async fn over(store: Arc<dyn Store>, options: Options) -> Self {
        let mut joining = join::Options::default();
        (joining.name, joining.kind) = (Some("gate-1".into()), backsoon::fleet::Kind::Gate);
        joining.local = options.local.clone();
        let instance = Instance::join(Arc::clone(&store), joining).await;
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let console = Console::new(Arc::clone(&store), Arc::clone(&instance), options).unwrap();
        let serving = tokio::spawn(console.serve(socket));
        let (people, tokens) = (People::new(Arc::clone(&store)), Tokens::new(Arc::clone(&store)));
        Self { address, store, people, tokens, serving, instance }
    }

    /// A token of this role, as a header field.
    pub(crate) async fn token(&self, role: Role) -> String {
        let (_, secret) = self.tokens.issue("test", role, None, "the test").await.unwrap();
        format!("authorization: Bearer {secret}")
    }

    /// A user of this role called `name`.
    pub(crate) async fn user(&self, name: &str, role: Role) {
        self.people.add(name.parse().unwrap(), role, Some(PASSWORD.into()), "the test").await.unwrap();
    }

    /// Signs `name` in.
    pub(crate) async fn sign_in(&self, name: &str) -> Browser {
        let answer = self.try_sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        self.browser(&answer).await
    }

    /// The browser that got `answer`, with what its pages know.
    pub(crate) async fn browser(&self, answer: &Answer) -> Browser {
        let cookie = answer.headers["set-cookie"].split(';').next().unwrap();
        let cookie = format!("cookie: {cookie}");
        let me = self.get("/api/v1/me", &[&cookie]).await;
        Browser { csrf: me.json()["csrf"].as_str().unwrap().to_owned(), cookie }
    }

    pub(crate) async fn try_sign_in(&self, name: &str, password: &str) -> Answer {
        let form = format!("name={name}&password={}", password.replace(' ', "+"));
        self.form("/sign-in", &[&self.origin()], &form).await
    }

    pub(crate) fn origin(&self) -> String {
        format!("origin: http://{}", self.address)
    }

    pub(crate) async fn get(&self, path: &str, headers: &[&str]) -> Answer {
        self.send("GET", path, headers, None).await
    }

    pub(crate) async fn form(&self, path: &str, headers: &[&str], form: &str) -> Answer {
        let headers = [&["content-type: application/x-www-form-urlencoded"], headers].concat();
        self.send("POST", path, &headers, Some(form)).await
    }

    pub(crate) async fn json(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let headers = [&["content-type: application/json"], headers].concat();
        self.send(method, path, &headers, Some(body)).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: Option<&str>,
    ) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|header| header.to_ascii_lowercase().starts_with("host:")) {
            request += &format!("host: {}\r\n", self.address);
        }
        headers.iter().for_each(|header| request += &format!("{header}\r\n"));
        if let Some(body) = body {
            request += &format!("content-length: {}\r\n", body.len());
        }
        self.raw(format!("{request}\r\n{}", body.unwrap_or_default()).as_bytes()).await
    }

    /// Sends these bytes, and reads the answer.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let asking = async {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            // The other side may have heard enough before it has heard all.
            let _ = stream.write_all(bytes).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            Answer::read(&answer)
        };
        timeout(PATIENCE, asking).await.expect("an answer in time")
    }

    pub(crate) fn control(&self) -> Control {
        Control::new(Arc::clone(&self.store), "the test")
    }

    /// Once this server's door has `state`.
    pub(crate) async fn holds(&self, state: &State) {
        let holds = async {
            while self.instance.state().is_none_or(|held| held.change.id != state.change.id) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, holds).await.expect("the gate follows");
    }

    /// The mode of `*` in the store.
    pub(crate) async fn mode(&self) -> backsoon::Mode {
        let state = self.control().read().await.unwrap().unwrap_or_default();
        state.default.windows.iter().map(|window| window.mode).max().unwrap_or_default()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

// === impl Browser ===

impl Browser {
    /// What its scripts send with a change.
    pub(crate) fn headers(&self, ground: &Ground) -> Vec<String> {
        vec![self.cookie.clone(), ground.origin(), format!("x-csrf-token: {}", self.csrf)]
    }
}

// === impl Answer ===

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let fields = lines.filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> =
            fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let chunked = headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
        let body = if chunked { unchunked(body) } else { body.to_owned() };
        Self { status: status.unwrap_or(0), headers, body }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Whether it is a problem in a sentence, with nothing from inside.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        problem["detail"].as_str().unwrap().to_owned()
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap_or(0);
        whole += rest.get(..length).unwrap_or(rest);
        body = rest.get(length + 2..).unwrap_or("");
    }
    whole
}

/// As `&[&str]`.
pub(crate) fn all(headers: &[String]) -> Vec<&str> {
    headers.iter().map(String::as_str).collect()
}

//! Somebody who listens to webhooks.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A small HTTP server that keeps what it is sent.
pub(crate) struct Receiver {
    port: u16,
    heard: Arc<Mutex<Vec<Delivery>>>,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) body: String,
}

// === impl Receiver ===

impl Receiver {
    pub(crate) fn new() -> Self {
        Self::answering(0, &[])
    }

    /// One on `port` (0: any) that answers with each of `answers` once, and then with 204.
    pub(crate) fn answering(port: u16, answers: &[&str]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard: Arc<Mutex<Vec<Delivery>>> = Arc::default();
        let (kept, mut answers) = (
            Arc::clone(&heard),
            answers.iter().map(|answer| (*answer).to_owned()).collect::<Vec<_>>().into_iter(),
        );
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let Some(delivery) = read(&mut stream) else { continue };
                kept.lock().unwrap().push(delivery);
                let answer = answers.next().unwrap_or_else(|| "204 No Content\r\n".into());
                let _ = write!(
                    stream.get_mut(),
                    "HTTP/1.1 {answer}connection: close\r\ncontent-length: 0\r\n\r\n"
                );
            }
        });
        Self { port, heard }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn heard(&self) -> Vec<Delivery> {
        self.heard.lock().unwrap().clone()
    }

    /// What came of one type, each request once.
    pub(crate) fn of(&self, kind: &str) -> Vec<Delivery> {
        self.heard().into_iter().filter(|delivery| delivery.json()["type"] == kind).collect()
    }
}

// === impl Delivery ===

impl Delivery {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        &self.fields["webhook-id"]
    }
}

fn read(stream: &mut impl BufRead) -> Option<Delivery> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    assert!(line.starts_with("POST /"), "{line}");
    let mut fields = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        fields.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; fields["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).ok()?;
    Some(Delivery { fields, body: String::from_utf8(body).unwrap() })
}

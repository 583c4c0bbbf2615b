//! What a store behind a gate makes of answers that are no gate's, come late, or ask for patience.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use backsoon::store::{Error, HttpStore, PutMode, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const SECRET: &str = "bst_0123456789ab_HUSHHUSHHUSH";

/// A server that gives these answers, one per request, and the last one again and again.
struct Stranger {
    store: HttpStore,
    asked: Arc<AtomicUsize>,
    heard: Arc<Mutex<String>>,
}

// === impl Stranger ===

impl Stranger {
    async fn answering(answers: &[&str]) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let answers: Vec<String> =
            answers.iter().map(|answer| answer.replace("HERE", &address.to_string())).collect();
        let (asked, heard) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(String::new())));
        let (count, said) = (Arc::clone(&asked), Arc::clone(&heard));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = socket.accept().await.unwrap();
                let mut head = vec![0; 4096];
                let length = stream.read(&mut head).await.unwrap();
                said.lock().unwrap().push_str(&String::from_utf8_lossy(&head[..length]));
                let answer = &answers[count.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1)];
                let _ = stream.write_all(answer.replace('\n', "\r\n").as_bytes()).await;
            }
        });
        let store = HttpStore::new(&format!("http://token:{SECRET}@{address}")).unwrap();
        Self { store, asked, heard }
    }

    /// The error of a read, which must be trouble that does not give the token away.
    async fn trouble(&self) -> String {
        let error = self.store.get("state").await.unwrap_err();
        assert!(matches!(error, Error::Away { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("HUSH"), "{error}");
        error.to_string()
    }
}

const EMPTY: &str = "HTTP/1.1 404 Not Found\ncontent-length: 0\nconnection: close\n\n";
const MISSING: &str =
    "HTTP/1.1 404 Not Found\nbacksoon-store: missing\ncontent-length: 0\nconnection: close\n\n";
const WRITTEN: &str = "HTTP/1.1 204 No Content\nbacksoon-store: written\netag: \"7\"\nconnection: close\n\n";

#[tokio::test]
async fn what_others_answer_is_trouble_and_never_an_empty_store() {
    for (answer, says) in [
        (EMPTY, "not the console of a gate"),
        ("HTTP/1.1 200 OK\ncontent-length: 5\nconnection: close\n\nhello", "not the console of a gate"),
        ("HTTP/1.1 412 Precondition Failed\ncontent-length: 0\nconnection: close\n\n", "not the console"),
        ("HTTP/1.1 502 Bad Gateway\ncontent-length: 0\nconnection: close\n\n", "at the proxy before it"),
        ("HTTP/1.1 200 OK\nbacksoon-store: entry\netag: \"1\"\ncontent-length: 50\n\nhalf", ""),
        ("nonsense\n\n", ""),
    ] {
        let said = Stranger::answering(&[answer]).await.trouble().await;
        assert!(said.contains(says), "{answer}: {said}");
    }
    assert_eq!(Stranger::answering(&[MISSING]).await.store.get("state").await.unwrap(), None);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answer = "HTTP/1.1 307 Temporary Redirect\nlocation: http://HERE/elsewhere\ncontent-length: 0\nconnection: close\n\n";
    let stranger = Stranger::answering(&[answer, MISSING]).await;
    assert!(stranger.trouble().await.contains("redirects are not followed"));
    assert_eq!(stranger.asked.load(Ordering::SeqCst), 1);
    assert!(stranger.heard.lock().unwrap().contains(&format!("authorization: Bearer {SECRET}")));
}

#[tokio::test]
async fn who_is_told_to_wait_waits_and_asks_again_but_not_for_long() {
    let soon = "HTTP/1.1 429 Too Many Requests\nretry-after: 1\ncontent-length: 0\nconnection: close\n\n";
    let stranger = Stranger::answering(&[soon, WRITTEN]).await;
    let put = stranger.store.put("roster/web-1", "{}".into(), PutMode::Create).await.unwrap();
    assert_eq!((put.0.as_str(), stranger.asked.load(Ordering::SeqCst)), ("7", 2));
    let late = "HTTP/1.1 429 Too Many Requests\nretry-after: 60\ncontent-length: 0\nconnection: close\n\n";
    let stranger = Stranger::answering(&[late, WRITTEN]).await;
    assert!(stranger.trouble().await.contains("429"));
    assert_eq!(stranger.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_is_told_to_wait_for_ever_is_in_trouble_at_once() {
    for seconds in ["999999999", "18446744073709551615"] {
        let never = format!(
            "HTTP/1.1 429 Too Many Requests\nretry-after: {seconds}\ncontent-length: 0\nconnection: close\n\n"
        );
        let stranger = Stranger::answering(&[&never, WRITTEN]).await;
        assert!(stranger.trouble().await.contains("429"), "{seconds}");
        assert_eq!(stranger.asked.load(Ordering::SeqCst), 1, "{seconds}");
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_not_read_for_ever() {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
        stream.write_all(head).await.unwrap();
        // Until nobody reads it any more, and not so fast that it would fill the memory of a client without a limit.
        while stream.write_all(&[b' '; 16 * 1024]).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    let store = HttpStore::new(&format!("http://token:{SECRET}@{address}")).unwrap();
    let said = store.signature().await.unwrap_err().to_string();
    assert!(said.contains("not the console of a gate"), "{said}");
    serving.await.unwrap();
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_sent_once_and_is_trouble() {
    let stranger = Stranger::answering(&["", WRITTEN]).await;
    let put = stranger.store.put("state", "{}".into(), PutMode::Create).await;
    assert!(matches!(put, Err(Error::Away { .. })), "{put:?}");
    assert_eq!(stranger.asked.load(Ordering::SeqCst), 1);
}

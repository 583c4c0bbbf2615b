//! From a write by this process to the first refusal by a gate, which is another.
//!
//! `first_refusal STORE GATE FLIPS` closes and reopens `*` again and again while it asks the gate for `/` all the time,
//! over one connection. For every closing it prints two figures in milliseconds: from the moment at which the store's
//! `put` began to the moment at which the first refusal had arrived, and the same from the moment at which `put`
//! returned (negative if the refusal was faster). `scripts/bench/first-refusal` starts the gate and sums them up.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backsoon::document::Mode;
use backsoon::store::{self, Entry, PutMode, Store, Version};
use backsoon::{Control, Host, Window};
use bytes::Bytes;

/// How often the gate is asked: this is the resolution of the figures.
const BETWEEN: Duration = Duration::from_micros(200);
/// After this long the gate is not following the store at all.
const LONGEST: Duration = Duration::from_secs(10);

/// A store that notes when its last `put` of the State began and ended.
#[derive(Debug)]
struct Timed {
    store: Arc<dyn Store>,
    put: Mutex<Option<(Instant, Instant)>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [url, gate, flips] = &arguments[..] else {
        println!("scripts/bench/first-refusal runs this against a gate");
        return Ok(());
    };
    let (seen, changes) = mpsc::channel();
    let gate = gate.clone();
    std::thread::spawn(move || {
        let failed = ask(&gate, &seen);
        println!("# the gate could not be asked: {failed:?}");
    });
    tokio::runtime::Runtime::new()?.block_on(flip(url, flips.parse()?, &changes))
}

async fn flip(
    url: &str,
    flips: usize,
    changes: &mpsc::Receiver<(u16, Instant)>,
) -> Result<(), Box<dyn Error>> {
    let timed = Arc::new(Timed { store: store::open(url).await?, put: Mutex::new(None) });
    let control = Control::new(Arc::clone(&timed) as Arc<dyn Store>, "benchmark");
    let millis = |from: Instant, to: Instant| {
        if to >= from { (to - from).as_secs_f64() * 1e3 } else { -(from - to).as_secs_f64() * 1e3 }
    };
    if changes.recv_timeout(LONGEST)?.0 != 200 {
        return Err("the gate does not begin open".into());
    }
    for n in 0..flips {
        // Of a length that no timer in the gate can be in step with.
        tokio::time::sleep(Duration::from_millis(40 + (n as u64 * 37) % 101)).await;
        let window = Window::new(Mode::On);
        control.begin(&Host::any(), window.clone()).await?;
        let (status, refused) = changes.recv_timeout(LONGEST)?;
        let put = *timed.put.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, ended) = put.ok_or("nothing was put")?;
        if status != 503 {
            return Err(format!("the gate answered {status}").into());
        }
        println!("{:.3} {:.3}", millis(begun, refused), millis(ended, refused));
        control.end(&window.id).await?;
        changes.recv_timeout(LONGEST)?;
    }
    Ok(())
}

/// Asks without end; tells of every answer whose status differs from the one before, and when it had arrived.
fn ask(gate: &str, seen: &mpsc::Sender<(u16, Instant)>) -> io::Result<()> {
    let mut writer = TcpStream::connect(gate)?;
    writer.set_nodelay(true)?;
    let mut reader = BufReader::new(writer.try_clone()?);
    let mut last = 0;
    loop {
        writer.write_all(b"GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n")?;
        let status = read_answer(&mut reader)?;
        if status != last && seen.send((status, Instant::now())).is_err() {
            return Ok(());
        }
        last = status;
        std::thread::park_timeout(BETWEEN);
    }
}

fn read_answer(reader: &mut impl BufRead) -> io::Result<u16> {
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once([' ', ':']) {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().unwrap_or(0);
            }
            Some((name, value)) if name.starts_with("HTTP/") => status = value[..3].parse().unwrap_or(0),
            Some(_) => {}
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    Ok(status)
}

// === impl Timed ===

#[async_trait]
impl Store for Timed {
    async fn get(&self, key: &str) -> store::Result<Option<Entry>> {
        self.store.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> store::Result<Version> {
        let begun = Instant::now();
        let put = self.store.put(key, value, mode).await;
        if key == "state" {
            *self.put.lock().unwrap_or_else(PoisonError::into_inner) = Some((begun, Instant::now()));
        }
        put
    }

    async fn delete(&self, key: &str) -> store::Result<()> {
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str) -> store::Result<Vec<Entry>> {
        self.store.list(prefix).await
    }

    fn url(&self) -> String {
        self.store.url()
    }
}

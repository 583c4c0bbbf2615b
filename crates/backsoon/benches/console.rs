//! How long the console takes to answer, with a large fleet and a long history.
//!
//! `console fill STORE INSTANCES CHANGES` writes so many reports and so long a history, through the store itself.
//! `console ask ADDRESS PID NAME PASSWORD ROUNDS` signs in and asks for each page and each call so often, over one connection,
//! and prints milliseconds until the last byte, and the processor time that the process PID took for one of them.
//! `scripts/bench/console` starts the gate in between.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use backsoon::document::{Mode, Window};
use backsoon::fleet::Report;
use backsoon::store::{self, PutMode, Store};
use backsoon::time::Timestamp;
use backsoon::{Host, State};

/// What is asked for; `LAST` is the end of the history.
const PATHS: [&str; 11] = [
    "/",
    "/history",
    "/history?before=LAST",
    "/receipt",
    "/api/v1/me",
    "/api/v1/state",
    "/api/v1/fleet",
    "/api/v1/receipt",
    "/api/v1/history",
    "/api/v1/history?before=LAST",
    "/api/v1/history?limit=100",
];
/// The oldest page of the history begins before this revision.
const LAST: &str = "21";
/// How many sites there are.
const SITES: usize = 50;
/// One address may ask so often at once; then another one asks, as behind a proxy.
const EACH: usize = 250;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One client on one connection.
struct Client {
    stream: BufReader<TcpStream>,
    host: String,
    cookie: String,
    asked: usize,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["fill", url, instances, changes] => {
            let (instances, changes) = (instances.parse()?, changes.parse()?);
            tokio::runtime::Runtime::new()?.block_on(fill(url, instances, changes))
        }
        ["ask", address, pid, name, password, rounds] => ask(address, pid, name, password, rounds.parse()?),
        _ => {
            println!("scripts/bench/console runs this against a gate");
            Ok(())
        }
    }
}

async fn fill(url: &str, instances: usize, changes: u64) -> Result<()> {
    let store = store::open(url).await?;
    let host = |n: usize| format!("shop{n}.example.com").parse::<Host>();
    let mut state = State::new();
    for n in 1..=SITES {
        state.site_mut(&host(n)?);
    }
    // One site has been closed since the beginning, so somebody has to go back that far to say since when.
    state.site_mut(&host(1)?).windows.push(Window::new(Mode::On).message("Gone for good."));
    for revision in 1..=changes {
        let site = state.site_mut(&host(2 + revision as usize % (SITES - 1))?);
        if site.windows.pop().is_none() {
            site.windows.push(Window::new(Mode::On).message("We are moving house."));
        }
        state.revision = revision;
        state.change.id = format!("{revision:08}");
        state.change.at = Timestamp::now();
        state.change.by = "benchmark@here".to_owned();
        state.change.note = format!("change {revision}");
        let key = match revision == changes {
            true => "state".to_owned(),
            false => format!("history/{}/{revision:020}", state.lineage),
        };
        store.put(&key, state.to_bytes().into(), PutMode::Overwrite).await?;
    }
    for n in 0..instances {
        report(&*store, &state, n).await?;
    }
    println!("{} reports and {} changes in {url}", instances, changes);
    Ok(())
}

/// Somebody on a machine that nobody can look at from here, and who speaks seldom.
async fn report(store: &dyn Store, state: &State, n: usize) -> Result<()> {
    let closed = state.sites().filter(|(_, site)| !site.windows.is_empty());
    let closings: BTreeMap<Host, Mode> = closed.map(|(host, _)| (host, Mode::On)).collect();
    // As an instance would write it that has nothing else to say.
    let report: Report = serde_json::from_value(serde_json::json!({
        "name": format!("web-{n:05}"),
        "kind": "web",
        "program": env!("CARGO_PKG_VERSION"),
        "place": {"host": format!("machine-{n}"), "boot": "another", "pid": 1000 + n, "started": 1},
        "beat": 1,
        "lease_ms": 3_600_000,
        "clock": Timestamp::now(),
        "lineage": state.lineage,
        "revision": state.revision,
        "closings": closings,
        "serves": [],
        "draining": {},
        "held": 0,
        "refused": 0,
        "age_ms": 5,
        "troubles": [],
    }))?;
    let key = format!("roster/{}", report.name);
    store.put(&key, serde_json::to_vec(&report)?.into(), PutMode::Overwrite).await?;
    Ok(())
}

fn ask(address: &str, pid: &str, name: &str, password: &str, rounds: usize) -> Result<()> {
    let mut client = Client::sign_in(address, name, password)?;
    let begun = Instant::now();
    client.get("/")?;
    println!("{:<34} {:>8.2} ms, the first time since the gate has started", "/", millis(begun.elapsed()));
    println!("{:<34} {:>8} {:>8} {:>8} {:>10}", "", "p50", "p99", "worst", "µs of CPU");
    for path in PATHS {
        let asked = path.replace("LAST", LAST);
        client.get(&asked)?;
        let mut took = Vec::with_capacity(rounds);
        let before = cpu(pid)?;
        for _ in 0..rounds {
            let begun = Instant::now();
            client.get(&asked)?;
            took.push(begun.elapsed());
        }
        say(path, took, (cpu(pid)? - before) / rounds as u64 / 1000);
    }
    let mut took = Vec::new();
    let before = cpu(pid)?;
    for _ in 0..rounds.min(50) {
        let mut listener = Client::of(address, client.cookie.clone())?;
        let begun = Instant::now();
        listener.listen()?;
        took.push(begun.elapsed());
    }
    let each = (cpu(pid)? - before) / took.len() as u64 / 1000;
    say("/api/v1/events, the whole picture", took, each);
    Ok(())
}

fn say(what: &str, mut took: Vec<Duration>, cpu: u64) {
    took.sort_unstable();
    let at = |percent: usize| millis(took[(took.len() * percent).div_ceil(100).clamp(1, took.len()) - 1]);
    println!("{what:<34} {:>8.2} {:>8.2} {:>8.2} {cpu:>10}", at(50), at(99), at(100));
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// Nanoseconds that the threads of a process have run.
fn cpu(pid: &str) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while it is looked at.
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        sum += text.split(' ').next().unwrap_or("0").parse::<u64>()?;
    }
    Ok(sum)
}

// === impl Client ===

impl Client {
    fn of(address: &str, cookie: String) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream: BufReader::with_capacity(1 << 16, stream),
            host: address.to_owned(),
            cookie,
            asked: 0,
        })
    }

    fn sign_in(address: &str, name: &str, password: &str) -> Result<Self> {
        let mut client = Self::of(address, String::new())?;
        let form = format!("name={name}&password={password}");
        let fields = format!(
            "origin: http://{address}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
            form.len()
        );
        client.send("POST", "/sign-in", &fields, &form)?;
        let (status, cookie, length) = client.head()?;
        client.body(length)?;
        let cookie = cookie.filter(|_| status == 303).ok_or(format!("the console answered {status}"))?;
        client.cookie = cookie;
        Ok(client)
    }

    fn send(&mut self, method: &str, path: &str, fields: &str, body: &str) -> Result<()> {
        let from = self.asked / EACH;
        self.asked += 1;
        let (host, cookie) = (&self.host, &self.cookie);
        let from = format!("10.{}.{}.1", from / 256, from % 256);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nx-forwarded-for: {from}\r\ncookie: {cookie}\r\n{fields}\r\n{body}"
        );
        Ok(self.stream.get_mut().write_all(head.as_bytes())?)
    }

    /// The status, the cookie that was set, and the length of the body.
    fn head(&mut self) -> Result<(u16, Option<String>, usize)> {
        let (mut status, mut cookie, mut length) = (0, None, 0);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            let line = line.trim_end();
            if line.is_empty() {
                return Ok((status, cookie, length));
            }
            match line.split_once(": ") {
                None => status = line.split(' ').nth(1).unwrap_or_default().parse()?,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse()?
                }
                Some((name, value)) if name.eq_ignore_ascii_case("set-cookie") => {
                    cookie = value.split(';').next().map(str::to_owned);
                }
                Some(_) => {}
            }
        }
    }

    fn body(&mut self, length: usize) -> Result<()> {
        let mut body = vec![0; length];
        Ok(self.stream.read_exact(&mut body)?)
    }

    fn get(&mut self, path: &str) -> Result<()> {
        self.send("GET", path, "", "")?;
        let (status, _, length) = self.head()?;
        self.body(length)?;
        if status == 200 { Ok(()) } else { Err(format!("{path}: {status}").into()) }
    }

    /// Until the receipt has come, which is the last part of the picture.
    fn listen(&mut self) -> Result<()> {
        self.send("GET", "/api/v1/events", "", "")?;
        let (status, ..) = self.head()?;
        if status != 200 {
            return Err(format!("/api/v1/events: {status}").into());
        }
        let mut line = String::new();
        while line.trim_end() != "event: receipt" {
            line.clear();
            self.stream.read_line(&mut line)?;
        }
        Ok(())
    }
}

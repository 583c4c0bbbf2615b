//! A whole fleet in one process, on a real server that it starts: how long a closing takes, and what the fleet costs
//! at rest.
//!
//! `fleet STORE INSTANCES CONNECTIONS ROUNDS SECONDS` joins so many instances, which share so many store objects (each
//! object has connections of its own, as each process of a real fleet has), waits until the fleet is at rest, looks for
//! some seconds at what it costs, and then closes and reopens `*` so many times. Each instance says that it runs on a
//! machine of its own, so nobody looks processes up. `scripts/bench/fleet` and `scripts/bench/scale` run it.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod ground;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backsoon::control::Outcome;
use backsoon::document::Mode;
use backsoon::join::Options;
use backsoon::receipt::{Expect, Verdict};
use backsoon::{Admission, Control, Host, Instance, Request, Window};
use futures_util::StreamExt as _;
use http::HeaderMap;

use self::ground::{Away, Counts, Ground, cpu};

/// How many instances are asked all the time whether they refuse.
const WATCHED: usize = 20;
/// How often each of them is asked: this is the resolution of the figures.
const BETWEEN: Duration = Duration::from_micros(200);
/// How many instances join at the same time.
const TOGETHER: usize = 64;
/// After this long nobody waits for a fleet to come to rest any more.
const UNREST: Duration = Duration::from_secs(300);
/// How long a receipt may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Milliseconds.
struct Spread(Vec<f64>);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [store, instances, connections, rounds, seconds] = &arguments[..] else {
        println!("scripts/bench/fleet and scripts/bench/scale run this");
        return Ok(());
    };
    let run = run(store, instances.parse()?, connections.parse()?, rounds.parse()?, seconds.parse()?);
    tokio::runtime::Runtime::new()?.block_on(run)
}

async fn run(
    store: &str,
    instances: usize,
    connections: usize,
    rounds: usize,
    seconds: u64,
) -> Result<(), Box<dyn Error>> {
    let ground = Ground::start(store).await?;
    let connections = connections.min(instances);
    println!("{store}, {instances} instances on {connections} store objects");

    let counts = Arc::new(Counts::default());
    let mut stores = Vec::new();
    for _ in 0..connections {
        stores.push(backsoon::store::open(ground.url()).await?);
    }
    let begun = Instant::now();
    let joining = futures_util::stream::iter(0..instances).map(|n| {
        let store = Arc::new(Away::new(Arc::clone(&stores[n % connections]), n, Arc::clone(&counts)));
        let mut options = Options::default();
        options.name = Some(format!("shop-{n:05}"));
        Instance::join(store, options)
    });
    let fleet: Vec<Arc<Instance>> = joining.buffer_unordered(TOGETHER).collect().await;
    println!("  joined in                      {:>9.1} s", begun.elapsed().as_secs_f64());
    println!("  while joining                  {}", counts.since(&Counts::default(), begun.elapsed()));

    rest(&counts, instances).await;
    println!("  at rest after                  {:>9.1} s", begun.elapsed().as_secs_f64());
    let (before, operations, busy) = (counts.copy(), ground.operations().await?, cpu());
    let begun = Instant::now();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (took, busy_then) = (begun.elapsed(), cpu());
    let operations = (ground.operations().await? - operations) as f64 / took.as_secs_f64();
    println!("  at rest, the fleet asks        {}", counts.since(&before, took));
    println!("  at rest, the server counts     {operations:>9.0} {} a second", ground.unit());
    let share = |before: f64, after: f64| 100.0 * (after - before) / took.as_secs_f64();
    println!(
        "  at rest, CPU                   {:>9.1} % of a core (server), {:.1} % (all instances)",
        share(busy.server, busy_then.server),
        share(busy.own, busy_then.own)
    );

    let own = Arc::new(Away::new(backsoon::store::open(ground.url()).await?, 0, counts));
    let control = Control::new(Arc::clone(&own) as _, "benchmark");
    let (mut writing, mut waiting, mut refusing) = (Spread(vec![]), Spread(vec![]), Spread(vec![]));
    let (mut on, mut off) = (Spread(vec![]), Spread(vec![]));
    let expect = Expect { sites: vec![Host::any()], instances, ..Expect::default() };
    for n in 0..rounds {
        // Of a length that no timer of the fleet can be in step with.
        tokio::time::sleep(Duration::from_millis(400 + (n as u64 * 137) % 1009)).await;
        let window = Window::new(Mode::On);
        let watch = Watch::over(&fleet, n);
        let begun = Instant::now();
        let closed = control.begin(&Host::any(), window.clone()).await?;
        let written = Instant::now();
        let closed = confirmed(&control, &closed, &expect).await?;
        on.0.push(millis(begun.elapsed()));
        waiting.0.push(closed);
        writing.0.push(millis(written - begun));
        let put = own.last_put().ok_or("nothing was put")?;
        refusing
            .0
            .extend(watch.end().into_iter().map(|refused| millis(refused.saturating_duration_since(put))));
        let begun = Instant::now();
        let opened = control.end(&window.id).await?;
        confirmed(&control, &opened, &expect).await?;
        off.0.push(millis(begun.elapsed()));
    }
    println!("  milliseconds                         p50       p99     worst   of");
    println!("  from `put` to a first refusal  {refusing}");
    println!("  `on` until it is written       {writing}");
    println!("  then until the receipt         {waiting}");
    println!("  `on` until the receipt         {on}");
    println!("  `off` until the receipt        {off}");
    drop(fleet);
    Ok(())
}

/// Waits until everybody knows how large the fleet is, and so speaks no more often than it will from then on.
async fn rest(counts: &Counts, instances: usize) {
    let begun = Instant::now();
    let step = Duration::from_secs(10);
    tokio::time::sleep(step).await;
    while begun.elapsed() < UNREST {
        let before = counts.copy();
        tokio::time::sleep(step).await;
        let (puts, lists) = counts.asked_since(&before);
        let beats = instances.min(1_000) as u64 * step.as_secs();
        if puts <= beats + beats / 20 && lists <= 5 * step.as_secs() {
            return;
        }
    }
    println!("  it does not come to rest");
}

async fn confirmed(control: &Control, written: &Outcome, expect: &Expect) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    let receipt = control.wait(written.state(), expect, PATIENCE, |_| {}).await?;
    if receipt.verdict != Verdict::Confirmed {
        let late = receipt.servers.iter().filter(|server| server.late.is_some());
        let (servers, late) = (receipt.servers.len(), late.map(|server| (&server.name, &server.late)));
        let late: Vec<_> = late.collect();
        let some = &late[..late.len().min(3)];
        return Err(format!("not confirmed: {servers} are there, {} late: {some:?}", late.len()).into());
    }
    Ok(millis(begun.elapsed()))
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

/// Some instances that are asked again and again, until each has refused.
struct Watch(std::thread::JoinHandle<Vec<Instant>>);

// === impl Watch ===

impl Watch {
    fn over(fleet: &[Arc<Instance>], round: usize) -> Self {
        let some = fleet.iter().cycle().skip(round * 7).step_by((fleet.len() / WATCHED).max(1));
        let mut asked: Vec<Arc<Instance>> = some.take(WATCHED.min(fleet.len())).map(Arc::clone).collect();
        let begun = Instant::now();
        Self(std::thread::spawn(move || {
            let mut refused = Vec::new();
            let headers = HeaderMap::new();
            while !asked.is_empty() && begun.elapsed() < PATIENCE {
                asked.retain(|instance| {
                    let request = Request::new("GET", "shop.example.com", "/", &headers);
                    let refuses = matches!(instance.try_admit(&request), Some(Admission::Refused(..)));
                    if refuses {
                        refused.push(Instant::now());
                    }
                    !refuses
                });
                std::thread::park_timeout(BETWEEN);
            }
            refused
        }))
    }

    fn end(self) -> Vec<Instant> {
        self.0.join().unwrap_or_default()
    }
}

// === impl Spread ===

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (sorted.len() as f64 * share).ceil() as usize;
            sorted.get(place.max(1) - 1).copied().unwrap_or(f64::NAN)
        };
        write!(f, "{:>9.1} {:>9.1} {:>9.1}  {:>4}", at(0.5), at(0.99), at(1.0), sorted.len())
    }
}

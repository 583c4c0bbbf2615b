//! What a failing network does to a joined instance and to an operator: nothing to the visitors, and no lie to either.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use backsoon::control::{Error, Outcome};
use backsoon::request::NO_HEADERS;
use backsoon::store::{Entry, PutMode, Result, Store, Version};
use backsoon::time::Timestamp;
use backsoon::{Admission, Control, Host, Instance, Mode, Request, State, Window};
use bytes::Bytes;
use futures_util::future::join_all;
use testbed::Fault;

use super::bed::{Bed, Line, on_all};
use super::fleet::{control, eventually, join, open};

on_all! {
    visitors_never_notice;
    a_write_into_a_fault_never_lies;
    a_write_whose_answer_a_fault_takes_never_lies;
}

const FAULTS: [Fault; 6] = [
    Fault::Cut,
    Fault::Silent,
    Fault::Slow(Duration::from_secs(1)),
    Fault::LosesAnswers,
    Fault::Corrupts(7),
    Fault::Corrupts(211),
];

/// Longer than anything here may take; nothing measures speed.
const BOUND: Duration = Duration::from_secs(60);

/// How long a fault lasts: any call has failed by then, and others have been tried.
const SPELL: Duration = Duration::from_secs(12);

/// Knocks at an instance's door all the time.
struct Visitors {
    knocks: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

async fn visitors_never_notice(bed: Bed) {
    let mut lines = Vec::new();
    for (number, fault) in FAULTS.into_iter().enumerate() {
        lines.push((bed.line(&format!("endure-{number}")).await, fault));
        let operator = control(&lines[number].0.direct);
        begin(&operator, "closed", window(Mode::On)).await;
    }
    join_all(lines.into_iter().map(|(line, fault)| endure(line, fault))).await;
}

async fn endure(line: Line, fault: Fault) {
    let operator = control(&line.direct);
    // An edge that comes while nobody can be asked.
    let soon = window(Mode::On).from(Timestamp::now() + Duration::from_secs(6));
    begin(&operator, "edge", soon).await;
    let instance = join(&open(&line.url).await, "web-1").await;
    // The first connection of six at once may take longer than a joiner waits. What is tested begins with what it holds.
    within(fault, "it has read the state", async || instance.mode("closed") == Mode::On).await;
    assert_eq!(instance.mode("open"), Mode::Off, "{fault:?}");
    let held = instance.state().expect("a state");
    let visitors = Visitors::of(&instance);

    line.proxy.set(fault);
    let away = matches!(fault, Fault::Cut | Fault::Silent | Fault::LosesAnswers);
    if away || fault == Fault::Corrupts(7) {
        within(fault, "it names the trouble", async || !troubles(&instance).is_empty()).await;
    }
    let age = instance.report().expect("a report").age_ms;
    tokio::time::sleep(SPELL).await;
    if away {
        let older = instance.report().expect("a report").age_ms;
        assert!(older >= age + SPELL.as_millis() as u64, "{fault:?}: the age went from {age} to {older} ms");
        assert!(!troubles(&instance).is_empty(), "{fault:?}: the trouble is still there");
    }
    within(fault, "the edge is turned", async || instance.mode("edge") == Mode::On).await;
    let now = instance.state().expect("a state");
    assert_eq!(now, held, "{fault:?}: nothing else is applied");
    visitors.still_come(fault).await;

    line.proxy.set(Fault::None);
    let late = begin(&operator, "late", window(Mode::On)).await;
    within(fault, "it follows again", async || instance.mode("late") == Mode::On).await;
    within(fault, "the trouble is over", async || troubles(&instance).is_empty()).await;
    let told = async || reported(&line.direct).await.is_some_and(|revision| revision == late.revision);
    within(fault, "it reports again", told).await;
    assert_eq!(instance.state().as_deref(), Some(&late), "{fault:?}");
    visitors.still_come(fault).await;
    instance.leave().await;
}

async fn a_write_into_a_fault_never_lies(bed: Bed) {
    let mut lines = Vec::new();
    for (number, fault) in FAULTS.into_iter().enumerate() {
        lines.push((closed_once(&bed, &format!("into-{number}")).await, fault));
    }
    join_all(lines.into_iter().map(async |((line, store), fault)| {
        line.proxy.set(fault);
        is_honest(&line, fault, store).await;
    }))
    .await;
}

async fn a_write_whose_answer_a_fault_takes_never_lies(bed: Bed) {
    let mut lines = Vec::new();
    let cases = FAULTS.into_iter().flat_map(|fault| [(fault, Spell::OnePut), (fault, Spell::Stays)]);
    for (number, (fault, spell)) in cases.enumerate() {
        lines.push((closed_once(&bed, &format!("answer-{number}")).await, fault, spell));
    }
    join_all(lines.into_iter().map(async |((line, inner), fault, spell)| {
        let line = Arc::new(line);
        let store: Arc<dyn Store> = Arc::new(Trap { inner, line: Arc::clone(&line), fault, spell });
        is_honest(&line, fault, store).await;
    }))
    .await;
}

/// A store in which one site is closed, and a connection to it that is good until now.
async fn closed_once(bed: &Bed, name: &str) -> (Line, Arc<dyn Store>) {
    let line = bed.line(name).await;
    begin(&control(&line.direct), "first", window(Mode::On)).await;
    let store = open(&line.url).await;
    eventually("it is read", async || store.get("state").await.is_ok()).await;
    (line, store)
}

/// Closes a site over `store`, and compares what is said with what is there.
async fn is_honest(line: &Line, fault: Fault, store: Arc<dyn Store>) {
    let ours = window(Mode::On);
    let operator = control(&store);
    let said = tokio::time::timeout(2 * BOUND, operator.begin(&host("ours"), ours.clone())).await;
    let said = said.unwrap_or_else(|_| panic!("{fault:?}: the operator waits for ever"));
    line.proxy.set(Fault::None);
    // What was on its way may land only now.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let there = control(&line.direct).read().await.expect("a state").expect("a state is there");
    let landed = there.site(&host("ours")).is_some_and(|site| site.windows.iter().any(|w| w.id == ours.id));
    match said {
        Ok(Outcome::Written(state) | Outcome::Unchanged(state)) => {
            assert!(landed, "{fault:?}: it was called done, and is not there");
            assert_eq!(state.change.id, there.change.id, "{fault:?}");
        }
        Err(Error::Unknown { source, .. }) => {
            assert!(source.to_string().len() > 20, "{fault:?}: {source}");
        }
        Err(error) => assert!(!landed, "{fault:?}: it is there, and yet it was said: {error}"),
    }
    let first = there.site(&host("first")).is_some_and(|site| !site.windows.is_empty());
    assert!(first, "{fault:?}: what was there before is gone: {there:?}");
}

/// How long the fault lasts that a write runs into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spell {
    /// Until the first write of the State has been given up.
    OnePut,
    Stays,
}

/// A store whose network fails at the moment in which the State is written.
#[derive(Debug)]
struct Trap {
    inner: Arc<dyn Store>,
    line: Arc<Line>,
    fault: Fault,
    spell: Spell,
}

// === impl Trap ===

#[async_trait]
impl Store for Trap {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        if key != "state" {
            return self.inner.put(key, value, mode).await;
        }
        self.line.proxy.set(self.fault);
        let put = self.inner.put(key, value, mode).await;
        if self.spell == Spell::OnePut {
            self.line.proxy.set(Fault::None);
        }
        put
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.inner.delete(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.inner.list(prefix).await
    }

    fn url(&self) -> String {
        self.inner.url()
    }
}

// === impl Visitors ===

impl Visitors {
    fn of(instance: &Arc<Instance>) -> Self {
        let (instance, knocks) = (Arc::clone(instance), Arc::<AtomicU64>::default());
        let counted = Arc::clone(&knocks);
        let task = tokio::spawn(async move {
            loop {
                let refused = instance.try_admit(&Request::new("GET", "closed", "/", &NO_HEADERS));
                assert!(matches!(refused, Some(Admission::Refused(..))), "a closed site let somebody in");
                let admitted = instance.try_admit(&Request::new("GET", "open", "/", &NO_HEADERS));
                assert!(matches!(admitted, Some(Admission::Admitted(_))), "an open site refused somebody");
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        Self { knocks, task }
    }

    /// None was answered wrongly, and they still come.
    async fn still_come(&self, fault: Fault) {
        self.knocks.store(0, Ordering::Relaxed);
        let come = async || self.knocks.load(Ordering::Relaxed) > 10 || self.task.is_finished();
        within(fault, "visitors come", come).await;
        assert!(!self.task.is_finished(), "{fault:?}: a visitor was answered wrongly");
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Adds a window by a network without faults. A server that has too much to do may need more than one try.
async fn begin(operator: &Control, site: &str, window: Window) -> State {
    let mut begun = None;
    eventually("a window is added", async || {
        begun = operator.begin(&host(site), window.clone()).await.ok();
        begun.is_some()
    })
    .await;
    begun.map(|outcome| outcome.state().clone()).expect("a state")
}

fn window(mode: Mode) -> Window {
    Window::new(mode)
}

fn host(name: &str) -> Host {
    name.parse().expect("a host")
}

fn troubles(instance: &Instance) -> Vec<String> {
    instance.report().expect("a report").troubles
}

/// The revision that the instance's report in the store tells.
async fn reported(store: &Arc<dyn Store>) -> Option<u64> {
    let entry = store.get("roster/web-1").await.ok()??;
    serde_json::from_slice::<serde_json::Value>(&entry.value).ok()?.get("revision")?.as_u64()
}

async fn within(fault: Fault, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < BOUND, "{fault:?}: not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

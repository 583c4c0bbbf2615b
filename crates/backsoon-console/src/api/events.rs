//! `GET /events`: what changes, as server-sent events.
//!
//! One task looks at the store for everybody who listens, and only while somebody does. A listener first gets the whole
//! picture, or what it has missed if it says which event it had last (`Last-Event-ID`) and that is not long ago:
//! - `state`: a `StateView`, when something was changed or a window began or ended,
//! - `report`: a `MemberView`, when a server reports something new; `left`: the name of one that is gone,
//! - `receipt`: a `ReceiptView` of the State in force, when who has confirmed changes,
//! - `away`: why nothing can be said for the moment.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State as Desks;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use backsoon::receipt::Expect;
use backsoon::time::Timestamp;
use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderMap;
use http::request::Parts;
use serde::Serialize;
use tokio::sync::{Notify, broadcast};
use tokio::time::MissedTickBehavior;

use super::fleet::{MemberView, members};
use super::receipt::{ReceiptView, all};
use super::state::{StateView, public};
use crate::caller::{Caller, GoesOn, Viewer};
use crate::client::one;
use crate::console::Desk;
use crate::people::Secret;
use crate::problem::{Problem, Result};

/// How many events a listener may be behind, and how many are kept for those who come back.
const BACKLOG: usize = 256;
/// How many listen at once.
const LISTENERS: usize = 100;
/// How often the store is looked at while somebody listens, hints apart.
const LOOK: Duration = Duration::from_secs(1);
/// How often a quiet stream says that it is there, and whether its listener may still listen is asked.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What has happened lately, and who wants to hear.
#[derive(Debug)]
pub(crate) struct News {
    channel: broadcast::Sender<Arc<Item>>,
    recent: Mutex<Recent>,
    nudge: Notify,
    /// Which run of which server numbers its events so.
    run: String,
}

#[derive(Debug, Default)]
struct Recent {
    last: u64,
    items: VecDeque<Arc<Item>>,
}

#[derive(Debug)]
struct Item {
    number: u64,
    name: &'static str,
    data: String,
}

/// The picture that was told last.
#[derive(Debug, Default)]
struct Told {
    state: Option<StateView>,
    members: BTreeMap<String, MemberView>,
    receipt: Option<ReceiptView>,
    away: Option<String>,
}

/// What changes, as server-sent events.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "follow_events", tag = "fleet",
    params(("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub(crate) async fn follow(
    Desks(desk): Desks<Arc<Desk>>,
    _: Viewer,
    headers: HeaderMap,
    mut parts: Parts,
) -> Result<Response> {
    parts.extensions.insert(GoesOn);
    if desk.news.channel.receiver_count() >= LISTENERS {
        return Err(Problem::away(format!(
            "{LISTENERS} listen already, and that is all that there is room for"
        )));
    }
    // Before the picture is taken, so that nothing falls between the two.
    let channel = desk.news.channel.subscribe();
    let missed = one(&headers, "last-event-id").and_then(|id| desk.news.since(id));
    let first = match missed {
        Some(items) => items.iter().map(|item| desk.news.event(item)).collect(),
        None => desk.picture().await,
    };
    let listening = stream::iter(first).map(Ok::<_, Infallible>).chain(listen(desk, channel, parts));
    Ok(Sse::new(listening).into_response())
}

/// Everything that is told from now on, until the listener may not listen any more or cannot keep up.
fn listen(
    desk: Arc<Desk>,
    channel: broadcast::Receiver<Arc<Item>>,
    parts: Parts,
) -> impl Stream<Item = Result<Event, Infallible>> {
    // A session that ends sooner is asked for sooner.
    let every = HEARTBEAT.min(desk.options.idle / 4).max(Duration::from_millis(1));
    let mut pulse = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    stream::unfold((desk, channel, parts, pulse), |(desk, mut channel, parts, mut pulse)| async move {
        let event = tokio::select! {
            item = channel.recv() => desk.news.event(&*item.ok()?),
            _ = pulse.tick() => {
                // Somebody whose token was revoked hears nothing more.
                Caller::of(&parts, &desk).await.ok()?;
                Event::default().comment("here")
            }
        };
        Some((Ok(event), (desk, channel, parts, pulse)))
    })
}

/// Looks at the store while somebody listens, and tells what is new. It ends with the console.
pub(crate) async fn gather(desk: Arc<Desk>) {
    let mut hints = desk.store.hints("state");
    let mut told = Told::default();
    loop {
        tokio::select! {
            Some(()) = hints.next() => {}
            () = desk.news.nudge.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        if desk.news.channel.receiver_count() == 0 {
            // Whoever comes gets the whole picture.
            told = Told::default();
            continue;
        }
        if let Err(problem) = look(&desk, &mut told).await
            && told.away.as_ref() != Some(&problem.detail)
        {
            desk.news.tell("away", &problem);
            told.away = Some(problem.detail);
        }
    }
}

async fn look(desk: &Desk, told: &mut Told) -> Result<()> {
    let (state, source) = desk.state().await?;
    let view = public(&state, source, &desk.since, Timestamp::now());
    if told.state.as_ref() != Some(&view) {
        desk.news.tell("state", &view);
        told.state = Some(view);
    }
    let look = desk.looks.fresh(&*desk.store).await?;
    let members = members(&look, &state);
    let mut before = std::mem::take(&mut told.members);
    for member in members {
        let settled = member.settled();
        if before.remove(&member.name).as_ref() != Some(&settled) {
            desk.news.tell("report", &member);
        }
        told.members.insert(settled.name.clone(), settled);
    }
    before.keys().for_each(|gone| desk.news.tell("left", gone));
    if state.revision > 0 {
        let expect = Expect { sites: all(&state), instances: 1, ..Expect::default() };
        let receipt = ReceiptView::of(&look.receipt(&*desk.store, &state, &expect));
        if told.receipt.as_ref() != Some(&receipt) {
            desk.news.tell("receipt", &receipt);
            told.receipt = Some(receipt);
        }
    }
    told.away = None;
    Ok(())
}

// === impl Desk ===

impl Desk {
    /// The whole picture, as the events that would have told it.
    async fn picture(&self) -> Vec<Event> {
        let news = &self.news;
        let last = news.recent().last;
        let mut items = Vec::new();
        let apart = async {
            let (state, source) = self.state().await?;
            items.push(news.item(last, "state", &public(&state, source, &self.since, Timestamp::now())));
            items.extend(self.roster(&state).await?.iter().map(|member| news.item(last, "report", member)));
            if state.revision > 0 {
                let expect = Expect { sites: all(&state), instances: 1, ..Expect::default() };
                items.push(news.item(last, "receipt", &self.receipt(&state, &expect).await?));
            }
            Ok::<_, Problem>(())
        };
        if let Err(problem) = apart.await {
            items.push(news.item(last, "away", &problem));
        }
        items.iter().map(|item| news.event(item)).collect()
    }
}

// === impl News ===

impl News {
    /// Something was done here: there is no need to wait for a hint.
    pub(crate) fn look_again(&self) {
        self.nudge.notify_one();
    }

    fn tell(&self, name: &'static str, what: &impl Serialize) {
        let mut recent = self.recent();
        recent.last += 1;
        let item = Arc::new(self.item(recent.last, name, what));
        recent.items.push_back(Arc::clone(&item));
        if recent.items.len() > BACKLOG {
            recent.items.pop_front();
        }
        drop(recent);
        // An error only says that nobody listens.
        let _ = self.channel.send(item);
    }

    fn item(&self, number: u64, name: &'static str, what: &impl Serialize) -> Item {
        // Views always serialise.
        Item { number, name, data: serde_json::to_string(what).unwrap_or_default() }
    }

    fn event(&self, item: &Item) -> Event {
        Event::default().id(format!("{}-{}", self.run, item.number)).event(item.name).data(&item.data)
    }

    /// What was told after the event `id`, if all of it is still there.
    fn since(&self, id: &str) -> Option<Vec<Arc<Item>>> {
        let number: u64 = id.strip_prefix(&self.run)?.strip_prefix('-')?.parse().ok()?;
        let recent = self.recent();
        let oldest = recent.items.front().map_or(recent.last + 1, |item| item.number);
        let is_complete = number <= recent.last && number.saturating_add(1) >= oldest;
        is_complete.then(|| recent.items.iter().filter(|item| item.number > number).cloned().collect())
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for News {
    fn default() -> Self {
        Self {
            channel: broadcast::Sender::new(BACKLOG),
            recent: Mutex::default(),
            nudge: Notify::new(),
            run: Secret::random().digest("run").as_str()[..8].to_owned(),
        }
    }
}

//! `GET /store-events`: "look again" at one key, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State as Desks;
use axum::response::Response;
use axum::response::sse::{Event, Sse};
use backsoon::store::Version;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, stream};
use http::request::Parts;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::MissedTickBehavior;
use utoipa::IntoParams;

use super::{Server, key, marked};
use crate::caller::Caller;
use crate::console::Desk;
use crate::form::Asked;
use crate::people::Role;
use crate::problem::{Problem, Result};

/// How many listen at once, for each of them has a connection.
pub(crate) const LISTENERS: usize = 300;

/// How often a quiet stream says that it is there, and whether its listener may still listen is asked.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What is listened to.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Listened {
    /// The key.
    key: String,
}

/// One who listens.
struct Listener {
    desk: Arc<Desk>,
    key: String,
    hints: BoxStream<'static, ()>,
    pulse: tokio::time::Interval,
    /// The version at the last look, once there was one.
    seen: Option<Option<Version>>,
    parts: Parts,
    _place: OwnedSemaphorePermit,
}

/// Says `look-again` when the value under the key may have changed, and once at the beginning.
#[utoipa::path(get, path = "/api/v1/store-events", operation_id = "follow_entry", tag = "store", params(Listened),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
pub(crate) async fn follow(
    Desks(desk): Desks<Arc<Desk>>,
    Server(_): Server,
    Asked(Listened { key }): Asked<Listened>,
    parts: Parts,
) -> Result<Response> {
    key::area(&key)?;
    let place = Arc::clone(&desk.listeners).try_acquire_owned().map_err(|_| {
        Problem::away(format!("{LISTENERS} servers listen already, and that is all that there is room for"))
    })?;
    let mut pulse = tokio::time::interval_at(tokio::time::Instant::now() + HEARTBEAT, HEARTBEAT);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let hints = desk.store.hints(&key);
    let listener = Listener { desk, key, hints, pulse, seen: None, parts, _place: place };
    Ok(marked(Sse::new(listener.events()), "events"))
}

// === impl Listener ===

impl Listener {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        let first = stream::iter([Ok(look_again())]);
        first.chain(stream::unfold(self, |mut listener| async move {
            let event = listener.next().await?;
            Some((Ok(event), listener))
        }))
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            tokio::select! {
                hint = self.hints.next() => {
                    hint?;
                    if self.has_changed().await {
                        return Some(look_again());
                    }
                }
                _ = self.pulse.tick() => {
                    // Somebody whose token was revoked hears nothing more.
                    let caller = Caller::by_token(&self.parts, &self.desk).await.ok()?;
                    caller.must_be(Role::Server).ok()?;
                    return Some(Event::default().comment("here"));
                }
            }
        }
    }

    /// Whether it is worth a look: some stores hint every second, and a fleet need not ask each time.
    async fn has_changed(&mut self) -> bool {
        match self.desk.store.get(&self.key).await {
            Ok(entry) => {
                let version = entry.map(|entry| entry.version);
                let is_new = self.seen.as_ref() != Some(&version);
                self.seen = Some(version);
                is_new
            }
            // Whoever looks hears why.
            Err(_) => true,
        }
    }
}

fn look_again() -> Event {
    Event::default().event("look-again").data("again")
}

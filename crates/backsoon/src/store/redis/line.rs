//! The one connection of a store, shared by all that use it: commands go out, answers and hints come in.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, PushInfo, PushKind, RedisError, RedisResult};
use tokio::sync::{OnceCell, broadcast};

use super::caveats;

/// How long it may take to connect, TLS and password included.
const CONNECT: Duration = Duration::from_secs(3);

/// How long an answer may take: less than an instance waits, so that a connection that has gone silent is found out.
const ANSWER: Duration = Duration::from_secs(4);

/// How many changes a reader of hints may fall behind before they melt into one hint.
const BACKLOG: usize = 256;

/// Connects when it is first needed, and again whenever the connection is lost.
pub(super) struct Line {
    client: Client,
    channel: String,
    /// How the store is called in the log.
    url: String,
    events: broadcast::Sender<Event>,
    held: tokio::sync::Mutex<Held>,
    /// What was warned of, so that a line that comes and goes does not say it again.
    said: Mutex<BTreeSet<String>>,
}

/// What the listeners hear.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Changed(Arc<str>),
    /// The connection is lost; nobody knows what was missed.
    Lost,
}

#[derive(Default)]
struct Held {
    live: Option<Live>,
    failed: Option<(Instant, RedisError)>,
}

/// A connection. Clones are the same one.
#[derive(Clone)]
pub(super) struct Live {
    connection: MultiplexedConnection,
    closed: Arc<AtomicBool>,
    subscribed: Arc<OnceCell<()>>,
}

// === impl Line ===

impl Line {
    pub(super) fn new(client: Client, channel: String, url: String) -> Self {
        let events = broadcast::Sender::new(BACKLOG);
        Self { client, channel, url, events, held: tokio::sync::Mutex::default(), said: Mutex::default() }
    }

    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn password(&self) -> Option<&str> {
        self.client.get_connection_info().redis_settings().password()
    }

    pub(super) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Asks over the connection. An answer that does not come in time is an error, and ends the connection.
    pub(super) async fn ask<T, F>(&self, ask: impl FnOnce(MultiplexedConnection) -> F) -> RedisResult<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let live = self.live(Duration::ZERO).await?;
        self.over(&live, ask(live.connection.clone())).await
    }

    /// Sees that changes are heard of. A failure younger than `patience` is answered again without a new try, so that
    /// hundreds of listeners try as one.
    pub(super) async fn listen(&self, patience: Duration) -> RedisResult<()> {
        let live = self.live(patience).await?;
        let mut connection = live.connection.clone();
        let subscribe = live.subscribed.get_or_try_init(|| connection.subscribe(&self.channel));
        self.over(&live, subscribe).await.copied()
    }

    async fn over<T>(&self, live: &Live, answer: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        let answer = tokio::time::timeout(ANSWER, answer).await;
        let answer =
            answer.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        if answer.as_ref().is_err_and(ends_the_connection) && !live.closed.swap(true, Ordering::SeqCst) {
            // An error only says that nobody listens.
            let _ = self.events.send(Event::Lost);
        }
        answer
    }

    async fn live(&self, patience: Duration) -> RedisResult<Live> {
        let asked = Instant::now();
        let mut held = self.held.lock().await;
        if let Some(live) = held.live.as_ref().filter(|live| !live.closed.load(Ordering::SeqCst)) {
            return Ok(live.clone());
        }
        // Whoever waited while another one failed to connect has waited long enough.
        if let Some((_, error)) = held.failed.as_ref().filter(|(at, _)| *at + patience >= asked) {
            return Err(error.clone());
        }
        held.live = None;
        let connected = tokio::time::timeout(CONNECT, self.connect()).await;
        let timed_out =
            |_| Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "no connection within 3 s").into());
        match connected.unwrap_or_else(timed_out) {
            Ok(live) => {
                held.failed = None;
                Ok(held.live.insert(live).clone())
            }
            Err(error) => {
                held.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn connect(&self) -> RedisResult<Live> {
        let closed = Arc::new(AtomicBool::new(false));
        let (events, is_closed) = (self.events.clone(), Arc::clone(&closed));
        let hear = move |push: PushInfo| -> Result<(), redis::aio::SendError> {
            match push.kind {
                PushKind::Message => {
                    let key =
                        redis::Msg::from_push_info(push).and_then(|said| said.get_payload::<String>().ok());
                    // An error only says that nobody listens.
                    let _ = key.map(|key| events.send(Event::Changed(key.into())));
                }
                PushKind::Disconnection if !is_closed.swap(true, Ordering::SeqCst) => {
                    let _ = events.send(Event::Lost);
                }
                _ => {}
            }
            Ok(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER))
            .set_push_sender(hear);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        self.warn(&caveats::of(connection.clone()).await);
        Ok(Live { connection, closed, subscribed: Arc::default() })
    }

    fn warn(&self, caveats: &[String]) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        for caveat in caveats {
            if said.insert(caveat.clone()) {
                tracing::warn!(store = %self.url, "{caveat}");
            }
        }
    }
}

/// True if nothing more can be expected of this connection: it is broken, or leads to the wrong server, or as nobody.
fn ends_the_connection(error: &RedisError) -> bool {
    match error.code() {
        Some(code) => matches!(code, "READONLY" | "MASTERDOWN" | "NOAUTH" | "WRONGPASS"),
        None => error.kind() != ErrorKind::UnexpectedReturnType,
    }
}

//! The sample site of `backsoon demo`: a few pages, an API, an event stream and something slow to drain.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Query;
use axum::response::sse::{Event, Sse};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// The longest sleep of `/slow`.
const SLOWEST: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct Time {
    now: String,
}

#[derive(Deserialize)]
struct Slowness {
    ms: Option<u64>,
}

/// Starts the site on a free port of the loopback interface and says which; it runs as long as the process.
///
/// # Errors
/// No port is free.
pub async fn start() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    // It ends only with the listener, and then the gate's page says that nobody answers.
    tokio::spawn(async { axum::serve(listener, site()).await });
    Ok(address)
}

fn site() -> Router {
    Router::new()
        .route("/", get(|| async { Html(include_str!("sample.html")) }))
        .route("/api/time", get(|| async { Json(Time { now: now() }) }))
        .route("/events", get(|| async { Sse::new(seconds()) }))
        .route("/slow", get(slow))
        .route("/orders", post(|order: Bytes| async move { order }))
        .fallback(|| async { (http::StatusCode::NOT_FOUND, "There is no such page in this little shop.\n") })
}

async fn slow(Query(Slowness { ms }): Query<Slowness>) -> impl IntoResponse {
    let pause = Duration::from_millis(ms.unwrap_or(3000)).min(SLOWEST);
    tokio::time::sleep(pause).await;
    format!("This took {} ms, and the gate waited for it.\n", pause.as_millis())
}

/// The time, once a second, for as long as somebody listens.
fn seconds() -> impl Stream<Item = Result<Event, Infallible>> {
    futures_util::stream::unfold(tokio::time::interval(Duration::from_secs(1)), |mut interval| async {
        interval.tick().await;
        Some((Ok(Event::default().data(now())), interval))
    })
}

fn now() -> String {
    format!("{:.0}", jiff::Timestamp::now())
}

//! A closing that is announced first, begins by itself and ends by itself.
//!
//! The operator writes once. The server turns both edges by its own clock, without any further write; until then its
//! handlers can warn visitors. `cargo run --example scheduled_window` takes three seconds.

#![allow(clippy::print_stdout, reason = "showing what happens is what it is for")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use backsoon::document::Source;
use backsoon::join::Options;
use backsoon::time::Timestamp;
use backsoon::{Control, Host, Instance, MaintenanceLayer, Mode, Window, store};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt};

/// A page with a banner, as long as something is to come.
async fn home(State(instance): State<Arc<Instance>>) -> String {
    match instance.standing("any").upcoming.first() {
        Some(window) => format!("home; soon: {}", window.message.as_deref().unwrap_or("maintenance")),
        None => "home".to_owned(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let store = store::open("memory:").await?;
    let instance = Instance::join(store.clone(), Options::default()).await;
    let router = Router::new().route("/", get(home)).with_state(instance.clone());
    let app = MaintenanceLayer::new(instance.clone()).layer(router);
    let visit = || async {
        let response = app.clone().oneshot(Request::new(Body::empty())).await?;
        let (status, back) = (response.status(), response.headers().get("retry-after").cloned());
        let body = String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec())?;
        println!("{status}, Retry-After {back:?}: {}", body.lines().next().unwrap_or_default());
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((status, back.is_some(), body))
    };

    let now = Timestamp::now();
    let (start, end) = (now + Duration::from_millis(1500), now + Duration::from_millis(3000));
    let mut window = Window::new(Mode::On).from(start).until(end).message("we are moving house");
    window.source = Source::Schedule;
    Control::new(store, "ann").begin(&Host::any(), window).await?;
    // Taken before the first look, so that no change falls between a look and the wait.
    let mut changes = instance.changes();
    while instance.standing("any").upcoming.is_empty() {
        changes.changed().await?;
    }
    assert_eq!(visit().await?, (StatusCode::OK, false, "home; soon: we are moving house".into()));

    instance.closed().await;
    let (status, says_when, body) = visit().await?;
    assert_eq!((status, says_when), (StatusCode::SERVICE_UNAVAILABLE, true));
    assert!(body.contains("we are moving house") && Timestamp::now() >= start);

    instance.opened().await;
    assert_eq!(visit().await?, (StatusCode::OK, false, "home".into()));
    assert!(Timestamp::now() >= end);
    Ok(())
}

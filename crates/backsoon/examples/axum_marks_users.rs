//! While a site is closed, its webhooks go on and its staff get in.
//!
//! Routes are marked where they are declared; the application says who a user is, and is asked only if that matters.
//! `cargo run --example axum_marks_users --features axum` sends a few requests and shows the answers.

#![allow(clippy::print_stdout, reason = "showing the answers is what it is for")]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use backsoon::adapters::axum::Closable;
use backsoon::join::Options;
use backsoon::request::UserKind;
use backsoon::rules::Condition;
use backsoon::{Control, Host, Instance, MaintenanceLayer, Marks, Mode, Rule, User, Window, store};
use tower::ServiceExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut marks = Marks::new();
    let router = Router::new()
        .route("/", get(|| async { "the shop" }))
        .route(marks.open("/hooks/{id}"), post(|| async { "taken" }))
        .route(marks.closed("/beta"), get(|| async { "not yet" }));

    // The user could as well be known from a layer further out, which puts a `User` into the extensions.
    let staff = Condition { user: vec![UserKind::Staff], ..Condition::default() };
    let mut options = Options::default();
    options.marks = marks;
    options.local.rules = [Rule::open("staff", staff)].into();

    let store = store::open("memory:").await?;
    let instance = Instance::join(store.clone(), options).await;
    let app = MaintenanceLayer::new(instance.clone())
        .identify(|parts| {
            let token = parts.headers.get("authorization").cloned();
            // Here an application would look into its sessions.
            async move {
                if token.is_some_and(|token| token == "Bearer ann") { User::STAFF } else { User::ANONYMOUS }
            }
        })
        .around(router);

    println!("open:");
    visit(&app, "GET", "/", None, StatusCode::OK).await?;
    visit(&app, "GET", "/beta", None, StatusCode::SERVICE_UNAVAILABLE).await?;

    let window = Window::new(Mode::On).message("New shelves until noon.");
    Control::new(store, "ann").begin(&Host::any(), window).await?;
    instance.closed().await;

    println!("closed:");
    visit(&app, "GET", "/", None, StatusCode::SERVICE_UNAVAILABLE).await?;
    visit(&app, "GET", "/", Some("Bearer ann"), StatusCode::OK).await?;
    visit(&app, "POST", "/hooks/7", None, StatusCode::OK).await?;
    // No other spelling of a path opens it.
    visit(&app, "POST", "/hooks/%2e%2e/7", None, StatusCode::SERVICE_UNAVAILABLE).await?;
    Ok(())
}

async fn visit(
    app: &Closable,
    method: &str,
    path: &str,
    token: Option<&str>,
    expected: StatusCode,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    let response = app.clone().oneshot(request.body(Body::empty())?).await?;
    println!("  {method:4} {path:16} {:12} {}", token.unwrap_or("nobody"), response.status());
    assert_eq!(response.status(), expected);
    Ok(())
}

//! Readers stay, writers wait: read-only while a table is rebuilt, for exactly as long as the code runs.
//!
//! `Control::during` adds a window, runs a block and ends that window, whatever becomes of the block.
//! `cargo run --example read_only` shows who gets through.

#![allow(clippy::print_stdout, reason = "showing the answers is what it is for")]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use backsoon::join::Options;
use backsoon::{Control, Host, Instance, MaintenanceLayer, Mode, Window, store};
use tower::{Layer, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = store::open("memory:").await?;
    let instance = Instance::join(store.clone(), Options::default()).await;
    let router = Router::new().route("/cart", get(|| async { "3 apples" }).post(|| async { "4 apples" }));
    let app = MaintenanceLayer::new(instance.clone()).layer(router);
    let visit = |method: &'static str| {
        let app = app.clone();
        async move {
            let request = Request::builder().method(method).uri("/cart").body(Body::empty())?;
            let status = app.oneshot(request).await?.status();
            println!("  {method:7} {status}");
            Ok::<StatusCode, Box<dyn std::error::Error>>(status)
        }
    };

    println!("before:");
    assert_eq!(visit("POST").await?, StatusCode::OK);

    // Taken before the first look, so that no change falls between a look and the wait.
    let mut changes = instance.changes();
    let (control, everywhere) = (Control::new(store, "rebuild"), Host::any());
    let window = Window::new(Mode::ReadOnly).message("Carts cannot be changed for a minute.");
    let rebuilt = control.during(&everywhere, window, async {
        while instance.mode("any") != Mode::ReadOnly {
            changes.changed().await?;
        }
        // Writers who were let in before have finished from here on, so the table stands still.
        instance.drained().await;
        println!("while the table is rebuilt:");
        assert_eq!(visit("GET").await?, StatusCode::OK);
        assert_eq!(visit("HEAD").await?, StatusCode::OK);
        assert_eq!(visit("POST").await?, StatusCode::SERVICE_UNAVAILABLE);
        Ok::<_, Box<dyn std::error::Error>>("rebuilt")
    });
    assert_eq!(rebuilt.await??, "rebuilt");

    let mut changes = instance.changes();
    while instance.mode("any") != Mode::Off {
        changes.changed().await?;
    }
    println!("after:");
    assert_eq!(visit("POST").await?, StatusCode::OK);
    Ok(())
}

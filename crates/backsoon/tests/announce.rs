//! A closing to come: when it is announced, and to whom.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use backsoon::document::Page;
use backsoon::instance::{UPCOMING_HEADER, Upcoming};
use backsoon::time::Timestamp;
use backsoon::{Control, Host, Instance, MaintenanceLayer, Marks, Mode, State, Window, join, store};
use tower::{Layer, ServiceExt};

/// A closing at the second `start`, announced a minute before.
fn state(start: Timestamp) -> State {
    let mut state = State::new();
    (state.revision, state.default.page) =
        (1, Some(Arc::new(Page { announce: Some(60), ..Page::default() })));
    let mut window = Window::new(Mode::On).message("We move.");
    window.note = "ticket 4711".into();
    window.start = Some(start);
    state.default.windows.push(window);
    state
}

#[test]
fn the_edge_is_the_set_time_before_the_start_and_then_the_start() {
    let (start, minute) = (Timestamp::from_millis(10_000_000), Duration::from_secs(60));
    let instance = Instance::new(Default::default(), Marks::new());
    let _ = instance.apply(&state(start), Timestamp::from_millis(0));
    assert_eq!(instance.next_edge(), Some(start - minute));
    assert_eq!(instance.standing("*").announced, None);
    instance.turn_edge(start - minute);
    assert_eq!(instance.next_edge(), Some(start));
    let announced = instance.standing("*").announced.unwrap();
    assert_eq!((announced.start, announced.message.as_deref()), (start, Some("We move.")));
    instance.turn_edge(start);
    assert_eq!((instance.standing("*").announced, instance.mode("*")), (None, Mode::On));
}

#[tokio::test]
async fn the_application_and_its_clients_hear_of_it_and_of_nothing_private() {
    let instance = Instance::new(Default::default(), Marks::new());
    let (now, start) = (Timestamp::now(), Timestamp::now() + Duration::from_secs(30));
    let _ = instance.apply(&state(start), now);
    let service = tower::service_fn(|request: http::Request<String>| async move {
        let upcoming = request.extensions().get::<Upcoming>().unwrap();
        Ok::<_, Infallible>(http::Response::new(format!("{upcoming:?}")))
    });
    let response = MaintenanceLayer::new(instance)
        .layer(service)
        .oneshot(http::Request::new(String::new()))
        .await
        .unwrap();
    assert_eq!(response.headers()[UPCOMING_HEADER], start.to_string());
    let body = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(body.contains("We move.") && !body.contains("4711"), "{body}");
}

#[tokio::test]
async fn a_page_with_newer_words_is_written_in_the_schema_that_has_them() {
    let control = Control::new(store::open("memory:").await.unwrap(), "ann");
    for (page, schema) in [
        ("{\"title\": \"a\", \"html\": \"<p>{{ title }}</p>\"}", 1),
        ("{\"announce\": 60}", 2),
        ("{\"robots\": \"closed\"}", 2),
        ("{\"cors\": [\"*\"]}", 2),
        ("{\"colours\": {\"accent\": \"#123456\"}}", 2),
        ("{\"html\": \"{% extends 'backsoon' %}\"}", 2),
        ("{}", 1),
    ] {
        let page: Arc<Page> = serde_json::from_str(page).unwrap();
        control
            .update("a page", |state| {
                state.default.page = Some(Arc::clone(&page));
                Ok::<_, String>(())
            })
            .await
            .unwrap();
        assert_eq!(control.read().await.unwrap().unwrap().schema, schema, "{page:?}");
    }
}

#[tokio::test]
async fn an_instance_begins_to_announce_by_itself() {
    let store = store::open("memory:").await.unwrap();
    let instance = Instance::join(Arc::clone(&store), join::Options::default()).await;
    let control = Control::new(store, "ann");
    let page = Page { announce: Some(3600), ..Page::default() };
    control
        .update("announce", |state| {
            state.default.page = Some(Arc::new(page.clone()));
            Ok::<_, String>(())
        })
        .await
        .unwrap();
    let mut window = Window::new(Mode::On);
    window.start = Some(Timestamp::now() + Duration::from_millis(3_600_000 + 1_500));
    control.begin(&Host::any(), window).await.unwrap();
    let mut changes = instance.changes();
    while instance.standing("*").upcoming.is_empty() {
        changes.changed().await.unwrap();
    }
    assert_eq!(instance.standing("*").announced, None);
    while instance.standing("*").announced.is_none() {
        tokio::time::timeout(Duration::from_secs(30), changes.changed()).await.unwrap().unwrap();
    }
}

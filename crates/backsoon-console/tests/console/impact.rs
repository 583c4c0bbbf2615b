//! What closings have done to visitors, on the page and in the API.

use std::time::Instant;

use backsoon::request::NO_HEADERS;
use backsoon::{Admission, Instance, Request, join};
use backsoon_console::Role;

use super::ground::{Ground, PATIENCE};

async fn refused(instance: &Instance, times: usize) {
    for _ in 0..times {
        let request = Request::new("GET", "shop.example", "/", &NO_HEADERS);
        assert!(matches!(instance.admit(&request).await, Admission::Refused(..)));
    }
}

async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// A second server, with what closes it.
async fn beside(ground: &Ground) -> std::sync::Arc<Instance> {
    let mut options = join::Options::default();
    options.name = Some("web-1".into());
    Instance::join(std::sync::Arc::clone(&ground.store), options).await
}

#[tokio::test]
async fn the_history_shows_what_a_closing_ended_here_has_done_on_all_servers() {
    let ground = Ground::new().await;
    let (operator, viewer) = (ground.token(Role::Operator).await, ground.token(Role::Viewer).await);
    let web = beside(&ground).await;
    let closed = ground.json("POST", "/api/v1/windows", &[&operator], r#"{"mode":"on"}"#).await.json();
    for (instance, times) in [(&ground.instance, 2), (&web, 3)] {
        instance.closed().await;
        refused(instance, times).await;
    }
    ground.json("POST", "/api/v1/reopen", &[&operator], "{}").await;
    let newest = async || {
        let history = ground.get("/api/v1/history?limit=1", &[&viewer]).await.json();
        history["changes"][0]["impacts"].clone()
    };
    eventually("it is kept", async || newest().await.get(0).is_some()).await;
    let impact = newest().await[0].clone();
    assert_eq!((&impact["refused"], &impact["servers"]), (&5.into(), &2.into()), "{impact}");
    assert_eq!(impact["window"], closed["windows"][0]["id"]);
    assert_eq!((&impact["mode"], &impact["site"]), (&"on".into(), &"*".into()));
    assert!(impact["from"].is_string() && impact["to"].is_string(), "{impact}");
    assert!(impact["reopened_by"].as_str().unwrap().starts_with("test (token "), "{impact}");

    ground.user("ada", Role::Viewer).await;
    let ada = ground.sign_in("ada").await;
    let page = ground.get("/history", &[&ada.cookie]).await.body;
    assert!(page.contains(": 5 refused, 0 held, 0 cut, no pass used</p>"), "{page}");
}

#[tokio::test]
async fn the_chart_counts_what_other_servers_have_refused() {
    let ground = Ground::new().await;
    let operator = ground.token(Role::Operator).await;
    ground.user("ada", Role::Viewer).await;
    let ada = ground.sign_in("ada").await;
    let chart = async || {
        let page = ground.get("/", &[&ada.cookie]).await.body;
        let drawn = page.split("<strong>Refused</strong> ").nth(1);
        drawn.map(|drawn| drawn.split(" in all").next().unwrap().to_owned())
    };
    ground.json("POST", "/api/v1/windows", &[&operator], r#"{"mode":"on"}"#).await;
    assert_eq!(chart().await, None);
    let web = beside(&ground).await;
    web.closed().await;
    refused(&web, 4).await;
    ground.instance.closed().await;
    refused(&ground.instance, 1).await;
    eventually("all five are drawn", async || chart().await.as_deref() == Some("5")).await;
}

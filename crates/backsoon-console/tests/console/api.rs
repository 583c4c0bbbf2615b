//! What the API does, call by call.

use backsoon::Mode;
use backsoon_console::Role;
use serde_json::json;

use super::ground::{Ground, all};

#[tokio::test]
async fn a_site_is_closed_extended_and_reopened_and_the_history_names_who() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Operator).await;
    let empty = ground.get("/api/v1/state", &[&token]).await;
    assert_eq!((empty.headers["etag"].as_str(), &empty.json()["revision"]), ("\"0\"", &json!(0)));

    let body = r#"{"mode":"on","for":"30m","message":"Back soon.","note":"disk full"}"#;
    let closed = ground.json("POST", "/api/v1/windows", &[&token], body).await;
    assert_eq!(closed.status, 201, "{closed:?}");
    let done = closed.json();
    assert_eq!((&done["revision"], &done["changed"]), (&json!(1), &json!(true)));
    assert_eq!(done["etag"].as_str(), closed.headers.get("etag").map(String::as_str));
    let id = done["windows"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(done["windows"][0]["message"], "Back soon.");
    assert_eq!(
        ground.json("POST", "/api/v1/windows", &[&token], r#"{"mode":"read-only"}"#).await.status,
        201
    );
    let already = ground.json("POST", "/api/v1/windows", &[&token], r#"{"mode":"read-only"}"#).await;
    assert_eq!((already.status, &already.json()["changed"]), (200, &json!(false)));

    let site = &ground.get("/api/v1/sites", &[&token]).await.json()[0];
    assert_eq!((&site["site"], &site["mode"], &site["window"]), (&json!("*"), &json!("on"), &json!(id)));
    assert_eq!(
        (&site["why"], site["since"].is_string(), site["until"].is_string()),
        (&json!("disk full"), true, true)
    );
    assert!(site["by"].as_str().unwrap().ends_with("via API from 127.0.0.1"), "{site}");

    let end = done["windows"][0]["end"].as_str().unwrap().parse::<backsoon::time::Timestamp>().unwrap();
    let path = format!("/api/v1/windows/{id}");
    let later = ground.json("PATCH", &path, &[&token], r#"{"extend":"15m","message":null}"#).await.json();
    let new_end = later["windows"][0]["end"].as_str().unwrap().parse::<backsoon::time::Timestamp>().unwrap();
    assert_eq!(new_end.since(end).as_secs(), 900);
    assert!(later["windows"][0]["since"].is_string(), "{later}");
    assert!(later["windows"][0]["message"].is_null() && later["windows"][0]["note"] == "disk full");

    let ended = ground.send("DELETE", &path, &[&token], None).await;
    assert_eq!(ended.status, 200, "{ended:?}");
    assert_eq!(ended.json()["still_closed"][0]["mode"], "read-only");
    let reopened = ground.json("POST", "/api/v1/reopen", &[&token], r#"{"note":"done"}"#).await.json();
    assert_eq!((&reopened["still_closed"], reopened["windows"].as_array().unwrap().len()), (&json!([]), 1));
    assert_eq!(ground.mode().await, Mode::Off);

    let history = ground.get("/api/v1/history?limit=2", &[&token]).await.json();
    assert_eq!(history["changes"][0]["note"], "off, all sites: done");
    assert!(history["changes"][0]["by"].as_str().unwrap().starts_with("test (token "));
    assert!(
        history["changes"][1]["differences"][0].as_str().unwrap().ends_with("(closed) ended"),
        "{history}"
    );
    let before = format!("/api/v1/history?before={}", history["next"]);
    let older = ground.get(&before, &[&token]).await.json();
    assert_eq!((older["changes"].as_array().unwrap().len(), older["next"].is_null()), (3, true));
    let first = older["changes"][2]["differences"][0].as_str().unwrap();
    assert_eq!(first, format!("All sites (*): closed until {end}, by window {id}"));
}

#[tokio::test]
async fn who_has_seen_another_state_changes_nothing() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Admin).await;
    let seen = ground.get("/api/v1/state", &[&token]).await.headers["etag"].clone();
    let seen = format!("if-match: {seen}");
    let first = ground.json("POST", "/api/v1/windows", &[&token, &seen], r#"{"mode":"on"}"#).await;
    assert_eq!(first.status, 201);
    for (method, path, body) in [
        ("POST", "/api/v1/windows", r#"{"mode":"hold"}"#),
        ("POST", "/api/v1/reopen", "{}"),
        ("POST", "/api/v1/rollback", r#"{"revision":1}"#),
    ] {
        let late = ground.json(method, path, &[&token, &seen], body).await;
        assert_eq!(late.status, 412, "{path}: {late:?}");
        assert_eq!(late.headers["etag"], first.headers["etag"]);
        assert_eq!(late.json()["etag"], late.headers["etag"].as_str());
    }
    let now = format!("if-match: \"other\", {}", first.headers["etag"]);
    assert_eq!(ground.json("POST", "/api/v1/reopen", &[&token, &now], "{}").await.status, 200);
    let fresh = ground.get("/api/v1/state", &[&token]).await.headers["etag"].clone();
    let known = format!("if-none-match: {fresh}");
    assert_eq!(ground.get("/api/v1/state", &[&token, &known]).await.status, 304);
}

#[tokio::test]
async fn an_earlier_revision_is_put_in_force_again() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    let headers = ada.headers(&ground);
    ground
        .json("POST", "/api/v1/windows", &all(&headers), r#"{"mode":"hold","max_wait":"5s","max_held":7}"#)
        .await;
    ground.json("POST", "/api/v1/reopen", &all(&headers), "{}").await;
    let back = ground.json("POST", "/api/v1/rollback", &all(&headers), r#"{"revision":1}"#).await.json();
    assert_eq!((&back["revision"], &back["still_closed"][0]["mode"]), (&json!(3), &json!("hold")));
    assert_eq!(back["still_closed"][0]["windows"][0]["max_wait_ms"], 5000);
    let state = ground.control().read().await.unwrap().unwrap();
    assert_eq!(state.change.by, "ada via console from 127.0.0.1");
    assert_eq!(state.default.windows[0].by, "ada via console from 127.0.0.1");
}

#[tokio::test]
async fn the_fleet_and_the_receipt_name_everybody_and_what_is_in_the_way() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Operator).await;
    ground.json("POST", "/api/v1/windows", &[&token], r#"{"mode":"on"}"#).await;
    let fleet = ground.get("/api/v1/fleet", &[&token]).await.json();
    assert_eq!(
        (&fleet["instances"][0]["name"], &fleet["instances"][0]["kind"]),
        (&json!("gate-1"), &json!("gate"))
    );
    assert_eq!(fleet["instances"][0]["life"], "live");
    let confirmed = async {
        loop {
            let receipt = ground.get("/api/v1/receipt?revision=1", &[&token]).await.json();
            if receipt["verdict"] == "confirmed" {
                return receipt;
            }
            assert_eq!(receipt["servers"][0]["late"], "behind", "{receipt}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let receipt = tokio::time::timeout(super::ground::PATIENCE, confirmed).await.unwrap();
    assert_eq!((&receipt["sites"]["*"], &receipt["servers"][0]["confirmed"]), (&json!("on"), &json!(true)));
    let two = ground.get("/api/v1/receipt?instances=2", &[&token]).await.json();
    assert_eq!(two["verdict"], "not-confirmed");
}

#[tokio::test]
async fn a_rehearsal_tells_what_would_happen_and_does_nothing() {
    let mut options = backsoon_console::Options::default();
    let rules: Vec<backsoon::Rule> = serde_json::from_value(json!([
        {"name": "webhooks", "then": "open", "when": {"path": {"prefix": "/hooks"}}},
        {"name": "office", "then": "open", "when": {"network": "192.0.2.0/24"}},
    ]))
    .unwrap();
    options.local.rules = rules.into();
    let ground = Ground::with(options).await;
    let token = ground.token(Role::Viewer).await;
    let body = r#"{"closing":{"mode":"on","message":"Moving <b>house</b>","for":"1h"},"paths":["/hooks/pay","/cart"]}"#;
    let told = ground.json("POST", "/api/v1/rehearse", &[&token], body).await.json();
    let site = &told["sites"][0];
    assert_eq!(
        (&site["before"], &site["after"], &told["locked_out"]),
        (&json!("off"), &json!("on"), &json!(true))
    );
    assert_eq!(site["by_this_server"], json!(["webhooks", "office"]));
    assert_eq!(site["stays_open"], json!(["health paths", "robots.txt"]));
    let decisions: Vec<_> =
        site["you"].as_array().unwrap().iter().map(|tried| tried["decision"].clone()).collect();
    assert_eq!(decisions, ["refused", "admitted", "refused"]);
    assert_eq!(site["health"][0]["decision"], "admitted");
    assert_eq!(told["reply"]["status"], 503);
    assert!(told["reply"]["html"].as_str().unwrap().contains("Moving &lt;b&gt;house"));
    assert!(told["reply"]["json"].as_str().unwrap().contains("Moving <b>house"));
    assert!(told["reply"]["text"].as_str().unwrap().contains("Moving"));
    let office = body.replace(r#""paths""#, r#""from":"192.0.2.7","paths""#);
    let told = ground.json("POST", "/api/v1/rehearse", &[&token], &office).await.json();
    assert_eq!(told["locked_out"], false, "{told}");
    assert!(ground.control().read().await.unwrap().is_none(), "nothing was written");
    // The site's own rules are named, too, and tried.
    let rule: backsoon::Rule =
        serde_json::from_value(json!({"name": "cart", "then": "open", "when": {"path": "/cart"}})).unwrap();
    let update = ground.control();
    let update = update.update("a rule", |state| {
        state.default.rules = Some(vec![rule.clone()].into());
        Ok::<_, String>(())
    });
    update.await.unwrap();
    let told = ground.json("POST", "/api/v1/rehearse", &[&token], body).await.json();
    assert_eq!(told["sites"][0]["stays_open"], json!(["cart", "health paths", "robots.txt"]));
    assert_eq!(told["sites"][0]["you"][2]["decision"], "admitted");
}

#[tokio::test]
async fn a_rehearsal_names_what_the_receipt_will_name() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Operator).await;
    let rules = json!([
        {"name": "cart", "then": "open", "when": {"path": "/cart"}},
        {"name": "never", "then": "closed", "when": {"path": "/never"}},
    ]);
    let rules: Vec<backsoon::Rule> = serde_json::from_value(rules).unwrap();
    let control = ground.control();
    let made = control.update("rules and a page", |state| {
        state.default.rules = Some(rules.clone().into());
        state.default.page = Some(
            serde_json::from_value(json!({"logo": {"path": "/logo.svg", "alt": "The shop"}}))
                .unwrap_or_default(),
        );
        Ok::<_, String>(())
    });
    made.await.unwrap();
    for mode in ["on", "hold", "read-only"] {
        let body = format!(r#"{{"mode":"{mode}"}}"#);
        let told =
            ground.json("POST", "/api/v1/rehearse", &[&token], &format!(r#"{{"closing":{body}}}"#)).await;
        let closed = ground.json("POST", "/api/v1/windows", &[&token], &body).await;
        assert_eq!(closed.status, 201, "{closed:?}");
        let receipt = ground.get("/api/v1/receipt", &[&token]).await.json();
        let told = &told.json()["sites"][0]["stays_open"];
        assert!(told.as_array().is_some_and(|told| told.len() > 2), "{told}");
        assert_eq!(told, &receipt["admits"], "{mode}");
    }
}

#[tokio::test]
async fn who_could_look_but_not_save_is_told_so() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Viewer).await;
    let told = async |mode: &str| {
        let body = format!(r#"{{"closing":{{"mode":"{mode}"}},"paths":["/cart"]}}"#);
        ground.json("POST", "/api/v1/rehearse", &[&token], &body).await.json()
    };
    let shut = told("on").await;
    assert_eq!((&shut["locked_out"], &shut["read_only"]), (&json!(true), &json!(false)));
    assert_eq!(shut["sites"][0]["you"].as_array().unwrap().len(), 2, "{shut}");
    let milder = told("read-only").await;
    assert_eq!((&milder["locked_out"], &milder["read_only"]), (&json!(false), &json!(true)));
    let tried: Vec<_> = milder["sites"][0]["you"].as_array().unwrap().clone();
    let tried: Vec<_> =
        tried.iter().map(|tried| [&tried["method"], &tried["path"], &tried["decision"]]).collect();
    let tried = json!(tried);
    let meant = json!([
        ["GET", "/", "admitted"],
        ["POST", "/", "refused"],
        ["GET", "/cart", "admitted"],
        ["POST", "/cart", "refused"]
    ]);
    assert_eq!(tried, meant);
}

#[tokio::test]
async fn a_closing_for_later_is_scheduled_and_can_be_called_off() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Operator).await;
    let body = r#"{"mode":"on","start":"2999-01-01T00:00:00+01:00","end":"2999-01-01T02:00:00+01:00"}"#;
    let window = ground.json("POST", "/api/v1/windows", &[&token], body).await.json()["windows"][0].clone();
    assert_eq!((&window["in_force"], &window["start"]), (&json!(false), &json!("2998-12-31T23:00:00Z")));
    ground.json("POST", "/api/v1/reopen", &[&token], "{}").await;
    assert_eq!(ground.mode().await, Mode::On, "a scheduled window stays unless it is named");
    ground.json("POST", "/api/v1/reopen", &[&token], r#"{"scheduled":true}"#).await;
    assert_eq!(ground.mode().await, Mode::Off);
}

#[tokio::test]
async fn no_answer_shows_what_signs_or_opens_passes() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    let (site, now) = (backsoon::Host::any(), backsoon::time::Timestamp::now());
    let invitation =
        backsoon::pass::Invitation::new("eve", site, "ada", now, std::time::Duration::from_secs(60)).unwrap();
    ground.control().invite(&invitation).await.unwrap();
    let stored = ground.store.get("state").await.unwrap().unwrap().value;
    let stored: serde_json::Value = serde_json::from_slice(&stored).unwrap();
    let mut secrets: Vec<String> = Vec::new();
    secrets.extend(stored["keys"].as_object().unwrap().values().map(|key| key.as_str().unwrap().to_owned()));
    secrets.push(stored["passes"][0]["secret"].as_str().unwrap().to_owned());
    assert!(secrets.len() > 1 && secrets.iter().all(|secret| secret.len() > 20), "{secrets:?}");
    for path in ["/", "/api/v1/state", "/api/v1/sites", "/api/v1/history", "/api/v1/fleet", "/api/v1/receipt"]
    {
        let answer = ground.get(path, &[&ada.cookie]).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert!(!secrets.iter().any(|secret| answer.body.contains(secret)), "{path}: {answer:?}");
    }
    let history = ground.get("/api/v1/history", &[&ada.cookie]).await.json();
    let told = history["changes"][0]["differences"][0].as_str().unwrap().to_owned();
    assert!(told.starts_with("All sites (*): pass ") && told.contains(" for eve until "), "{told}");
}

//! People and tokens over the API.

use backsoon_console::Role;
use serde_json::json;

use super::ground::{Ground, PASSWORD, all};

#[tokio::test]
async fn an_admin_adds_changes_and_removes_people_and_no_hash_is_shown() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    let headers = ada.headers(&ground);
    let body = format!(r#"{{"name":"Bob@Example.com","role":"operator","password":"{PASSWORD}"}}"#);
    let added = ground.json("POST", "/api/v1/people", &all(&headers), &body).await;
    assert_eq!((added.status, &added.json()["name"]), (201, &json!("bob@example.com")), "{added:?}");
    assert_eq!(added.json()["created_by"], "ada via console from 127.0.0.1");
    assert_eq!(ground.json("POST", "/api/v1/people", &all(&headers), &body).await.status, 409);
    let weak = body.replace(PASSWORD, "short");
    assert_eq!(ground.json("POST", "/api/v1/people", &all(&headers), &weak).await.status, 422);
    let bob = ground.sign_in("bob%40example.com").await;
    let list = ground.get("/api/v1/people", &[&ada.cookie]).await;
    assert_eq!(list.json().as_array().unwrap().len(), 2);
    assert!(!list.body.contains("argon2") && !list.body.contains(PASSWORD), "{list:?}");

    let path = "/api/v1/people/bob%40example.com";
    let viewer = ground.json("PATCH", path, &all(&headers), r#"{"role":"viewer"}"#).await;
    assert_eq!(viewer.json()["role"], "viewer", "{viewer:?}");
    assert_eq!(ground.get("/api/v1/me", &[&bob.cookie]).await.status, 401, "sessions end with the role");
    for (method, body) in [("DELETE", ""), ("PATCH", r#"{"role":"viewer"}"#)] {
        let own = ground.json(method, "/api/v1/people/ada", &all(&headers), body).await;
        assert_eq!(own.status, 409, "{own:?}");
    }
    assert_eq!(ground.send("DELETE", path, &all(&headers), None).await.status, 204);
    assert_eq!(ground.send("DELETE", path, &all(&headers), None).await.status, 404);
}

#[tokio::test]
async fn a_token_is_shown_once_works_in_its_role_and_is_revoked() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    let headers = ada.headers(&ground);
    let made = ground
        .json("POST", "/api/v1/tokens", &all(&headers), r#"{"name":"ci","role":"operator","for":"90d"}"#)
        .await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let bearer = format!("authorization: Bearer {}", made["secret"].as_str().unwrap());
    assert_eq!(ground.get("/api/v1/me", &[&bearer]).await.json()["role"], "operator");
    let list = ground.get("/api/v1/tokens", &[&ada.cookie]).await;
    assert!(
        !list.body.contains(made["secret"].as_str().unwrap()) && !list.body.contains("digest"),
        "{list:?}"
    );
    assert!(list.json()[0]["last_used"].is_string() && list.json()[0]["expires"].is_string());
    let path = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    assert_eq!(ground.send("DELETE", &path, &all(&headers), None).await.status, 204);
    assert_eq!(ground.get("/api/v1/me", &[&bearer]).await.status, 401);
}

#[tokio::test]
async fn what_becomes_of_people_and_tokens_is_kept_and_shown_to_admins() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    let headers = ada.headers(&ground);
    let bob = format!(r#"{{"name":"bob","role":"operator","password":"{PASSWORD}"}}"#);
    assert_eq!(ground.json("POST", "/api/v1/people", &all(&headers), &bob).await.status, 201);
    assert_eq!(ground.json("POST", "/api/v1/people", &all(&headers), &bob).await.status, 409);
    let both = format!(r#"{{"role":"viewer","password":"{PASSWORD}"}}"#);
    assert_eq!(ground.json("PATCH", "/api/v1/people/bob", &all(&headers), &both).await.status, 200);
    let made = ground.json("POST", "/api/v1/tokens", &all(&headers), r#"{"name":"ci"}"#).await.json();
    let (id, own) = (made["id"].as_str().unwrap(), ground.origin());
    let form = format!("id={id}&csrf={}", ada.csrf);
    assert_eq!(ground.form("/tokens/revoke", &[&ada.cookie, &own], &form).await.status, 303);
    let form = format!("name=bob&csrf={}", ada.csrf);
    assert_eq!(ground.form("/people/remove", &[&ada.cookie, &own], &form).await.status, 303);
    assert_eq!(ground.send("DELETE", "/api/v1/people/eve", &all(&headers), None).await.status, 404);
    let told = ground.get("/api/v1/people-history", &[&ada.cookie]).await;
    let told_json = told.json();
    let sentences: Vec<_> =
        told_json.as_array().unwrap().iter().map(|record| record["sentence"].as_str().unwrap()).collect();
    let ci = |what: &str| format!("token ci ({id}) was {what}");
    let expected = [
        "bob was removed".to_owned(),
        ci("revoked"),
        ci("made as viewer"),
        "bob became viewer with another password".into(),
        "bob was added as operator".into(),
        "ada was added as admin".into(),
    ];
    assert_eq!(sentences, expected);
    assert_eq!(told_json[0]["by"], "ada via console from 127.0.0.1");
    assert!(!told.body.contains("argon2") && !told.body.contains(made["secret"].as_str().unwrap()));
    let page = ground.get("/people", &[&ada.cookie]).await;
    assert!(page.body.contains("bob was removed, by ada via console from 127.0.0.1"), "{page:?}");
    // Page by page, none twice and none left out.
    let first = ground.get("/api/v1/people-history?limit=4", &[&ada.cookie]).await.json();
    let before = first[3]["at"].as_str().unwrap();
    let rest = ground.get(&format!("/api/v1/people-history?before={before}"), &[&ada.cookie]).await.json();
    assert_eq!((first.as_array().unwrap().len(), rest.as_array().unwrap().len()), (4, 2), "{first} {rest}");
    assert_eq!(ground.get("/people/history", &[&ada.cookie]).await.status, 200);
}

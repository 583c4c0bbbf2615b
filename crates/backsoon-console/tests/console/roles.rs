//! Who may do what: every operation of the document, in every role.

use backsoon_console::Role;
use backsoon_console::openapi::document;

use super::ground::{Ground, all};

/// The least role for each operation. One that the document has and this list has not is a failure.
const LEAST: [(&str, &str, Role); 23] = [
    ("get", "/api/v1/state", Role::Viewer),
    ("get", "/api/v1/sites", Role::Viewer),
    ("get", "/api/v1/fleet", Role::Viewer),
    ("get", "/api/v1/receipt", Role::Viewer),
    ("get", "/api/v1/history", Role::Viewer),
    ("get", "/api/v1/events", Role::Viewer),
    ("get", "/api/v1/me", Role::Viewer),
    ("post", "/api/v1/rehearse", Role::Viewer),
    ("post", "/api/v1/windows", Role::Operator),
    ("patch", "/api/v1/windows/{id}", Role::Operator),
    ("delete", "/api/v1/windows/{id}", Role::Operator),
    ("post", "/api/v1/reopen", Role::Operator),
    ("post", "/api/v1/rollback", Role::Admin),
    ("get", "/api/v1/passes", Role::Operator),
    ("post", "/api/v1/passes", Role::Operator),
    ("delete", "/api/v1/passes/{id}", Role::Operator),
    ("get", "/api/v1/people", Role::Admin),
    ("post", "/api/v1/people", Role::Admin),
    ("patch", "/api/v1/people/{name}", Role::Admin),
    ("delete", "/api/v1/people/{name}", Role::Admin),
    ("get", "/api/v1/tokens", Role::Admin),
    ("post", "/api/v1/tokens", Role::Admin),
    ("delete", "/api/v1/tokens/{id}", Role::Admin),
];

#[tokio::test]
async fn nobody_does_more_than_their_role_allows() {
    let ground = Ground::new().await;
    let document: serde_json::Value = serde_json::from_str(&document()).unwrap();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        operations.extend(methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
    }
    assert_eq!(operations.len(), LEAST.len());
    for (method, path) in operations {
        let least = LEAST.iter().find(|(m, p, _)| (*m, *p) == (method.as_str(), path.as_str()));
        let least = least.unwrap_or_else(|| panic!("{method} {path} has no role in this test")).2;
        let (method, path) = (method.to_uppercase(), path.replace(['{', '}'], ""));
        let ask = async |headers: &[&str]| {
            if method == "GET" && path.ends_with("events") && !headers.is_empty() {
                // It never ends; other tests follow it.
                return None;
            }
            Some(ground.json(&method, &path, headers, "{").await.status)
        };
        assert_eq!(ask(&[]).await, Some(401), "{method} {path} as nobody");
        for role in Role::ALL {
            let token = ground.token(role).await;
            let Some(status) = ask(&[&token]).await else { continue };
            let refused = status == 403;
            assert_eq!(refused, role < least, "{method} {path} as {role}: {status}");
            assert_ne!(status, 401, "{method} {path} as {role}");
        }
    }
}

#[tokio::test]
async fn forms_need_the_same_roles() {
    let ground = Ground::new().await;
    ground.user("vera", Role::Viewer).await;
    let vera = ground.sign_in("vera").await;
    let page = ground.get("/", &[&vera.cookie]).await;
    assert!(page.status == 200 && !page.body.contains("href=\"/change?"), "{page:?}");
    for (path, form) in [("/close", "site=*&mode=on"), ("/reopen", "site=*"), ("/end", "id=w-1")] {
        let form = format!("{form}&csrf={}", vera.csrf);
        let answer = ground.form(path, &[&vera.cookie, &ground.origin()], &form).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
        assert!(answer.body.contains("needs the role operator"));
    }
    let anybody = ground.get("/", &[]).await;
    assert_eq!((anybody.status, anybody.headers["location"].as_str()), (303, "/sign-in"));
}

#[tokio::test]
async fn a_session_cannot_make_itself_more() {
    let ground = Ground::new().await;
    ground.user("olga", Role::Operator).await;
    let olga = ground.sign_in("olga").await;
    let headers = olga.headers(&ground);
    let mine = ground.json("PATCH", "/api/v1/people/olga", &all(&headers), r#"{"role":"admin"}"#).await;
    assert_eq!(mine.status, 403);
    let token = ground.json("POST", "/api/v1/tokens", &all(&headers), r#"{"name":"x","role":"admin"}"#).await;
    assert_eq!(token.status, 403);
    // What a client says about itself in fields is nothing.
    let lies = ["x-forwarded-user: root", "x-user: root", "x-role: admin"];
    let answer = ground.get("/api/v1/people", &[&lies[..], &[olga.cookie.as_str()]].concat()).await;
    assert_eq!(answer.status, 403);
}

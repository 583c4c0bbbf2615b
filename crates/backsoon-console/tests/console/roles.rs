//! Who may do what: every operation of the document, in every role.

use backsoon_console::Role;
use backsoon_console::openapi::document;

use super::ground::{Ground, all};

/// The least role for each operation. One that the document has and this list has not is a failure.
const LEAST: [(&str, &str, Role); 33] = [
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
    ("get", "/api/v1/me/sessions", Role::Viewer),
    ("delete", "/api/v1/me/sessions/{id}", Role::Viewer),
    ("get", "/api/v1/people/{name}/sessions", Role::Admin),
    ("delete", "/api/v1/people/{name}/sessions/{id}", Role::Admin),
    ("get", "/api/v1/people-history", Role::Admin),
    ("get", "/api/v1/tokens", Role::Admin),
    ("post", "/api/v1/tokens", Role::Admin),
    ("delete", "/api/v1/tokens/{id}", Role::Admin),
    ("get", "/api/v1/store", Role::Server),
    ("get", "/api/v1/store/{key}", Role::Server),
    ("put", "/api/v1/store/{key}", Role::Server),
    ("delete", "/api/v1/store/{key}", Role::Server),
    ("get", "/api/v1/store-events", Role::Server),
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
        let path = path.replace("{key}", "roster/key").replace(['{', '}'], "");
        let method = method.to_uppercase();
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
    ground.user("olga", Role::Operator).await;
    let olga = ground.sign_in("olga").await;
    let forms = [
        ("/close", "site=*&mode=on", Role::Operator),
        ("/rehearse/close", "site=*&mode=on", Role::Operator),
        ("/reopen", "site=*", Role::Operator),
        ("/rehearse/reopen", "site=*", Role::Operator),
        ("/end", "id=w-1", Role::Operator),
        ("/rehearse/end", "id=w-1", Role::Operator),
        ("/amend", "id=w-1&extend=15m", Role::Operator),
        ("/rehearse/amend", "id=w-1", Role::Operator),
        ("/revoke", "id=p-1", Role::Operator),
        ("/rehearse/revoke", "id=p-1", Role::Operator),
        ("/passes", "bearer=x", Role::Operator),
        ("/rollback", "revision=1", Role::Admin),
        ("/rehearse/rollback", "revision=1", Role::Admin),
        ("/people/add", "name=x&role=admin", Role::Admin),
        ("/people/change", "name=olga&role=admin", Role::Admin),
        ("/people/remove", "name=vera", Role::Admin),
        ("/people/end", "name=olga&id=0123456789ab", Role::Admin),
        ("/tokens/new", "name=x&role=admin", Role::Admin),
        ("/tokens/revoke", "id=0123456789ab", Role::Admin),
    ];
    for (path, form, least) in forms {
        for (who, role) in [(&vera, Role::Viewer), (&olga, Role::Operator)] {
            let without = ground.form(path, &[&who.cookie, &ground.origin()], form).await;
            assert_eq!(without.status, 403, "{path} without the proof: {without:?}");
            if role >= least {
                continue;
            }
            let form = format!("{form}&csrf={}", who.csrf);
            let answer = ground.form(path, &[&who.cookie, &ground.origin()], &form).await;
            assert_eq!(answer.status, 403, "{path}: {answer:?}");
            assert!(answer.body.contains(&format!("needs the role {least}")), "{path}: {answer:?}");
        }
    }
    for path in
        ["/people", "/passes", "/change?site=*", "/window?id=w-1", "/preview?verb=close&site=*&mode=on"]
    {
        let answer = ground.get(path, &[&vera.cookie]).await;
        assert_eq!(answer.status, 403, "{path}: {answer:?}");
    }
    assert_eq!(ground.get("/people", &[&olga.cookie]).await.status, 403);
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

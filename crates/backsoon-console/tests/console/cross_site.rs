//! What other sites' pages can make a browser do: nothing (forgery, rebinding, frames).

use backsoon::Mode;
use backsoon_console::Role;

use super::ground::{Ground, all};

const CLOSE: &str = r#"{"mode":"on"}"#;

#[tokio::test]
async fn a_foreign_page_cannot_close_with_a_borrowed_cookie() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    let proof = format!("x-csrf-token: {}", ada.csrf);
    let own = ground.origin();
    for lie in [
        "origin: http://evil.example",
        "origin: null",
        "origin: ",
        "sec-fetch-site: cross-site",
        "sec-fetch-site: same-site",
        "sec-fetch-site: none",
    ] {
        let answer = ground.json("POST", "/api/v1/windows", &[&ada.cookie, &proof, lie], CLOSE).await;
        assert_eq!(answer.status, 403, "{lie}: {answer:?}");
    }
    let both = [ada.cookie.as_str(), &proof, &own, "sec-fetch-site: cross-site"];
    assert_eq!(ground.json("POST", "/api/v1/windows", &both, CLOSE).await.status, 403);
    let twice = [ada.cookie.as_str(), &proof, &own, "origin: http://evil.example"];
    assert_eq!(ground.json("POST", "/api/v1/windows", &twice, CLOSE).await.status, 403);
    // Who says nothing about where it comes from is no browser, and has no business with a cookie.
    assert_eq!(ground.json("POST", "/api/v1/windows", &[&ada.cookie, &proof], CLOSE).await.status, 403);
    assert_eq!(ground.mode().await, Mode::Off);
    // A browser that tells nobody where it comes from says at least that it is here.
    let shy = [ada.cookie.as_str(), &proof, "origin: null", "sec-fetch-site: same-origin"];
    assert_eq!(ground.json("POST", "/api/v1/reopen", &shy, "{}").await.status, 200);
    let headers = ada.headers(&ground);
    assert_eq!(ground.json("POST", "/api/v1/windows", &all(&headers), CLOSE).await.status, 201);
    assert_eq!(ground.mode().await, Mode::On);
}

#[tokio::test]
async fn a_page_that_cannot_show_its_proof_changes_nothing() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    ground.user("bob", Role::Admin).await;
    let (ada, bob) = (ground.sign_in("ada").await, ground.sign_in("bob").await);
    let own = ground.origin();
    let of_bob = format!("x-csrf-token: {}", bob.csrf);
    for proof in ["x-other: 1", "x-csrf-token: ", "x-csrf-token: 00", of_bob.as_str()] {
        let answer = ground.json("POST", "/api/v1/windows", &[&ada.cookie, &own, proof], CLOSE).await;
        assert_eq!(answer.status, 403, "{proof}: {answer:?}");
    }
    for form in ["site=*&mode=on", "site=*&mode=on&csrf=", &format!("site=*&mode=on&csrf={}", bob.csrf)] {
        let answer = ground.form("/close", &[&ada.cookie, &own], form).await;
        assert_eq!(answer.status, 403, "{form}: {answer:?}");
    }
    assert_eq!(ground.mode().await, Mode::Off);
    let form = format!("site=*&mode=on&csrf={}", ada.csrf);
    assert_eq!(ground.form("/close", &[&ada.cookie, &own], &form).await.status, 303);
    assert_eq!(ground.mode().await, Mode::On);
    let form = format!("site=*&csrf={}", ada.csrf);
    assert_eq!(ground.form("/reopen", &[&ada.cookie, &own], &form).await.status, 303);
    assert_eq!(ground.mode().await, Mode::Off);
}

#[tokio::test]
async fn nobody_is_signed_in_by_another_sites_page() {
    let ground = Ground::new().await;
    ground.user("mallory", Role::Viewer).await;
    let form = format!("name=mallory&password={}", super::ground::PASSWORD.replace(' ', "+"));
    for from in ["origin: http://evil.example", "origin: null", "sec-fetch-site: cross-site", "x-none: 1"] {
        let answer = ground.form("/sign-in", &[from], &form).await;
        assert_eq!((answer.status, answer.headers.get("set-cookie")), (403, None), "{from}: {answer:?}");
        let answer = ground.form("/welcome", &[from], "key=x&name=a&password=b").await;
        assert_eq!(answer.status, 403, "{from}: {answer:?}");
    }
}

#[tokio::test]
async fn nothing_is_changed_by_looking_at_it() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    for path in [
        "/close?site=*&mode=on",
        "/reopen",
        "/end",
        "/sign-out",
        "/api/v1/windows",
        "/api/v1/reopen",
        "/api/v1/rollback",
    ] {
        let answer = ground.get(path, &[&ada.cookie]).await;
        assert_eq!(answer.status, 405, "{path}: {answer:?}");
        assert!(answer.headers["allow"].contains("POST"), "{answer:?}");
    }
    assert_eq!(ground.mode().await, Mode::Off);
}

#[tokio::test]
async fn a_name_that_was_rebound_to_this_address_gets_nothing() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Admin).await;
    let port = ground.address.port();
    for host in
        ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example:80", "[::1", ""]
    {
        let host = format!("host: {host}");
        let answer = ground.get("/api/v1/state", &[&host, &token]).await;
        assert!(matches!(answer.status, 400 | 421), "{host}: {answer:?}");
        let page = ground.get("/sign-in", &[&host]).await;
        assert!(matches!(page.status, 400 | 421) && !page.body.contains("<form"), "{host}: {page:?}");
    }
    for host in [format!("host: localhost:{port}"), "Host: LOCALHOST.".into(), "host: [::1]:1".into()] {
        assert_eq!(ground.get("/api/v1/state", &[&host, &token]).await.status, 200, "{host}");
    }
    let two = ["host: localhost", "host: evil.example", &token];
    assert_eq!(ground.get("/api/v1/state", &two).await.status, 400);
    let none = ground.raw(b"GET /sign-in HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert_eq!(none.status, 400);
    let target = format!(
        "GET http://evil.example/sign-in HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(ground.raw(target.as_bytes()).await.status, 400);
    // Without a trusted proxy its word is nothing.
    let lie = ["host: evil.example", "x-forwarded-host: localhost", &token];
    assert_eq!(ground.get("/api/v1/state", &lie).await.status, 421);
}

#[tokio::test]
async fn every_answer_forbids_frames_scripts_of_others_sniffing_and_keeping() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Viewer).await;
    for path in [
        "/",
        "/sign-in",
        "/nothing",
        "/console.css",
        "/api/v1/state",
        "/api/v1/openapi.json",
        "/welcome?key=x",
    ] {
        for headers in [vec![], vec![token.as_str()], vec!["host: evil.example"]] {
            let answer = ground.get(path, &headers).await;
            let policy = &answer.headers["content-security-policy"];
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
            assert!(!policy.contains("unsafe"));
            for (name, value) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "same-origin"),
                ("cache-control", "no-store"),
            ] {
                assert_eq!(answer.headers[name], value, "{path}");
            }
            assert!(!answer.headers.keys().any(|name| name.starts_with("access-control-")), "{answer:?}");
        }
    }
    let asked = ["origin: http://evil.example", "access-control-request-method: POST"];
    let preflight = ground.send("OPTIONS", "/api/v1/windows", &asked, None).await;
    assert!(
        preflight.status >= 400 && !preflight.headers.contains_key("access-control-allow-origin"),
        "{preflight:?}"
    );
}

#[tokio::test]
async fn what_people_write_is_text_on_the_page() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    let evil = r#"\"><script>alert(1)</script><img src=x onerror=alert(1)>"#;
    let body = format!(r#"{{"mode":"on","message":"{evil}","note":"{evil}"}}"#);
    let headers = ada.headers(&ground);
    assert_eq!(ground.json("POST", "/api/v1/windows", &all(&headers), &body).await.status, 201);
    let page = ground.get("/", &[&ada.cookie]).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(
        page.body.contains("&lt;script&gt;")
            && !page.body.replace("<script src=\"/console.js\" defer>", "").contains("<script")
            && !page.body.contains("<img")
    );
    let lost = ground.get("/end%3Cscript%3E", &[&ada.cookie]).await;
    assert!(lost.status == 404 && !lost.body.contains("<script>"), "{lost:?}");
}

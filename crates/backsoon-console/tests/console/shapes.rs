//! Hostile shapes: whatever is sent, the answer is one of the documented ones, and never 500.

use backsoon_console::Role;
use backsoon_console::people::Secret;

use super::ground::Ground;

#[tokio::test]
async fn cookies_and_tokens_that_are_cut_stretched_or_garbled_are_nobodys() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    let value = ada.cookie.trim_start_matches("cookie: backsoon-console=").to_owned();
    let (short, long) = (&value[..42], format!("{value}A"));
    let huge = "A".repeat(12_000);
    for cookie in [
        short,
        &long,
        &huge,
        "",
        "null",
        "%00",
        &format!("{value}; backsoon-console={value}"),
        &format!("\"{value}\""),
        &Secret::random().reveal().replace('-', "+"),
    ] {
        let cookie = format!("cookie: backsoon-console={cookie}");
        assert_eq!(ground.get("/api/v1/me", &[&cookie]).await.status, 401, "{cookie}");
    }
    let __host = format!("cookie: __Host-backsoon-console={value}");
    assert_eq!(ground.get("/api/v1/me", &[&__host]).await.status, 401, "a cookie of https is none of http");
    assert_eq!(ground.get("/api/v1/me", &[&ada.cookie]).await.status, 200);

    let token = ground.token(Role::Admin).await;
    let text = token.rsplit(' ').next().unwrap();
    for value in [
        "Bearer".to_owned(),
        "Bearer ".into(),
        format!("Basic {text}"),
        format!("Bearer {}", &text[..30]),
        format!("Bearer {text}x"),
        format!("Bearer {huge}"),
        text.to_owned(),
    ] {
        let field = format!("authorization: {value}");
        let answer = ground.get("/api/v1/me", &[&field, &ada.cookie]).await;
        assert_eq!(answer.status, 401, "a wrong token is not made up for by a cookie: {value}");
        assert!(answer.headers["www-authenticate"].starts_with("Bearer"), "{answer:?}");
    }
    let twice = ground.get("/api/v1/me", &[&token, &token]).await;
    assert_eq!(twice.status, 401);
}

#[tokio::test]
async fn a_form_from_before_a_session_that_does_not_come_is_not_waited_for() {
    let ground = Ground::new().await;
    let head = format!("host: {}\r\n{}", ground.address, ground.origin());
    for path in ["/sign-in", "/welcome"] {
        let said = ground
            .raw(format!("POST {path} HTTP/1.1\r\n{head}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 9999\r\n\r\nname=ada").as_bytes())
            .await;
        assert_eq!(said.status, 408, "{said:?}");
        assert!(said.body.contains("5 s"), "{said:?}");
    }
}

#[tokio::test]
async fn fields_that_are_not_text_are_refused_and_not_read() {
    let ground = Ground::new().await;
    let address = ground.address;
    for field in
        ["cookie: backsoon-console=", "authorization: Bearer ", "origin: ", "if-match: ", "x-csrf-token: "]
    {
        let mut bytes = format!("POST /api/v1/windows HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 2\r\n{field}").into_bytes();
        bytes.extend([0xff, 0xfe, 0x80]);
        bytes.extend(b"\r\n\r\n{}");
        let answer = ground.raw(&bytes).await;
        assert!(matches!(answer.status, 400..=403), "{field}: {answer:?}");
    }
    let mut host = b"GET /sign-in HTTP/1.1\r\nconnection: close\r\nhost: ".to_vec();
    host.extend([0xff, 0xfe]);
    host.extend(b"\r\n\r\n");
    assert_eq!(ground.raw(&host).await.status, 400);
}

#[tokio::test]
async fn bodies_that_cannot_be_meant_are_refused_with_the_status_that_says_why() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Admin).await;
    let ask = async |method: &str, path: &str, body: &str| {
        let answer = ground.json(method, path, &[&token], body).await;
        assert!(answer.problem().len() > 3);
        answer.status
    };
    let deep = "[".repeat(10_000);
    let large = format!(r#"{{"mode":"on","note":"{}"}}"#, "a".repeat(70_000));
    let long = format!(r#"{{"mode":"on","note":"{}"}}"#, "a".repeat(3_000));
    for (body, status) in [
        ("", 400),
        ("{", 400),
        (deep.as_str(), 400),
        ("\u{0}", 400),
        ("[]", 422),
        ("null", 422),
        (r#"{"mode":"closed"}"#, 422),
        (r#"{"mode":"off"}"#, 422),
        (r#"{"mode":"on","mode":"on"}"#, 422),
        (r#"{"mode":"on","more":1}"#, 422),
        (r#"{"mode":"on","sites":[]}"#, 422),
        (r#"{"mode":"on","sites":["http://a"]}"#, 422),
        (r#"{"mode":"on","sites":["unknown.example"]}"#, 422),
        (r#"{"mode":"on","for":"-5m"}"#, 422),
        (r#"{"mode":"on","for":"99999999999999999999h"}"#, 422),
        (r#"{"mode":"on","for":1e400}"#, 400),
        (r#"{"mode":"on","start":"9999-99-99T00:00:00Z"}"#, 422),
        (r#"{"mode":"on","start":"1999-01-01T00:00:00Z"}"#, 422),
        (r#"{"mode":"on","start":"2999-01-01T00:00:00Z","end":"2998-01-01T00:00:00Z"}"#, 422),
        (r#"{"mode":"hold","max_held":99999999999}"#, 422),
        (r#"{"mode":"hold","release_per_s":0}"#, 422),
        (r#"{"mode":"on","max_held":5}"#, 422),
        (long.as_str(), 422),
        (large.as_str(), 413),
    ] {
        let shown: String = body.chars().take(60).collect();
        assert_eq!(ask("POST", "/api/v1/windows", body).await, status, "{shown}");
    }
    assert_eq!(ask("POST", "/api/v1/rollback", r#"{"revision":18446744073709551615}"#).await, 404);
    assert_eq!(ask("POST", "/api/v1/rollback", r#"{"revision":18446744073709551616}"#).await, 422);
    assert_eq!(ask("POST", "/api/v1/rollback", r#"{"revision":-1}"#).await, 422);
    assert_eq!(ask("PATCH", "/api/v1/windows/w-nobody", "{}").await, 404);
    assert_eq!(ask("PATCH", "/api/v1/windows/%00", "{}").await, 404);
    assert_eq!(ask("PATCH", "/api/v1/windows/%ff", "{}").await, 400);
    assert_eq!(ask("DELETE", "/api/v1/windows/w-nobody", "").await, 404);
    assert_eq!(ask("DELETE", "/api/v1/tokens/..%2f..%2fstate", "").await, 404);
    assert_eq!(ask("DELETE", "/api/v1/people/..%2f..%2fstate", "").await, 404);
    assert_eq!(ask("GET", "/api/v1/history?before=x", "").await, 400);
    assert_eq!(ask("GET", "/api/v1/history?limit=999", "").await, 400);
    assert_eq!(ask("GET", "/api/v1/receipt?revision=5", "").await, 404);
    assert_eq!(ask("GET", "/api/v1/receipt?site=%20", "").await, 400);
    assert_eq!(ask("GET", "/api/v2/state", "").await, 404);
    assert_eq!(ask("PUT", "/api/v1/state", "").await, 405);
    let plain = ["content-type: text/plain", token.as_str()];
    let answer = ground.send("POST", "/api/v1/windows", &plain, Some(r#"{"mode":"on"}"#)).await;
    assert_eq!(answer.status, 415, "a form of another site cannot be JSON: {answer:?}");
    assert!(ground.control().read().await.unwrap().is_none(), "nothing was written");
}

#[tokio::test]
async fn heads_that_never_end_are_given_up() {
    let ground = Ground::new().await;
    let endless = format!("GET /sign-in HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(100_000));
    let answer = ground.raw(endless.as_bytes()).await;
    assert!(matches!(answer.status, 0 | 431), "{answer:?}");
    // Others are served meanwhile and afterwards.
    let _silent = tokio::net::TcpStream::connect(ground.address).await.unwrap();
    assert_eq!(ground.get("/sign-in", &[]).await.status, 200);
}

#[tokio::test]
async fn who_asks_without_end_is_told_to_wait() {
    let ground = Ground::new().await;
    let mut last = None;
    for _ in 0..600 {
        let answer = ground.get("/nothing", &[]).await;
        if answer.status == 429 {
            last = Some(answer);
            break;
        }
    }
    let answer = last.expect("there is an end");
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn numbers_at_their_ends_are_answered() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Admin).await;
    for _ in 0..2 {
        let closing = r#"{"mode":"on","for":"3660d","cut_after":"3660d"}"#;
        assert!(ground.json("POST", "/api/v1/windows", &[&token], closing).await.status < 300);
    }
    for number in ["0", "1", "18446744073709551615", "-1", "18446744073709551616", "1.5", ""] {
        for path in ["before", "limit"] {
            let answer = ground.get(&format!("/api/v1/history?{path}={number}"), &[&token]).await;
            assert!(matches!(answer.status, 200 | 400), "{path}={number}: {answer:?}");
        }
        let body = format!("{{\"revision\":{number}}}");
        let answer = ground.json("POST", "/api/v1/rollback", &[&token], &body).await;
        assert!(matches!(answer.status, 200 | 400 | 404 | 422), "{number}: {answer:?}");
    }
    let hold = r#"{"mode":"hold","max_wait":"3660d","max_held":4294967295,"release_per_s":4294967295}"#;
    assert!(ground.json("POST", "/api/v1/windows", &[&token], hold).await.status < 300);
    for end in ["-009999-01-02T01:59:59Z", "9999-12-30T22:00:00Z"] {
        let body = format!(r#"{{"mode":"on","start":"{end}","end":"{end}"}}"#);
        assert!(ground.json("POST", "/api/v1/windows", &[&token], &body).await.status < 500);
    }
    assert_eq!(ground.get("/api/v1/state", &[&token]).await.status, 200);
}

//! The screens without a browser: what they do, and what they do not; `tests/browser` looks at them with one.

use backsoon::Mode;
use backsoon_console::Role;

use super::ground::{Ground, all};

#[tokio::test]
async fn a_rehearsal_does_nothing_and_what_was_rehearsed_is_what_is_done() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Operator).await;
    let ada = ground.sign_in("ada").await;
    let (own, csrf) = (ground.origin(), &ada.csrf);
    let form = format!("site=*&mode=on&lasts=30m&message=Back+at+ten&note=disk&csrf={csrf}");
    let shown = ground.form("/rehearse/close", &[&ada.cookie, &own], &form).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    for part in ["Close all sites?", "You would be locked out", "Back at ten", "/preview?verb=close", "503"] {
        assert!(shown.body.contains(part), "{part}: {}", shown.body);
    }
    assert_eq!(ground.mode().await, Mode::Off);
    // Somebody else closes meanwhile: it is shown anew and not done.
    let seen = shown.body.split("name=\"seen\" value=\"").nth(1).unwrap().split("\">").next().unwrap();
    let seen = seen.replace("&quot;", "%22");
    let headers = ada.headers(&ground);
    let other = ground.json("POST", "/api/v1/windows", &all(&headers), r#"{"mode":"read-only"}"#).await;
    assert_eq!(other.status, 201);
    let stale = ground.form("/close", &[&ada.cookie, &own], &format!("{form}&seen={seen}")).await;
    assert_eq!(stale.status, 412, "{stale:?}");
    assert!(stale.body.contains("changed something meanwhile") && stale.body.contains("name=\"seen\""));
    assert_eq!(ground.mode().await, Mode::ReadOnly);
    let done = ground.form("/close", &[&ada.cookie, &own], &form).await;
    assert_eq!((done.status, &*done.headers["location"]), (303, "/receipt?revision=2&done=close"));
    assert_eq!(ground.mode().await, Mode::On);
    let receipt = ground.get(&done.headers["location"], &[&ada.cookie]).await;
    assert!(receipt.status == 200 && receipt.body.contains("gate-1"), "{receipt:?}");
}

#[tokio::test]
async fn the_visitors_page_is_shown_in_a_sandbox_and_only_to_operators() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Operator).await;
    let ada = ground.sign_in("ada").await;
    let path = "/preview?verb=close&site=*&mode=on&message=%3Cscript%3Ealert(1)%3C/script%3E";
    let page = ground.get(path, &[&ada.cookie]).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("&lt;script&gt;alert(1)") && !page.body.contains("<script>alert(1)"));
    let policy = &page.headers["content-security-policy"];
    assert!(policy.contains("frame-ancestors 'self'; sandbox") && policy.contains("default-src 'none'"));
    assert!(!policy.contains("script-src") && !policy.contains("allow-scripts"), "{policy}");
    assert_eq!(page.headers["x-frame-options"], "SAMEORIGIN");
    let nobody = ground.get(path, &[]).await;
    assert_eq!((nobody.status, &*nobody.headers["location"]), (303, "/sign-in"));
    assert_eq!(ground.get("/preview?verb=dance", &[&ada.cookie]).await.status, 404);
    assert_eq!(ground.mode().await, Mode::Off);
}

#[tokio::test]
async fn a_pass_is_listed_without_its_link_and_ends_by_its_name() {
    let ground = Ground::new().await;
    let token = ground.token(Role::Operator).await;
    let body = r#"{"for":"Grace","site":"shop.example.com","expires":"1h","to":"/cart"}"#;
    let made = ground.json("POST", "/api/v1/passes", &[&token], body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let (id, path) = (made["id"].as_str().unwrap(), made["path"].as_str().unwrap());
    assert!(
        path.ends_with("?to=/cart")
            && made["link"].as_str().unwrap().starts_with("https://shop.example.com/")
    );
    let secret = path.split('.').next_back().unwrap().split('?').next().unwrap();
    let list = ground.get("/api/v1/passes", &[&token]).await;
    assert!(list.body.contains("Grace") && !list.body.contains(secret), "{list:?}");
    assert!(!ground.get("/api/v1/history", &[&token]).await.body.contains(secret));
    for body in [
        r#"{"for":" "}"#,
        r#"{"for":"x","to":"https://evil.example/"}"#,
        r#"{"for":"a\nb"}"#,
        r#"{"for":"x","expires":"soon"}"#,
        r#"{"for":"x","site":"a b"}"#,
    ] {
        assert_eq!(ground.json("POST", "/api/v1/passes", &[&token], body).await.status, 422, "{body}");
    }
    let path = format!("/api/v1/passes/{id}");
    let stale = ground.json("DELETE", &path, &[&token, "if-match: \"x-1\""], "").await;
    assert_eq!(stale.status, 412, "{stale:?}");
    assert_eq!(ground.json("DELETE", &path, &[&token], "").await.status, 204);
    assert_eq!(ground.json("DELETE", &path, &[&token], "").await.status, 404);
    assert_eq!(ground.get("/api/v1/passes", &[&token]).await.body, "[]");
}

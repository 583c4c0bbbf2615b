//! Behind a proxy: who it names, and https.

use backsoon::rules::TrustedProxies;
use backsoon_console::{Options, Role};

use super::ground::{Ground, PASSWORD};

fn behind_a_proxy() -> Options {
    Options {
        hosts: vec!["gate.example.com".into()],
        trusted_proxies: TrustedProxies(vec!["127.0.0.1".parse().unwrap()]),
        identity_header: Some(http::HeaderName::from_static("x-forwarded-user")),
        ..Options::default()
    }
}

const HTTPS: [&str; 2] = ["host: gate.example.com", "x-forwarded-proto: https"];

#[tokio::test]
async fn whom_a_trusted_proxy_names_is_in_with_the_role_that_they_have_here() {
    let ground = Ground::with(behind_a_proxy()).await;
    ground.people.add("ada".parse().unwrap(), Role::Operator, None, "the test").await.unwrap();
    let me = async |name: &str| {
        let user = format!("x-forwarded-user: {name}");
        ground.get("/api/v1/me", &[&HTTPS[..], &[user.as_str(), "x-forwarded-for: 10.0.0.7"]].concat()).await
    };
    let ada = me("ada").await.json();
    assert_eq!(
        (ada["role"].as_str(), ada["how"].as_str(), ada["address"].as_str()),
        (Some("operator"), Some("proxy"), Some("10.0.0.7"))
    );
    assert_eq!(me("stranger@example.com").await.json()["role"], "viewer");
    assert_eq!(me("no name").await.status, 401);
    assert_eq!(me("").await.status, 401);
    // The proxy's word alone closes nothing: a page of ours must ask.
    let user = "x-forwarded-user: ada";
    let origin = "origin: https://gate.example.com";
    let blind = [&HTTPS[..], &[user, origin]].concat();
    assert_eq!(ground.json("POST", "/api/v1/windows", &blind, r#"{"mode":"on"}"#).await.status, 403);
    let page = ground.get("/", &blind).await;
    let set = &page.headers["set-cookie"];
    assert!(set.starts_with("__Host-backsoon-console=") && set.ends_with("; Secure"), "{set}");
    let cookie = format!("cookie: {}", set.split(';').next().unwrap());
    let csrf = page.body.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("site=*&mode=on&csrf={csrf}");
    let with = [&blind[..], &[cookie.as_str()]].concat();
    assert_eq!(ground.form("/close", &with, &form).await.status, 303);
    let state = ground.control().read().await.unwrap().unwrap();
    assert_eq!(state.change.by, "ada via console from 127.0.0.1");
    // The session is of nobody else, and of nobody once the proxy says no more.
    for user in ["x-forwarded-user: eve", "x-other: ada"] {
        let with = [&HTTPS[..], &[user, origin, cookie.as_str()]].concat();
        let answer = ground.form("/close", &with, &form).await;
        assert!(matches!(answer.status, 401 | 403), "{user}: {answer:?}");
    }
}

#[tokio::test]
async fn a_stranger_names_nobody_and_has_no_https() {
    let mut options = behind_a_proxy();
    options.trusted_proxies = TrustedProxies(vec!["10.0.0.1".parse().unwrap()]);
    let ground = Ground::with(options).await;
    ground.user("ada", Role::Admin).await;
    let lie = [
        "x-forwarded-user: ada",
        "x-forwarded-for: 10.0.0.1",
        "x-forwarded-proto: https",
        "x-forwarded-host: gate.example.com",
    ];
    assert_eq!(ground.get("/api/v1/me", &lie).await.status, 401);
    let form = format!("name=ada&password={}", PASSWORD.replace(' ', "+"));
    let origin = ground.origin();
    let answer = ground.form("/sign-in", &[&lie[..], &[origin.as_str()]].concat(), &form).await;
    assert!(
        answer.headers["set-cookie"].starts_with("backsoon-console=")
            && !answer.headers["set-cookie"].contains("Secure")
    );
}

#[tokio::test]
async fn a_trusted_proxy_may_say_which_name_was_asked_for() {
    let ground = Ground::with(behind_a_proxy()).await;
    for (told, status) in
        [("gate.example.com", 200), ("evil.example", 421), ("gate.example.com, evil.example", 421)]
    {
        let told = format!("x-forwarded-host: {told}");
        let answer = ground.get("/sign-in", &["host: 10.0.0.9:9180", &told]).await;
        assert_eq!(answer.status, status, "{told}: {answer:?}");
    }
}

#[tokio::test]
async fn with_https_a_page_of_plain_http_is_another_site() {
    let ground = Ground::with(behind_a_proxy()).await;
    ground.user("ada", Role::Admin).await;
    let form = format!("name=ada&password={}", PASSWORD.replace(' ', "+"));
    let plain = [&HTTPS[..], &["origin: http://gate.example.com"]].concat();
    assert_eq!(ground.form("/sign-in", &plain, &form).await.status, 403);
    let secure = [&HTTPS[..], &["origin: https://gate.example.com"]].concat();
    assert_eq!(ground.form("/sign-in", &secure, &form).await.status, 303);
}

#[tokio::test]
async fn whoever_shows_no_cookie_gets_one_session_and_not_one_with_each_page() {
    let ground = Ground::with(behind_a_proxy()).await;
    ground.people.add("ada".parse().unwrap(), Role::Operator, None, "the test").await.unwrap();
    let ask = async |name: &str, from: &str| {
        let (user, from) = (format!("x-forwarded-user: {name}"), format!("x-forwarded-for: {from}"));
        let answer = ground.get("/", &[&HTTPS[..], &[user.as_str(), from.as_str()]].concat()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.headers["set-cookie"].split(';').next().unwrap().to_owned()
    };
    let sessions = async || ground.store.list("sessions/").await.unwrap().len();
    let first = ask("ada", "10.0.0.7").await;
    for _ in 0..5 {
        assert_eq!(ask("ada", "10.0.0.7").await, first);
    }
    assert_eq!(sessions().await, 1);
    assert_ne!(ask("bob", "10.0.0.7").await, first, "it is nobody else's");
    assert_ne!(ask("ada", "10.0.0.8").await, first);
    assert_eq!(sessions().await, 3);
    // What has ended stays so.
    ground.people.change(&"ada".parse().unwrap(), Some(Role::Viewer), None, "the test").await.unwrap();
    assert_ne!(ask("ada", "10.0.0.7").await, first);
}

#[tokio::test]
async fn while_the_store_is_away_a_session_is_worth_nothing_without_the_proxys_word() {
    let store = std::sync::Arc::new(super::away::Fragile::default());
    let ground = Ground::over(store.clone(), behind_a_proxy()).await;
    // So that this server has something in force.
    ground.control().begin(&backsoon::Host::any(), backsoon::Window::new(backsoon::Mode::On)).await.unwrap();
    let named = "x-forwarded-user: ada";
    let page = ground.get("/", &[&HTTPS[..], &[named]].concat()).await;
    let cookie = format!("cookie: {}", page.headers["set-cookie"].split(';').next().unwrap());
    let me = async |more: &[&str]| ground.get("/api/v1/me", &[&HTTPS[..], &[&cookie], more].concat()).await;
    assert_eq!(me(&[named]).await.status, 200);
    store.go(true);
    assert_eq!(me(&[named]).await.json()["role"], "viewer");
    for lie in [&[][..], &["x-forwarded-user: eve"], &["x-forwarded-user: "]] {
        let answer = me(lie).await;
        assert!(answer.status == 503, "{lie:?}: {answer:?}");
    }
    store.go(false);
    assert_eq!(me(&[named]).await.status, 200);
}

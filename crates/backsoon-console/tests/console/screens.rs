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

#[tokio::test]
async fn the_first_page_finds_sites_by_their_host_and_shows_all_of_them_page_by_page() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Operator).await;
    let ada = ground.sign_in("ada").await;
    let few = ground.get("/", &[&ada.cookie]).await;
    assert!(!few.body.contains("role=\"search\"") && !few.body.contains("Page 1"), "{few:?}");
    let sites: Vec<backsoon::Host> =
        (0..120).map(|n| format!("shop{n}.example.com").parse().unwrap()).collect();
    let control = ground.control();
    let made = control.update("many sites", |state| {
        for host in &sites {
            state.site_mut(host);
        }
        Ok::<_, String>(())
    });
    made.await.unwrap();
    // It would stand on the last page.
    let closing = backsoon::Window::new(Mode::On);
    ground.control().begin(&"shop99.example.com".parse().unwrap(), closing).await.unwrap();
    let hosts = |body: &str| -> Vec<String> {
        let heads = body.split("<h3 id=\"site-").skip(1);
        heads.map(|head| head.split(['>', '<']).nth(1).unwrap().to_owned()).collect()
    };
    let mut seen = Vec::new();
    for page in 1..=3 {
        let shown = ground.get(&format!("/?page={page}"), &[&ada.cookie]).await;
        assert!(shown.body.contains(&format!("Page {page} of 3")), "{shown:?}");
        assert!(shown.body.contains("<h1>shop99.example.com is closed</h1>"), "{shown:?}");
        seen.extend(hosts(&shown.body));
    }
    assert_eq!(&seen[..2], ["All sites (*)", "shop99.example.com"]);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 121);
    let found = ground.get("/?host=SHOP11", &[&ada.cookie]).await;
    assert!(hosts(&found.body).len() == 11 && found.body.contains("11 of 121 with “shop11”"), "{found:?}");
    assert!(!found.body.contains("Page 1"), "{found:?}");
    let all_of_them = ground.get("/?host=.example&page=2", &[&ada.cookie]).await;
    assert!(all_of_them.body.contains("host=.example&amp;page=3\""), "{all_of_them:?}");
    let none = ground.get("/?host=%22%3E%3Cb%3E", &[&ada.cookie]).await;
    assert!(hosts(&none.body).is_empty() && !none.body.contains("<b>"), "{none:?}");
    assert!(ground.get("/?page=99", &[&ada.cookie]).await.body.contains("Page 3 of 3"));
    assert_eq!(ground.get("/?page=0&host=", &[&ada.cookie]).await.status, 200);
    assert_eq!(ground.get("/?page=x", &[&ada.cookie]).await.status, 400);
}

fn hidden(body: &str, name: &str) -> String {
    let value = body.split(&format!("name=\"{name}\" value=\"")).nth(1);
    value.unwrap_or_else(|| panic!("no {name}: {body}")).split("\">").next().unwrap().replace("&quot;", "\"")
}

#[tokio::test]
async fn the_window_that_is_rehearsed_is_the_one_that_is_written_with_all_its_limits() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Operator).await;
    let ada = ground.sign_in("ada").await;
    let (own, csrf) = (ground.origin(), &ada.csrf);
    let form = format!("site=*&mode=hold&max_wait=5s&max_held=7&release_per_s=3&csrf={csrf}");
    let shown = ground.form("/rehearse/close", &[&ada.cookie, &own], &form).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let called = hidden(&shown.body, "called");
    assert!(shown.body.contains(&format!("on hold until it is ended, by window {called}")), "{shown:?}");
    assert_eq!(hidden(&shown.body, "max_held"), "7");
    let form = format!("{form}&called={called}");
    assert_eq!(ground.form("/close", &[&ada.cookie, &own], &form).await.status, 303);
    let state = ground.control().read().await.unwrap().unwrap();
    let [window] = &state.default.windows[..] else { panic!("{state:?}") };
    assert_eq!((window.id.as_str(), window.hold.max_held), (called.as_str(), 7));
    assert_eq!(window.hold.release_per_s.map(std::num::NonZeroU32::get), Some(3));
    // A name that is taken is taken by nobody else.
    let other = format!("site=*&mode=on&called={called}&csrf={csrf}");
    assert_eq!(ground.form("/close", &[&ada.cookie, &own], &other).await.status, 303);
    let state = ground.control().read().await.unwrap().unwrap();
    let mut ids: Vec<_> = state.default.windows.iter().map(|window| window.id.to_string()).collect();
    ids.dedup();
    assert!(ids.len() == 2 && ids[0] == called, "{ids:?}");
    for wrong in ["max_held=many", "release_per_s=0", "release_per_s=-1", "called=a+b"] {
        let form = format!("site=*&mode=hold&{wrong}&csrf={csrf}");
        let answer = ground.form("/rehearse/close", &[&ada.cookie, &own], &form).await;
        assert!(matches!(answer.status, 404 | 422), "{wrong}: {answer:?}");
    }
}

#[tokio::test]
async fn a_reopening_ends_what_is_scheduled_if_it_is_asked_to() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Operator).await;
    let ada = ground.sign_in("ada").await;
    let (own, csrf) = (ground.origin(), &ada.csrf);
    let headers = ada.headers(&ground);
    for body in [r#"{"mode":"on"}"#, r#"{"mode":"on","start":"2999-01-01T00:00:00Z"}"#] {
        assert_eq!(ground.json("POST", "/api/v1/windows", &all(&headers), body).await.status, 201);
    }
    let page = ground.get("/", &[&ada.cookie]).await;
    assert!(page.body.contains("Also end what is scheduled"), "{page:?}");
    let form = format!("site=*&csrf={csrf}");
    let stays = ground.form("/rehearse/reopen", &[&ada.cookie, &own], &form).await;
    assert!(stays.status == 200 && stays.body.matches(" ended</li>").count() == 1, "{stays:?}");
    let form = format!("{form}&scheduled=yes");
    let ends = ground.form("/rehearse/reopen", &[&ada.cookie, &own], &form).await;
    assert!(
        ends.body.contains("and end what is scheduled there") && hidden(&ends.body, "scheduled") == "yes"
    );
    assert_eq!(ends.body.matches(" ended</li>").count(), 2, "{ends:?}");
    let done = ground.form("/reopen", &[&ada.cookie, &own], &form).await;
    assert_eq!(done.status, 303, "{done:?}");
    let state = ground.control().read().await.unwrap().unwrap();
    assert!(state.default.windows.is_empty(), "{state:?}");
}

#[tokio::test]
async fn an_address_is_tried_that_is_named_and_a_tunnels_is_doubted() {
    let mut options = backsoon_console::Options::default();
    let office = serde_json::json!([{"name": "office", "then": "open", "when": {"network": "192.0.2.0/24"}}]);
    options.local.rules = serde_json::from_value::<Vec<backsoon::Rule>>(office).unwrap().into();
    let ground = Ground::with(options).await;
    ground.user("ada", Role::Operator).await;
    let ada = ground.sign_in("ada").await;
    let (own, csrf) = (ground.origin(), &ada.csrf);
    let form = ground.get("/change?site=*", &[&ada.cookie]).await.body;
    assert!(form.contains("name=\"from\"") && form.contains("tunnel's and perhaps not yours"), "{form}");
    let rehearsed = async |from: &str| {
        let form = format!("site=*&mode=on&from={from}&csrf={csrf}");
        ground.form("/rehearse/close", &[&ada.cookie, &own], &form).await
    };
    let through_a_tunnel = rehearsed("").await.body;
    for part in ["You would be locked out", "127.0.0.1 is the tunnel&#x27;s address", "Passes, users and"] {
        let plain = part.replace("&#x27;", "'");
        assert!(
            through_a_tunnel.contains(part) || through_a_tunnel.contains(&plain),
            "{part}: {through_a_tunnel}"
        );
    }
    assert!(through_a_tunnel.contains("by the rules of this server: office"), "{through_a_tunnel}");
    let office = rehearsed("+192.0.2.7").await.body;
    assert!(office.contains("would not be locked out: from 192.0.2.7"), "{office}");
    assert!(!office.contains("tunnel"), "{office}");
    let wrong = rehearsed("my+desk").await;
    assert!(wrong.status == 422 && wrong.body.contains("is no address"), "{wrong:?}");
    // It is only tried, and never in the way of the closing.
    let done = format!("site=*&mode=on&from=192.0.2.7&csrf={csrf}");
    assert_eq!(ground.form("/close", &[&ada.cookie, &own], &done).await.status, 303);
}

#[tokio::test]
async fn the_end_of_a_window_is_taken_away() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Operator).await;
    let ada = ground.sign_in("ada").await;
    let (own, csrf) = (ground.origin(), &ada.csrf);
    let headers = ada.headers(&ground);
    let made = ground.json("POST", "/api/v1/windows", &all(&headers), r#"{"mode":"on","for":"1h"}"#).await;
    let id = made.json()["windows"][0]["id"].as_str().unwrap().to_owned();
    let page = ground.get(&format!("/window?id={id}"), &[&ada.cookie]).await.body;
    assert!(page.contains("name=\"until\" value=\"reopened\""), "{page}");
    let form = format!("id={id}&ends=&zone=UTC&csrf={csrf}");
    let unsaid = ground.form("/rehearse/amend", &[&ada.cookie, &own], &format!("{form}&until=moment")).await;
    assert!(unsaid.status == 422 && unsaid.body.contains("say until when"), "{unsaid:?}");
    let form = format!("{form}&until=reopened");
    let shown = ground.form("/rehearse/amend", &[&ada.cookie, &own], &form).await;
    assert!(
        shown.status == 200 && shown.body.contains("now until it is ended instead of until "),
        "{shown:?}"
    );
    assert_eq!(hidden(&shown.body, "until"), "reopened");
    assert_eq!(ground.form("/amend", &[&ada.cookie, &own], &form).await.status, 303);
    let state = ground.control().read().await.unwrap().unwrap();
    assert_eq!(state.default.windows[0].end, None);
}

#[tokio::test]
async fn a_host_that_no_server_has_seen_is_closed_only_by_who_says_so() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Operator).await;
    let ada = ground.sign_in("ada").await;
    let page = async |site: &str| ground.get(&format!("/change?site={site}"), &[&ada.cookie]).await.body;
    let unknown = page("shpo.example").await;
    assert!(unknown.contains("No server has seen this host yet. Close it all the same"), "{unknown}");
    assert!(unknown.contains("check the spelling: shpo.example"), "{unknown}");
    let mut options = backsoon::join::Options::default();
    (options.name, options.serves) = (Some("web-1".into()), vec!["shop.example".parse().unwrap()]);
    let _web = backsoon::Instance::join(std::sync::Arc::clone(&ground.store), options).await;
    assert!(!page("shop.example").await.contains("No server has seen"));
    assert!(!page("*").await.contains("No server has seen"));
}

#[tokio::test]
async fn what_runs_now_is_told_beside_the_most_of_the_hour_and_nothing_is_drawn_of_nothing() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Viewer).await;
    let ada = ground.sign_in("ada").await;
    let page = ground.get("/", &[&ada.cookie]).await.body;
    assert!(page.contains("Nothing ran, nothing waited, nothing was refused."), "{page}");
    assert!(!page.contains("minute by minute:"), "{page}");
    let request = backsoon::Request::new("GET", "shop.example", "/", &backsoon::request::NO_HEADERS);
    let running = ground.instance.admit(&request).await;
    assert!(matches!(running, backsoon::Admission::Admitted(..)));
    let told = async |words: &str| {
        let begun = std::time::Instant::now();
        while !ground.get("/", &[&ada.cookie]).await.body.contains(words) {
            assert!(begun.elapsed() < super::ground::PATIENCE, "not in time: {words}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    told("<strong>Run</strong> 1 now, at most 1 at once").await;
    // Until the figures have been looked at, which happens every few seconds.
    told("y=\"0\" width=\"8\"").await;
    drop(running);
    told("<strong>Run</strong> 0 now, at most 1 at once").await;
}

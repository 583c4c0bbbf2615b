//! Sessions as their owners and admins see them, and end them one by one.

use backsoon_console::Role;

use super::ground::{Browser, Ground, PASSWORD, all};

const FIREFOX: &str = "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

async fn with_firefox(ground: &Ground, name: &str) -> Browser {
    let form = format!("name={name}&password={}", PASSWORD.replace(' ', "+"));
    let answer = ground.form("/sign-in", &[&ground.origin(), FIREFOX], &form).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    ground.browser(&answer).await
}

#[tokio::test]
async fn people_see_their_own_sessions_and_end_one_of_them() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Viewer).await;
    ground.user("bob", Role::Viewer).await;
    let (here, there) = (ground.sign_in("ada").await, with_firefox(&ground, "ada").await);
    let bob = ground.sign_in("bob").await;
    let list = ground.get("/api/v1/me/sessions", &[&here.cookie]).await.json();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 2, "{list:?}");
    let other = list.iter().find(|session| session["is_this"] == false).unwrap();
    assert_eq!(other["browser_in_words"], "Firefox on Linux");
    assert!(other["from"] == "127.0.0.1" && other["browser"].as_str().unwrap().ends_with("Firefox/140.0"));
    let secret = there.cookie.split('=').nth(1).unwrap();
    assert!(!format!("{list:?}").contains(secret));
    let page = ground.get("/you", &[&here.cookie]).await;
    assert!(page.body.contains("Firefox on Linux, from 127.0.0.1") && page.body.contains("(this one)"));
    let id = other["id"].as_str().unwrap();
    let form = format!("id={id}&csrf={}", bob.csrf);
    let not_his = ground.form("/you/end", &[&bob.cookie, &ground.origin()], &form).await;
    assert_eq!(not_his.status, 404, "{not_his:?}");
    let blind = ground.form("/you/end", &[&here.cookie, &ground.origin()], &format!("id={id}")).await;
    assert_eq!(blind.status, 403, "{blind:?}");
    assert_eq!(ground.get("/api/v1/me", &[&there.cookie]).await.status, 200);
    let form = format!("id={id}&csrf={}", here.csrf);
    let done = ground.form("/you/end", &[&here.cookie, &ground.origin()], &form).await;
    assert_eq!((done.status, &*done.headers["location"]), (303, "/you"));
    assert_eq!(ground.get("/api/v1/me", &[&there.cookie]).await.status, 401);
    // One's own is signing out.
    let list = ground.get("/api/v1/me/sessions", &[&here.cookie]).await.json();
    let form = format!("id={}&csrf={}", list[0]["id"].as_str().unwrap(), here.csrf);
    let out = ground.form("/you/end", &[&here.cookie, &ground.origin()], &form).await;
    assert_eq!((out.status, &*out.headers["location"]), (303, "/sign-in"), "{out:?}");
    assert_eq!(ground.get("/api/v1/me", &[&here.cookie]).await.status, 401);
}

#[tokio::test]
async fn an_admin_ends_one_of_somebodys_sessions_and_a_token_has_none() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    ground.user("bob", Role::Operator).await;
    let (ada, kept) = (ground.sign_in("ada").await, ground.sign_in("bob").await);
    let ended = with_firefox(&ground, "bob").await;
    let page = ground.get("/people", &[&ada.cookie]).await;
    assert!(page.body.contains("Sessions of bob (2)") && page.body.contains("Firefox on Linux"), "{page:?}");
    let list = ground.get("/api/v1/people/bob/sessions", &[&ada.cookie]).await.json();
    let one = list.as_array().unwrap().iter().find(|one| one["browser"].is_string()).unwrap().clone();
    let path = format!("/api/v1/people/bob/sessions/{}", one["id"].as_str().unwrap());
    let headers = ada.headers(&ground);
    let other = path.replace("/bob/", "/ada/");
    assert_eq!(ground.send("DELETE", &other, &all(&headers), None).await.status, 404);
    assert_eq!(ground.send("DELETE", &path, &all(&headers), None).await.status, 204);
    assert_eq!(ground.send("DELETE", &path, &all(&headers), None).await.status, 404);
    assert_eq!(ground.get("/api/v1/me", &[&ended.cookie]).await.status, 401);
    assert_eq!(ground.get("/api/v1/me", &[&kept.cookie]).await.status, 200);
    let id = ground.get("/api/v1/people/bob/sessions", &[&ada.cookie]).await.json()[0]["id"].clone();
    let form = format!("name=bob&id={}&csrf={}", id.as_str().unwrap(), ada.csrf);
    let done = ground.form("/people/end", &[&ada.cookie, &ground.origin()], &form).await;
    assert_eq!(done.status, 303, "{done:?}");
    assert_eq!(ground.get("/api/v1/me", &[&kept.cookie]).await.status, 401);
    // A token may be called as somebody is, and is not them.
    let (_, secret) = ground.tokens.issue("ada", Role::Viewer, None, "the test").await.unwrap();
    let token = format!("authorization: Bearer {secret}");
    assert_eq!(ground.get("/api/v1/me/sessions", &[&token]).await.status, 404);
    let you = ground.get("/you", &[&token]).await;
    assert!(you.status == 200 && you.body.contains("None that is known here"), "{you:?}");
}

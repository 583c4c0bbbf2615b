//! Signing in: the first link, sessions, brute force.

use std::time::Duration;

use backsoon_console::people::Secret;
use backsoon_console::{Options, Role};

use super::ground::{Ground, PASSWORD, all};

#[tokio::test]
async fn the_first_link_makes_one_admin_and_looking_at_it_uses_nothing_up() {
    let ground = Ground::new().await;
    let secret = ground.people.first_link().await.unwrap();
    let key = secret.reveal();
    let path = format!("/welcome?key={key}");
    for _ in 0..3 {
        let form = ground.get(&path, &[]).await;
        assert_eq!(form.status, 200, "{form:?}");
        assert!(form.body.contains(key));
    }
    let origin = ground.origin();
    let weak = ground.form("/welcome", &[&origin], &format!("key={key}&name=ada&password=short")).await;
    assert_eq!(weak.status, 422);
    assert!(weak.body.contains("fewer than 12 characters") && !weak.body.contains("short\""), "{weak:?}");
    let typed = format!("key={key}&name=Ada&password={}", PASSWORD.replace(' ', "+"));
    let done = ground.form("/welcome", &[&origin], &typed).await;
    assert_eq!((done.status, done.headers["location"].as_str()), (303, "/"), "{done:?}");
    let browser = ground.browser(&done).await;
    let me = ground.get("/api/v1/me", &[&browser.cookie]).await.json();
    assert_eq!((me["name"].as_str(), me["role"].as_str()), (Some("ada"), Some("admin")));
    let again = ground.form("/welcome", &[&origin], &typed.replace("Ada", "eve")).await;
    assert_eq!(again.status, 410, "{again:?}");
    assert_eq!(ground.get(&path, &[]).await.status, 410);
    assert!(ground.people.first_link().await.unwrap_err().to_string().contains("users already"));
    assert_eq!(ground.people.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_links_one_makes_an_admin_and_a_guess_makes_none() {
    let ground = Ground::new().await;
    let links = [ground.people.first_link().await.unwrap(), ground.people.first_link().await.unwrap()];
    let guess = Secret::random();
    assert_eq!(ground.get(&format!("/welcome?key={}", guess.reveal()), &[]).await.status, 410);
    let origin = ground.origin();
    let [first, second] = ["ada", "bob"];
    let typed = |secret: &Secret, name: &str| {
        format!("key={}&name={name}&password={}", secret.reveal(), PASSWORD.replace(' ', "+"))
    };
    let from = [origin.as_str()];
    let (a, b) = (typed(&links[0], first), typed(&links[1], second));
    let both = tokio::join!(ground.form("/welcome", &from, &a), ground.form("/welcome", &from, &b));
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 410]);
    assert_eq!(ground.people.list().await.unwrap().len(), 1);
}

/// Whoever has a link may be as quick as they like: somebody is making the first admin, or has.
#[tokio::test]
async fn of_many_links_that_are_made_and_used_at_the_same_time_one_makes_an_admin() {
    let ground = Ground::new().await;
    let people = &ground.people;
    let tries = (0..6).map(|n| async move {
        let mut made = 0;
        while let Ok(link) = people.first_link().await {
            let name = format!("admin{n}").parse().unwrap();
            let used = people.use_link(&link, name, PASSWORD.into(), [127, 0, 0, 1].into()).await;
            made += usize::from(used.is_ok());
            tokio::task::yield_now().await;
        }
        made
    });
    let made = futures_util::future::join_all(tries).await;
    assert_eq!(made.iter().sum::<usize>(), 1, "{made:?}");
    assert_eq!(people.list().await.unwrap().len(), 1);
    let told = people.history().page(None, 10).await.unwrap();
    assert!(told.len() == 1 && told[0].by == "the first link from 127.0.0.1", "{told:?}");
}

#[tokio::test]
async fn a_session_is_new_with_every_sign_in_and_can_be_ended_here_and_everywhere() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let first = ground.sign_in("ada").await;
    // Somebody plants a cookie and waits for the owner to sign in with it.
    let form = format!("name=ada&password={}", PASSWORD.replace(' ', "+"));
    let planted = ground.form("/sign-in", &[&ground.origin(), &first.cookie], &form).await;
    let second = ground.browser(&planted).await;
    assert_ne!(first.cookie, second.cookie);
    assert_eq!(
        ground.get("/api/v1/me", &[&first.cookie]).await.status,
        401,
        "the planted one is worth nothing"
    );
    let cookie = &planted.headers["set-cookie"];
    assert!(
        cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict") && cookie.contains("; Path=/")
    );

    let third = ground.sign_in("ada").await;
    let proof = format!("csrf={}", second.csrf);
    let out = ground.form("/sign-out", &[&ground.origin(), &second.cookie], &proof).await;
    assert!(out.headers["set-cookie"].contains("Max-Age=0"), "{out:?}");
    assert_eq!(ground.get("/api/v1/me", &[&second.cookie]).await.status, 401);
    assert_eq!(ground.get("/api/v1/me", &[&third.cookie]).await.status, 200);
    let fourth = ground.sign_in("ada").await;
    let proof = format!("csrf={}", fourth.csrf);
    ground.form("/sign-out-everywhere", &[&ground.origin(), &fourth.cookie], &proof).await;
    for gone in [&third, &fourth] {
        assert_eq!(ground.get("/api/v1/me", &[&gone.cookie]).await.status, 401);
    }
}

#[tokio::test]
async fn a_session_ends_with_its_user_their_role_and_its_time() {
    let options = Options { idle: Duration::from_millis(700), ..Options::default() };
    let ground = Ground::with(options).await;
    ground.user("ada", Role::Operator).await;
    ground.user("bob", Role::Operator).await;
    let (ada, bob) = (ground.sign_in("ada").await, ground.sign_in("bob").await);
    ground.people.change(&"ada".parse().unwrap(), Some(Role::Viewer), None, "the test").await.unwrap();
    assert_eq!(ground.get("/api/v1/me", &[&ada.cookie]).await.status, 401, "rotated at a change of the role");
    ground.people.remove(&"bob".parse().unwrap(), "the test").await.unwrap();
    assert_eq!(ground.get("/api/v1/me", &[&bob.cookie]).await.status, 401);
    let idle = ground.sign_in("ada").await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(ground.get("/api/v1/me", &[&idle.cookie]).await.status, 401);
}

#[tokio::test]
async fn guessing_is_stopped_per_address_and_says_nothing_about_names() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let wrong = ground.try_sign_in("ada", "not her password").await;
    let nobody = ground.try_sign_in("nobody", "not her password").await;
    assert_eq!((wrong.status, nobody.status), (401, 401));
    assert_eq!(wrong.body, nobody.body);
    assert!(!wrong.headers.contains_key("set-cookie"));
    let mut stopped = None;
    for _ in 0..12 {
        let answer = ground.try_sign_in("ada", "not her password").await;
        if answer.status == 429 {
            stopped = Some(answer);
            break;
        }
    }
    let stopped = stopped.expect("guessing is stopped");
    assert!(stopped.headers["retry-after"].parse::<u64>().unwrap() >= 1);
    let right = ground.try_sign_in("ada", PASSWORD).await;
    assert_eq!(right.status, 429, "whoever guesses learns nothing more");
}

#[tokio::test]
async fn guessing_under_one_name_is_stopped_from_many_addresses() {
    let proxy = Options {
        trusted_proxies: backsoon::rules::TrustedProxies(vec!["127.0.0.1".parse().unwrap()]),
        ..Options::default()
    };
    let ground = Ground::with(proxy).await;
    ground.user("ada", Role::Admin).await;
    let mut statuses = Vec::new();
    for last in 1..=24 {
        let from = format!("x-forwarded-for: 192.0.2.{last}");
        let answer =
            ground.form("/sign-in", &[&ground.origin(), &from], "name=ada&password=wrong+wrong+wrong").await;
        statuses.push(answer.status);
    }
    // One comes back in half a minute, and this may take that long on a busy machine.
    let tried = statuses.iter().filter(|status| **status == 401).count();
    assert!((20..=22).contains(&tried) && statuses.contains(&429), "{statuses:?}");
    let other = ["x-forwarded-for: 192.0.2.99", &ground.origin()].map(str::to_owned);
    ground.user("bob", Role::Viewer).await;
    let form = format!("name=bob&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(ground.form("/sign-in", &all(&other), &form).await.status, 303, "others still sign in");
}

#[tokio::test]
async fn wrong_tokens_are_counted_too() {
    let ground = Ground::new().await;
    let wrong = format!("authorization: Bearer bst_0123456789ab_{}", Secret::random().reveal());
    let mut statuses = Vec::new();
    for _ in 0..14 {
        statuses.push(ground.get("/api/v1/state", &[&wrong]).await.status);
    }
    assert_eq!((statuses[0], statuses[13]), (401, 429), "{statuses:?}");
}

/// A server whose token has expired asks all day, and may have the operators' address.
#[tokio::test]
async fn wrong_tokens_shut_nobody_out_of_signing_in() {
    let ground = Ground::new().await;
    let link = ground.people.first_link().await.unwrap();
    let wrong = format!("authorization: Bearer bst_0123456789ab_{}", Secret::random().reveal());
    let mut last = 0;
    for _ in 0..14 {
        last = ground.get("/api/v1/store/state", &[&wrong]).await.status;
    }
    assert_eq!(last, 429);
    assert_eq!(ground.get(&format!("/welcome?key={}", link.reveal()), &[]).await.status, 200);
    ground.user("ada", Role::Operator).await;
    ground.sign_in("ada").await;
    let right = ground.token(Role::Viewer).await;
    assert_eq!(ground.get("/api/v1/state", &[&right]).await.status, 200, "nor any other token");
}

/// A browser keeps its cookies by host and not by port: on one machine the gate's replace the console's of the same name.
#[tokio::test]
async fn the_cookie_of_a_pass_does_not_sign_anybody_out() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    let name = ada.cookie.trim_start_matches("cookie: ").split('=').next().unwrap();
    assert!(![backsoon::pass::COOKIE, backsoon::pass::COOKIE_ON_HTTPS].contains(&name), "{name}");
    let both = format!("{}; {}=1.k.p.1.00", ada.cookie, backsoon::pass::COOKIE);
    assert_eq!(ground.get("/api/v1/me", &[&both]).await.status, 200);
}

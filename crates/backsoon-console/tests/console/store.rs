//! The store itself by the API: the contract of stores, and what no token may do.

use std::sync::Arc;

use backsoon::document::{Change, Host, Mode, Window};
use backsoon::store::{Error, HttpStore, PutMode, Store, Version};
use backsoon::{Control, State, control};
use backsoon_console::{Options, Role};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::ground::{Ground, PATIENCE};

// === impl Ground ===

impl Ground {
    /// The secret of a new token.
    async fn secret(&self, role: Role) -> String {
        self.tokens.issue("test", role, None, "the test").await.unwrap().1
    }

    /// The store as somebody with a token of this role has it.
    async fn by_token(&self, role: Role) -> HttpStore {
        self.with_token(&self.secret(role).await)
    }

    fn with_token(&self, secret: &str) -> HttpStore {
        HttpStore::new(&format!("http://token:{secret}@{}", self.address)).unwrap()
    }

    async fn operator(&self) -> Control {
        Control::new(Arc::new(self.by_token(Role::Operator).await), "ann@vm by the command line")
    }
}

/// What the gate says to somebody whom it refuses.
fn said<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    let error = answer.unwrap_err();
    assert!(matches!(error, Error::Away { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_of_stores_over_memory() {
    let ground = Ground::new().await;
    let store = ground.by_token(Role::Operator).await;
    backsoon::testing::store::conformance(async || Arc::new(store.clone()) as Arc<dyn Store>).await;
    assert!(ground.store.list("conformance/").await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_keeps_the_contract_of_stores_over_files() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let ground = Ground::over(backsoon::store::open(&url).await.unwrap(), Options::default()).await;
    let secret = ground.secret(Role::Operator).await;
    backsoon::testing::store::conformance(async || Arc::new(ground.with_token(&secret)) as Arc<dyn Store>)
        .await;
}

#[tokio::test]
async fn an_operator_closes_and_reopens_and_every_change_is_signed_with_the_token() {
    let ground = Ground::new().await;
    let operator = ground.operator().await;
    operator.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    let state = ground.control().read().await.unwrap().unwrap();
    assert!(state.change.by.starts_with("ann@vm by the command line, token test ("), "{}", state.change.by);
    assert_eq!(ground.mode().await, Mode::On);
    let id = state.default.windows[0].id.clone();
    operator.end(&id).await.unwrap();
    assert_eq!(ground.mode().await, Mode::Off);
    let history = operator.history().await.unwrap();
    assert_eq!(history.iter().map(|state| state.revision).collect::<Vec<_>>(), [1, 2]);
    operator.rollback(1).await.unwrap();
    assert_eq!(ground.mode().await, Mode::On);
}

#[tokio::test]
async fn damage_is_set_aside_and_the_last_state_comes_back_through_the_api() {
    let ground = Ground::new().await;
    let operator = ground.operator().await;
    operator.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    operator.begin(&"a.example".parse().unwrap(), Window::new(Mode::Hold)).await.unwrap();
    ground.store.put("state", "rubbish".into(), PutMode::Overwrite).await.unwrap();
    operator.begin(&"b.example".parse().unwrap(), Window::new(Mode::On)).await.unwrap();
    let state = ground.control().read().await.unwrap().unwrap();
    assert!(state.default.windows.len() == 1 && state.revision > 2, "{state:?}");
    assert_eq!(ground.store.list("damaged/").await.unwrap()[0].value, "rubbish");
}

#[tokio::test]
async fn a_server_follows_and_reports_and_cannot_change_the_state() {
    let ground = Ground::new().await;
    ground.operator().await.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    let server = ground.by_token(Role::Server).await;
    let there = server.get("state").await.unwrap().unwrap();
    assert_eq!(there.value, ground.store.get("state").await.unwrap().unwrap().value);
    server.put("roster/web-9", "{}".into(), PutMode::Overwrite).await.unwrap();
    server.delete("roster/web-9").await.unwrap();
    let name = format!("history/{}/{:020}", "l-1", 1);
    let way_out = "`backsoon token new --role operator` makes one that does";
    for mode in [PutMode::Overwrite, PutMode::Create, PutMode::Update(there.version.clone())] {
        assert!(said(server.put("state", there.value.clone(), mode.clone()).await).contains(way_out));
        assert!(said(server.put(&name, there.value.clone(), mode).await).contains(way_out));
    }
    assert!(said(server.delete("state").await).contains(way_out));
    assert!(said(server.delete(&name).await).contains("stays there"));
    assert!(said(server.put("impact/w-abcdefgh", "{}".into(), PutMode::Create).await).contains(way_out));
    assert!(said(server.delete("impact/w-abcdefgh").await).contains("stays there"));
    let by = Control::new(Arc::new(server), "eve").begin(&Host::any(), Window::new(Mode::Hold)).await;
    assert!(matches!(by, Err(control::Error::Store(_))), "{by:?}");
    assert_eq!(ground.store.get("state").await.unwrap().unwrap().version, there.version);
    let viewer = ground.by_token(Role::Viewer).await;
    assert!(said(viewer.get("state").await).contains("needs the role server"));
    assert!(said(viewer.list("roster/").await).contains("needs the role server"));
}

#[tokio::test]
async fn what_belongs_to_the_console_is_reached_by_no_token() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    ground.sign_in("ada").await;
    let admin = ground.by_token(Role::Admin).await;
    // The first use of a day is written down.
    admin.list("roster/").await.unwrap();
    let there = ground.store.list("").await.unwrap();
    let hidden: Vec<_> = ["people/", "sessions/", "tokens/"]
        .map(|area| there.iter().find(|entry| entry.key.starts_with(area)).unwrap().clone())
        .into();
    for entry in &hidden {
        let (key, none) = (entry.key.as_str(), "not reached through the API");
        assert!(said(admin.get(key).await).contains(none), "{key}");
        for mode in [PutMode::Overwrite, PutMode::Create, PutMode::Update(entry.version.clone())] {
            assert!(said(admin.put(key, "{}".into(), mode).await).contains(none), "{key}");
        }
        assert!(said(admin.delete(key).await).contains(none), "{key}");
        assert!(said(admin.list(&key[..key.find('/').unwrap()]).await).contains(none), "{key}");
        assert_eq!(ground.store.get(key).await.unwrap().as_ref(), Some(entry));
        let token = ground.token(Role::Admin).await;
        for way in ["store/", "store/%2e%2e/", "store/roster/../", "store//", "store/roster/..%2f"] {
            for key in [key.to_owned(), key.replace('/', "%2f"), key.replace('p', "%70")] {
                let answer = ground.get(&format!("/api/v1/{way}{key}"), &[&token]).await;
                assert!(matches!(answer.status, 403 | 404 | 422), "{way}{key}: {answer:?}");
            }
        }
        assert_eq!(ground.get(&format!("/api/v1/store-events?key={key}"), &[&token]).await.status, 403);
    }
    let all = admin.list("").await.unwrap();
    assert!(all.iter().all(|entry| entry.key.starts_with("roster/") || entry.key == "state"), "{all:?}");
    assert!(!all.is_empty());
}

#[tokio::test]
async fn a_browser_s_session_does_not_reach_the_store() {
    let ground = Ground::new().await;
    ground.user("ada", Role::Admin).await;
    let ada = ground.sign_in("ada").await;
    let headers = ada.headers(&ground);
    let answer = ground.get("/api/v1/store/state", &super::ground::all(&headers)).await;
    assert_eq!(answer.status, 401, "{answer:?}");
    assert!(answer.problem().contains("for tokens alone"));
}

#[tokio::test]
async fn what_is_forged_is_refused_and_changes_nothing() {
    let ground = Ground::new().await;
    let store = ground.by_token(Role::Operator).await;
    let mark = store.signature().await.unwrap().unwrap();
    Control::new(Arc::new(store.clone()), "ann").begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    let there = store.get("state").await.unwrap().unwrap();
    let now = State::from_bytes(&there.value).unwrap();
    let signed = |by: &str, revision: u64| {
        let mut next = now.clone();
        let note = "x".to_owned();
        next.revision = revision;
        next.change =
            Change { id: format!("c-{by}{revision}"), by: by.to_owned(), note, ..now.change.clone() };
        bytes::Bytes::from(next.to_bytes())
    };
    let replace =
        async |value: bytes::Bytes| store.put("state", value, PutMode::Update(there.version.clone())).await;
    let other = mark.replace("test", "other");
    for by in ["ann", &mark, &format!("ann, {other}"), &format!("ann, {mark} "), &format!("ann,{mark}"), ""] {
        assert!(said(replace(signed(by, 2)).await).contains("is signed with it"), "{by}");
    }
    let by = format!("ann, {mark}");
    for revision in [0, 1] {
        assert!(said(replace(signed(&by, revision)).await).contains("a revision after 1"), "{revision}");
    }
    let mut elsewhere = State::from_bytes(&signed(&by, 7)).unwrap();
    elsewhere.lineage = backsoon::document::Lineage::random();
    assert!(said(replace(elsewhere.to_bytes().into()).await).contains("that lineage"));
    assert!(said(replace("{}".into()).await).contains("state"));
    assert!(said(store.put("state", signed(&by, 2), PutMode::Overwrite).await).contains("If-Match"));
    assert!(said(store.delete("state").await).contains("never deleted"));
    let stale = store.put("state", signed(&by, 2), PutMode::Update(Version("none".into()))).await;
    assert!(matches!(stale, Err(Error::Conflict { .. })), "{stale:?}");
    // Nor is there another past.
    let place = |revision: u64| format!("history/{}/{revision:020}", now.lineage);
    let file = async |key: String, value: bytes::Bytes| store.put(&key, value, PutMode::Create).await;
    assert!(said(file(place(7), signed(&by, 7)).await).contains("no other one"));
    assert!(said(file(place(7), there.value.clone()).await).contains("where it belongs"));
    assert_eq!(ground.store.get("state").await.unwrap().unwrap().version, there.version);
    file(place(1), there.value.clone()).await.unwrap();
    replace(signed(&by, 2)).await.unwrap();
    let again = file(place(1), there.value.clone()).await;
    assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    assert!(said(store.delete(&place(1)).await).contains("stays there"));
}

#[tokio::test]
async fn a_server_hands_a_state_over_only_when_the_store_has_lost_its_own() {
    let ground = Ground::new().await;
    let operator = ground.operator().await;
    operator.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    let state = ground.control().read().await.unwrap().unwrap();
    let server = ground.by_token(Role::Server).await;
    let place = |state: &State| format!("kept/{}-{:020}", state.lineage, state.revision);
    let keep =
        async |state: &State| server.put(&place(state), state.to_bytes().into(), PutMode::Create).await;
    // With a number that is to come it would become the history of a change that never was.
    let mut forged = State { revision: 2, ..state.clone() };
    forged.default.windows.clear();
    for held in [&state, &forged] {
        assert!(said(keep(held).await).contains("none is taken over"));
    }
    ground.store.put("state", "{".into(), PutMode::Overwrite).await.unwrap();
    for (key, mode) in [("kept/x", PutMode::Create), (place(&state).as_str(), PutMode::Overwrite)] {
        assert!(said(server.put(key, state.to_bytes().into(), mode).await).contains("is kept once"));
    }
    forged.change.at = forged.change.at + std::time::Duration::from_secs(86_400);
    assert!(said(keep(&forged).await).contains("before now"));
    assert!(said(server.put("kept/x", "{".into(), PutMode::Create).await).contains("damaged"));
    // The gate holds it as well, and may have been first.
    let kept = keep(&state).await;
    assert!(matches!(kept, Ok(_) | Err(Error::Conflict { .. })), "{kept:?}");
    assert!(said(server.delete(&place(&state)).await).contains("--role operator"));
    assert!(said(server.put("damaged/x", "x".into(), PutMode::Create).await).contains("--role operator"));

    let went_on = operator.begin(&"shop.example.com".parse().unwrap(), Window::new(Mode::On)).await.unwrap();
    assert_eq!(went_on.state().default.windows, state.default.windows, "it is closed as it was");
    assert!(ground.store.list("kept/").await.unwrap().is_empty(), "and filed by the operator");
}

/// A State of a server that never was, with pages and windows of its own.
fn made_up() -> State {
    let mut state = State { revision: 7, ..State::new() };
    state.default.windows.push(Window::new(Mode::On));
    state
}

async fn hand_over(server: &HttpStore, state: &State) -> Result<Version, Error> {
    let place = format!("kept/{}-{:020}", state.lineage, state.revision);
    server.put(&place, state.to_bytes().into(), PutMode::Create).await
}

#[tokio::test]
async fn a_server_writes_no_state_for_a_store_that_never_had_one() {
    let ground = Ground::new().await;
    let server = ground.by_token(Role::Server).await;
    assert!(said(hand_over(&server, &made_up()).await).contains("never had"));
    assert!(ground.store.list("kept/").await.unwrap().is_empty());
    ground.operator().await.begin(&"a.example".parse().unwrap(), Window::new(Mode::On)).await.unwrap();
    assert_eq!(ground.mode().await, Mode::Off, "the first closing is all that there is");
}

#[tokio::test]
async fn a_store_that_was_emptied_takes_the_lineage_that_its_gate_holds_and_no_other() {
    let ground = Ground::new().await;
    ground.operator().await.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    let state = ground.control().read().await.unwrap().unwrap();
    ground.holds(&state).await;
    let server = ground.by_token(Role::Server).await;
    ground.store.delete("state").await.unwrap();
    assert!(ground.store.list("history/").await.unwrap().is_empty());
    assert!(said(hand_over(&server, &made_up()).await).contains("never had"));
    // The gate itself keeps what it holds; this server had a later one.
    let later = State { revision: state.revision + 1, ..state };
    hand_over(&server, &later).await.unwrap();
}

#[tokio::test]
async fn a_gate_that_holds_nothing_takes_the_lineage_that_the_history_tells_of() {
    let first = Ground::new().await;
    let operator = first.operator().await;
    operator.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    operator.begin(&"a.example".parse().unwrap(), Window::new(Mode::On)).await.unwrap();
    let state = first.control().read().await.unwrap().unwrap();
    let store = Arc::clone(&first.store);
    first.instance.leave().await;
    drop(first);
    store.delete("state").await.unwrap();
    // The first one may be looking for the last time just now, and files what it holds.
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    for kept in store.list("kept/").await.unwrap() {
        store.delete(&kept.key).await.unwrap();
    }

    let again = Ground::over(Arc::clone(&store), Options::default()).await;
    assert_eq!(again.instance.state(), None);
    let server = again.by_token(Role::Server).await;
    assert!(said(hand_over(&server, &made_up()).await).contains("never had"));
    hand_over(&server, &state).await.unwrap();
    let twice = hand_over(&server, &state).await;
    assert!(matches!(twice, Err(Error::Conflict { .. })), "{twice:?}");
}

#[tokio::test]
async fn a_state_of_a_newer_backsoon_is_there_and_nothing_is_taken_in_its_place() {
    let ground = Ground::new().await;
    ground.operator().await.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    let state = ground.control().read().await.unwrap().unwrap();
    ground.holds(&state).await;
    let newer = r#"{"schema": 4000000000}"#;
    ground.store.put("state", newer.into(), PutMode::Overwrite).await.unwrap();
    let later = State { revision: state.revision + 1, ..state };
    let server = ground.by_token(Role::Server).await;
    assert!(said(hand_over(&server, &later).await).contains("none is taken over"));
}

#[tokio::test]
async fn the_gate_files_what_is_replaced_and_knows_a_change_that_comes_twice() {
    let ground = Ground::new().await;
    let operator = ground.operator().await;
    operator.begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    let first = ground.store.get("state").await.unwrap().unwrap();
    let store = operator.store();
    let mut next = State::from_bytes(&first.value).unwrap();
    next.revision += 1;
    next.change.id = "once".into();
    let put =
        async || store.put("state", next.to_bytes().into(), PutMode::Update(first.version.clone())).await;
    put().await.unwrap();
    let place = format!("history/{}/{:020}", next.lineage, 1);
    assert_eq!(ground.store.get(&place).await.unwrap().unwrap().value, first.value);
    // By a proxy that tries another gate, say: a conflict would say that nothing was written.
    let again = put().await;
    assert!(matches!(again, Err(Error::Away { .. })), "{again:?}");
    next.change.id = "another".into();
    let late = store.put("state", next.to_bytes().into(), PutMode::Update(first.version.clone())).await;
    assert!(matches!(late, Err(Error::Conflict { .. })), "{late:?}");
}

#[tokio::test]
async fn hints_come_with_the_changes_and_end_with_the_token() {
    let ground = Ground::new().await;
    let (token, secret) = ground.tokens.issue("web", Role::Server, None, "the test").await.unwrap();
    let store = ground.with_token(&secret);
    let mut hints = store.hints("state");
    timeout(PATIENCE, hints.next()).await.unwrap().unwrap();
    ground.control().begin(&Host::any(), Window::new(Mode::On)).await.unwrap();
    timeout(PATIENCE, hints.next()).await.unwrap().unwrap();
    ground.tokens.revoke(&token.id, "the test").await.unwrap();
    assert!(said(store.get("state").await).contains("was revoked"));
    let answer =
        ground.get("/api/v1/store-events?key=state", &[&format!("authorization: Bearer {secret}")]).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn what_is_no_gate_is_never_taken_for_an_empty_store() {
    let ground = Ground::new().await;
    let secret = ground.secret(Role::Operator).await;
    // The console, but not its API: it answers 404 as any server does.
    let elsewhere = HttpStore::new(&format!("http://token:{secret}@{}/elsewhere", ground.address)).unwrap();
    assert!(matches!(elsewhere.get("state").await, Err(Error::Away { .. })));
    assert!(matches!(elsewhere.list("roster/").await, Err(Error::Away { .. })));
    assert!(matches!(elsewhere.delete("roster/x").await, Err(Error::Away { .. })));
}

#[tokio::test]
async fn what_is_too_large_is_said_with_its_size_and_may_be_cleared_away() {
    let ground = Ground::new().await;
    let secret = ground.secret(Role::Operator).await;
    let body = "x".repeat(backsoon::store::VALUE_LIMIT as usize + 1);
    let token = format!("authorization: Bearer {secret}");
    let answer = ground.send("PUT", "/api/v1/store/damaged/x", &[&token], Some(&body)).await;
    // The answer may come before all of the body was sent, and get lost with it.
    assert!(matches!(answer.status, 413 | 0), "{answer:?}");
    assert!(ground.store.get("damaged/x").await.unwrap().is_none());
    let error = ground.with_token(&secret).put("damaged/x", body.into(), PutMode::Create).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { .. }), "{error:?}");
    let fits = "x".repeat(backsoon::store::VALUE_LIMIT as usize);
    ground.with_token(&secret).put("damaged/x", fits.into(), PutMode::Create).await.unwrap();
    // All reports are read at once, so none is that large.
    let report = "x".repeat(1024 * 1024 + 1);
    let error = ground.with_token(&secret).put("roster/x", report.into(), PutMode::Create).await;
    assert!(said(error).contains("at most 1048576 bytes"));
}

#[test]
fn the_token_is_shown_nowhere_and_urls_that_would_give_it_away_are_refused() {
    let secret = "bst_0123456789ab_HUSHHUSHHUSH";
    let store = HttpStore::new(&format!("https://token:{secret}@gate.example/base/")).unwrap();
    assert_eq!(store.url(), "https://gate.example/base");
    assert!(!format!("{store:?}").contains("HUSH"));
    let wrong = [
        (format!("http://token:{secret}@gate.example"), "without TLS"),
        (format!("http://token:{secret}@10.0.0.7:8099"), "without TLS"),
        (format!("https://{secret}@gate.example"), "where a password does"),
        (format!("https://ann:{secret}@gate.example"), "where a password does"),
        ("https://token:HUSHword@gate.example".to_owned(), "no token of a gate"),
        (format!("https://token:{secret}@gate.example?token_file=/x"), "leave one of them out"),
        (format!("https://token:{secret}@gate.example?cacert=/nowhere"), "name a file"),
        (format!("http://token:{secret}@127.0.0.1?cacert=/nowhere"), "write https://"),
        ("https://gate.example?token_file=/nowhere".to_owned(), "name one that can be read"),
        (format!("https://token:{secret}@gate.example?tokn_file=x"), "did you mean `token_file`"),
    ];
    for (url, why) in wrong {
        let error = HttpStore::new(&url).unwrap_err().to_string();
        assert!(error.contains(why) && !error.contains("HUSH"), "{url}: {error}");
    }
}

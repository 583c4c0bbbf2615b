//! The store is away: who was known may go on looking, and everything else says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use backsoon::document::{Mode, Window};
use backsoon::store::{Entry, Error, MemoryStore, PutMode, Result, Store, Version};
use backsoon_console::{Options, Role};
use bytes::Bytes;

use super::ground::{Ground, all};

/// A store that can be switched off.
#[derive(Debug, Default)]
pub(crate) struct Fragile {
    store: MemoryStore,
    away: AtomicBool,
    lists_hang: AtomicBool,
}

impl Fragile {
    /// Takes it away, or brings it back.
    pub(crate) fn go(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn check(&self) -> Result<()> {
        if self.away.load(Ordering::SeqCst) {
            let source = "connection refused".into();
            return Err(Error::Away { store: self.url(), doing: "asking".into(), source });
        }
        Ok(())
    }
}

#[async_trait]
impl Store for Fragile {
    async fn get(&self, key: &str) -> Result<Option<Entry>> {
        self.check()?;
        self.store.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, mode: PutMode) -> Result<Version> {
        self.check()?;
        self.store.put(key, value, mode).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.check()?;
        self.store.delete(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        if self.lists_hang.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.check()?;
        self.store.list(prefix).await
    }

    fn url(&self) -> String {
        "fragile:".into()
    }
}

#[tokio::test]
async fn while_the_store_is_away_people_look_and_nobody_changes_anything() {
    let store = Arc::new(Fragile::default());
    let ground = Ground::over(store.clone(), Options::default()).await;
    ground.user("ada", Role::Admin).await;
    let (ada, bob) = (ground.sign_in("ada").await, ground.token(Role::Operator).await);
    let headers = ada.headers(&ground);
    ground.json("POST", "/api/v1/windows", &all(&headers), r#"{"mode":"on"}"#).await;
    // This server's door follows by itself.
    let applied = async {
        while ground.get("/api/v1/receipt", &[&ada.cookie]).await.json()["verdict"] != "confirmed" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(super::ground::PATIENCE, applied).await.unwrap();

    store.away.store(true, Ordering::SeqCst);
    let state = ground.get("/api/v1/state", &[&ada.cookie]).await;
    assert_eq!((state.status, state.json()["source"].as_str()), (200, Some("instance")), "{state:?}");
    assert_eq!(state.json()["sites"][0]["mode"], "on");
    let page = ground.get("/", &[&ada.cookie]).await;
    assert!(page.status == 200 && page.body.contains("is away") && !page.body.contains("action=\"/close\""));
    assert_eq!(ground.get("/api/v1/me", &[&ada.cookie]).await.json()["role"], "viewer");
    let denied = ground.json("POST", "/api/v1/reopen", &all(&headers), "{}").await;
    assert_eq!(denied.status, 403, "{denied:?}");
    let unknown = ground.get("/api/v1/state", &[&bob]).await;
    assert_eq!((unknown.status, unknown.headers.contains_key("retry-after")), (503, true));
    assert!(unknown.problem().contains("fragile: is away"));
    assert_eq!(ground.get("/api/v1/fleet", &[&ada.cookie]).await.status, 503);
    assert_eq!(ground.try_sign_in("ada", super::ground::PASSWORD).await.status, 503);

    store.away.store(false, Ordering::SeqCst);
    let back = ground.json("POST", "/api/v1/reopen", &all(&headers), "{}").await;
    assert_eq!(back.status, 200, "{back:?}");
}

#[tokio::test]
async fn the_first_page_waits_for_no_list_of_servers_that_never_comes() {
    let store = Arc::new(Fragile::default());
    let ground = Ground::over(store.clone(), Options::default()).await;
    ground.user("ada", Role::Viewer).await;
    let ada = ground.sign_in("ada").await;
    let closed = ground.control().begin(&backsoon::Host::any(), Window::new(Mode::On)).await.unwrap();
    ground.holds(closed.state()).await;
    store.lists_hang.store(true, Ordering::SeqCst);
    store.go(true);
    let page = ground.get("/", &[&ada.cookie]).await;
    assert!(page.status == 200 && page.body.contains("is away"), "{page:?}");
}

#[tokio::test]
async fn the_file_store_keeps_people_and_sessions_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let first = Ground::over(backsoon::store::open(&url).await.unwrap(), Options::default()).await;
    first.user("ada.lovelace@example.com", Role::Admin).await;
    let ada = first.sign_in("ada.lovelace%40example.com").await;
    drop(first);
    let second = Ground::over(backsoon::store::open(&url).await.unwrap(), Options::default()).await;
    let headers = ada.headers(&second);
    let done = second.json("POST", "/api/v1/windows", &all(&headers), r#"{"mode":"on"}"#).await;
    assert_eq!(done.status, 201, "{done:?}");
    let mut kept = String::new();
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => kept += &String::from_utf8_lossy(&std::fs::read(&entry).unwrap()),
            }
        }
    }
    let secret = ada.cookie.split_once('=').unwrap().1;
    assert!(kept.contains("ada.lovelace@example.com"));
    assert!(
        !kept.contains(secret) && !kept.contains(super::ground::PASSWORD),
        "secrets are kept as digests alone"
    );
}

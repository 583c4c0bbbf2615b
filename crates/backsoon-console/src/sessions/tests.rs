//! Sessions in a store in memory: how they begin, go on and end.

use super::*;

fn sessions(idle: u64, absolute: u64) -> Sessions {
    let store = Arc::new(backsoon::store::MemoryStore::new());
    Sessions::new(store, Duration::from_millis(idle), Duration::from_millis(absolute))
}

async fn begin(sessions: &Sessions) -> Secret {
    sessions.begin("ada".parse().unwrap(), "1".into(), Via::Password, Whence::default()).await.unwrap()
}

#[tokio::test]
async fn a_session_that_is_not_used_ends_and_one_that_is_used_ends_later() {
    let short = sessions(1500, 60_000);
    let (idle, used) = (begin(&short).await, begin(&short).await);
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(short.find(&used).await.unwrap().is_some());
    }
    assert!(short.find(&idle).await.unwrap().is_none());
    let fixed = sessions(60_000, 100);
    let secret = begin(&fixed).await;
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert!(fixed.find(&secret).await.unwrap().is_none());
    begin(&fixed).await;
    assert_eq!(fixed.store.list(SESSIONS).await.unwrap().len(), 1, "what is over is swept out");
}

#[tokio::test]
async fn a_session_is_ended_by_its_name_in_the_list_and_by_nobody_elses() {
    let sessions = sessions(60_000, 60_000);
    let (kept, ended) = (begin(&sessions).await, begin(&sessions).await);
    let ada: UserName = "ada".parse().unwrap();
    let id = short(&key(&ended));
    assert_eq!(sessions.list().await.unwrap().len(), 2);
    assert!(sessions.end_listed(&"eve".parse().unwrap(), &id).await.unwrap().is_none());
    assert!(sessions.end_listed(&ada, &id).await.unwrap().is_some());
    assert!(sessions.end_listed(&ada, &id).await.unwrap().is_none());
    assert!(sessions.find(&ended).await.unwrap().is_none() && sessions.find(&kept).await.unwrap().is_some());
}

#[tokio::test]
async fn an_ended_session_stays_ended_and_the_store_does_not_know_the_cookie() {
    let sessions = sessions(60_000, 60_000);
    let secret = begin(&sessions).await;
    let kept = sessions.store.list("").await.unwrap();
    assert!(kept.iter().all(|entry| !format!("{}{:?}", entry.key, entry.value).contains(secret.reveal())));
    sessions.end(&secret).await.unwrap();
    assert!(sessions.find(&secret).await.unwrap().is_none());
}

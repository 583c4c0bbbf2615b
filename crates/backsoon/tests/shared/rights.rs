//! The rights that docs/stores.md tells people to grant: with them everything works, and without any one of them not.

use std::sync::Arc;

use backsoon::store::{Entry, PutMode, Result, Store};
use backsoon::testing::store::conformance;
use futures_util::StreamExt as _;
use testbed::Redis;

use super::sql_bed::{Bed, on_both, open};

const PAGE: &str = include_str!("../../../../docs/stores.md");

on_both! {
    what_the_page_grants_in_sql_is_enough_and_not_too_much;
}

/// The first fenced block below `heading`.
fn block(heading: &str) -> &'static str {
    let below = PAGE.split_once(&format!("\n## {heading}\n")).expect("the heading").1;
    let fenced = below.split_once("```").expect("a block").1;
    fenced.split_once('\n').expect("its lines").1.split_once("```").expect("its end").0
}

/// Everything that a store is asked to do; what cannot be done is an error.
async fn all_of_it(store: &dyn Store) -> Result<()> {
    let mut version = store.put("rights/one", "1".into(), PutMode::Overwrite).await?;
    let found: Option<Entry> = store.get("rights/one").await?;
    assert_eq!(found.map(|entry| entry.version).as_ref(), Some(&version));
    version = store.put("rights/one", "2".into(), PutMode::Update(version)).await?;
    store.put("rights/one", "3".into(), PutMode::Update(version)).await?;
    store.put("rights/two", "1".into(), PutMode::Create).await?;
    assert_eq!((store.list("rights/").await?.len(), store.list("").await?.len()), (2, 2));
    store.delete("rights/one").await?;
    store.delete("rights/two").await
}

async fn what_the_page_grants_in_sql_is_enough_and_not_too_much(bed: Bed) {
    let url = bed.database().await;
    let name = url.rsplit('/').next().expect("a name");
    bed.sql(name, block(bed.either("PostgreSQL", "MySQL and MariaDB"))).await;
    let scheme = bed.either("postgres", "mysql");
    let role = open(&format!("{scheme}://backsoon:change-me@127.0.0.1:{}/{name}", bed.port())).await;
    conformance(async || Arc::clone(&role)).await;
    all_of_it(&*role).await.expect("all of it");
    let to = bed.either("backsoon", "backsoon@'%'");
    for right in ["SELECT", "INSERT", "UPDATE", "DELETE"] {
        bed.sql(name, "DELETE FROM backsoon_entries").await;
        bed.sql(name, &format!("REVOKE {right} ON backsoon_entries FROM {to}")).await;
        let denied = all_of_it(&*role).await.expect_err(right).to_string();
        assert!(denied.contains("denied"), "{right}: {denied}");
        bed.sql(name, &format!("GRANT {right} ON backsoon_entries TO {to}")).await;
    }
}

/// The same in Redis, with what it warns of and whether it pushes.
async fn all_that_redis_does(store: &dyn Store) -> std::result::Result<(), String> {
    if let [caveat, ..] = &*store.caveats().await {
        return Err(caveat.clone());
    }
    // The first says that it listens. Who may not listen is told to look again, once a second and for ever.
    let mut hints = store.hints("state");
    let second = std::time::Duration::from_secs(5);
    tokio::time::timeout(second, hints.next()).await.map_err(|_| "it never listens")?;
    let quiet = tokio::time::timeout(std::time::Duration::from_millis(1500), hints.next()).await.is_err();
    if !quiet {
        return Err("it looks by the clock".into());
    }
    store.put("state", "1".into(), PutMode::Overwrite).await.map_err(|error| error.to_string())?;
    let pushed = tokio::time::timeout(std::time::Duration::from_millis(700), hints.next()).await.is_ok();
    store.delete("state").await.map_err(|error| error.to_string())?;
    all_of_it(store).await.map_err(|error| error.to_string())?;
    if pushed { Ok(()) } else { Err("nothing is pushed".into()) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_the_page_grants_in_redis_is_enough_and_not_too_much() {
    let redis = Redis::lasting(&[]);
    let words: Vec<&str> = block("Redis").split_whitespace().collect();
    assert_eq!(redis.cli(&words), "OK");
    let url = format!("redis://backsoon:change-me@127.0.0.1:{}", redis.port());
    let user = open(&url).await;
    conformance(async || Arc::clone(&user)).await;
    redis.cli(&["DEL", "{backsoon}", "{backsoon}:contract"]);
    let granted: Vec<&str> = words.iter().copied().filter(|word| word.starts_with('+')).collect();
    assert!(granted.len() > 10, "{words:?}");
    for key in redis.cli(&["KEYS", "*"]).lines() {
        redis.cli(&["DEL", key]);
    }
    assert_eq!(all_that_redis_does(&*open(&url).await).await, Ok(()));
    let mut needless = Vec::new();
    for right in granted {
        // Without one of them; and without the scripts that the server knows already.
        let fewer: Vec<&str> = words.iter().copied().filter(|word| *word != right).collect();
        redis.cli(&fewer);
        redis.cli(&["SCRIPT", "FLUSH"]);
        if all_that_redis_does(&*open(&url).await).await.is_ok() {
            needless.push(right);
        }
    }
    assert_eq!(needless, [""; 0]);
    redis.cli(&words);
    redis.cli(&["SET", "other", "secret"]);
    let said = redis.cli(&["--user", "backsoon", "--pass", "change-me", "HGETALL", "other"]);
    assert!(said.contains("NOPERM"), "{said}");
}

#[test]
fn the_policy_for_s3_can_be_read() {
    let policy: serde_json::Value = serde_json::from_str(block("S3")).expect("JSON");
    assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(2));
}

//! What in a server's settings may lose or forget a state.

use std::collections::HashMap;

use redis::aio::MultiplexedConnection;
use redis::{RedisResult, cmd};

/// The settings that matter. Three commands, since servers before version 7 tell one setting at a time.
const SETTINGS: [&str; 3] = ["maxmemory-policy", "appendonly", "save"];

pub(super) async fn of(connection: MultiplexedConnection) -> Vec<String> {
    let ask = |name| {
        let mut connection = connection.clone();
        async move {
            let told: RedisResult<HashMap<String, String>> =
                cmd("CONFIG").arg("GET").arg(name).query_async(&mut connection).await;
            told.ok().and_then(|mut told| told.remove(name))
        }
    };
    let mut informing = connection.clone();
    let mut info = cmd("INFO");
    let info = info.arg("replication").query_async::<String>(&mut informing);
    let (policy, appendonly, save, info) =
        tokio::join!(ask(SETTINGS[0]), ask(SETTINGS[1]), ask(SETTINGS[2]), info);
    let mut caveats = Vec::new();
    match policy {
        // The `volatile` policies evict only what was written with an expiry, and nothing here is.
        Some(policy) if policy.starts_with("allkeys") => caveats.push(format!(
            "Redis may evict the state when its memory is full (maxmemory-policy is {policy}): set it to noeviction, or use a server of its own"
        )),
        _ => {}
    }
    match (appendonly.as_deref(), save.as_deref()) {
        (Some("yes"), _) => {}
        (Some(_), Some("")) => caveats.push(
            "Redis forgets the state when it restarts (appendonly is no, and it saves no snapshots): set appendonly to yes"
                .to_owned(),
        ),
        (Some(_), Some(_)) => caveats.push(
            "Redis forgets what was written since its last snapshot when it crashes (appendonly is no): set appendonly to yes"
                .to_owned(),
        ),
        _ => caveats.push(
            "Redis does not tell its settings (CONFIG GET is forbidden or missing), so they could not be checked: see that maxmemory-policy is noeviction and that appendonly is yes"
                .to_owned(),
        ),
    }
    if info.is_ok_and(|info| info.lines().any(|line| line.trim() == "role:slave")) {
        caveats.push(
            "this Redis server is a replica: it refuses writes, and what it holds may be old: name the primary in the store's URL"
                .to_owned(),
        );
    }
    caveats
}

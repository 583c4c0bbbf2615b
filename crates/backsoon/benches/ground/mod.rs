//! Servers for a fleet to follow, and what is counted at them.

mod away;

use std::collections::BTreeMap;
use std::error::Error;

use testbed::{MariaDb, Postgres, Redis, S3};

pub(crate) use self::away::{Away, Counts};

/// A server of its own, set up as one for a fleet is: durable, and open for as many connections as the fleet has.
pub(crate) struct Ground {
    server: Server,
    url: String,
}

enum Server {
    Redis(Redis),
    Postgres(Postgres),
    MariaDb(MariaDb),
    S3(S3),
}

/// Seconds of processor.
pub(crate) struct Cpu {
    pub(crate) own: f64,
    pub(crate) server: f64,
}

/// The commands that clients of the store send; what its scripts do inside is not counted again.
const COMMANDS: [&str; 9] =
    ["evalsha", "eval", "script|load", "hgetall", "smembers", "subscribe", "config|get", "info", "hscan"];

// === impl Ground ===

impl Ground {
    pub(crate) async fn start(store: &str) -> Result<Self, Box<dyn Error>> {
        let (server, url) = match store {
            "redis" => {
                // Synced once a second, as Redis does by default when it keeps a log.
                let redis = Redis::start(&["--appendonly", "yes", "--maxclients", "15000"]);
                let url = redis.url();
                (Server::Redis(redis), url)
            }
            "postgres" => {
                let settings = ["fsync=on", "max_connections=5000", "shared_buffers=128MB"];
                let postgres = Postgres::start_with(&settings).await;
                let url = postgres.database().await;
                (Server::Postgres(postgres), url)
            }
            "mariadb" => {
                let mariadb = MariaDb::start().await;
                // The tests' is made as small as it can be; these are near its defaults, but the first.
                for setting in [
                    "max_connections = 5000",
                    "innodb_buffer_pool_size = 134217728",
                    "innodb_log_file_size = 100663296",
                ] {
                    mariadb.sql("mysql", &format!("SET GLOBAL {setting}")).await;
                }
                let url = mariadb.database().await;
                (Server::MariaDb(mariadb), url)
            }
            "s3" => {
                let s3 = S3::start();
                s3.make_bucket("bucket");
                let url = s3.url("bucket");
                (Server::S3(s3), url)
            }
            _ => return Err(format!("there is no `{store}`: redis, postgres, mariadb, s3").into()),
        };
        Ok(Self { server, url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What the server has done for clients since it started, by its own count.
    pub(crate) async fn operations(&self) -> Result<u64, Box<dyn Error>> {
        Ok(match &self.server {
            Server::Redis(redis) => {
                let told = redis.cli(&["INFO", "commandstats"]);
                let calls = told.lines().filter_map(|line| {
                    let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
                    COMMANDS.contains(&name).then(|| rest.split(',').next()?.parse::<u64>().ok())?
                });
                calls.sum()
            }
            Server::Postgres(postgres) => {
                let asked = "SELECT pg_stat_clear_snapshot(), xact_commit + xact_rollback FROM pg_stat_database \
                             WHERE datname = 'db0'";
                let told = postgres.sql("postgres", asked).await;
                told.trim().trim_start_matches('|').parse()?
            }
            Server::MariaDb(mariadb) => {
                let told = mariadb.sql("mysql", "SHOW GLOBAL STATUS LIKE 'Questions'").await;
                told.split_whitespace().last().ok_or("no count")?.parse()?
            }
            Server::S3(s3) => s3.log().lines().filter(|line| line.contains(" HTTP/1.1")).count() as u64,
        })
    }

    /// What it counts.
    pub(crate) fn unit(&self) -> &'static str {
        match self.server {
            Server::Redis(_) => "commands",
            Server::Postgres(_) => "transactions",
            Server::MariaDb(_) => "statements",
            Server::S3(_) => "requests",
        }
    }
}

/// What this process has used so far, and all that it has started, which are the servers.
pub(crate) fn cpu() -> Cpu {
    let own = std::process::id();
    let mut all: BTreeMap<u32, (u32, f64)> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let fields: Vec<u64> =
            rest.split_ascii_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
        // proc(5): the parent is the second field behind the name, the ticks the twelfth and the thirteenth. There are
        // 100 ticks in a second.
        if let [_, parent, _, _, _, _, _, _, _, _, _, user, system, ..] = fields[..] {
            all.insert(pid, (parent as u32, (user + system) as f64 / 100.0));
        }
    }
    let descends = |pid: u32| {
        let parents = std::iter::successors(Some(pid), |pid| all.get(pid).map(|(parent, _)| *parent));
        parents.skip(1).any(|parent| parent == own)
    };
    let servers = all.iter().filter(|(pid, _)| descends(**pid));
    let server = servers.map(|(_, (_, used))| used).sum();
    Cpu { own: all.get(&own).map_or(0.0, |(_, used)| *used), server }
}

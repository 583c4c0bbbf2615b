//! "Look again", found out by asking SQLite often and cheaply.

use std::time::Duration;

use futures_core::stream::BoxStream;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, query_scalar};

use super::super::dialect::SQLITE;
use super::trouble::is_missing_table;

/// Changes when another connection has written, whatever it wrote.
const ANY_CHANGE: &str = "PRAGMA data_version";

/// The pause between two looks: a third of the 60 ms within which another process's write should be noticed.
const PAUSE: Duration = Duration::from_millis(20);

/// The pause after a failure. Each try is a hint.
const RETRY: Duration = Duration::from_secs(1);

/// Asks over a connection of its own: the number it asks for does not count that connection's own writes, so over a
/// shared one it would be deaf to this process.
struct Watch {
    options: SqliteConnectOptions,
    key: String,
    connection: Option<SqliteConnection>,
    any_change: i64,
    version: Option<String>,
    failed: bool,
}

enum Look {
    Same,
    Changed,
}

/// The first hint says that the watch has begun.
pub(super) fn hints(options: SqliteConnectOptions, key: &str) -> BoxStream<'static, ()> {
    let key = key.to_owned();
    let watch = Watch { options, key, connection: None, any_change: 0, version: None, failed: false };
    Box::pin(futures_util::stream::unfold(watch, |mut watch| async move {
        watch.next().await;
        Some(((), watch))
    }))
}

// === impl Watch ===

impl Watch {
    async fn next(&mut self) {
        loop {
            match self.look().await {
                Ok(Look::Changed) => {
                    self.failed = false;
                    return;
                }
                Ok(Look::Same) => tokio::time::sleep(PAUSE).await,
                Err(error) => {
                    if !std::mem::replace(&mut self.failed, true) {
                        let file = self.options.get_filename().display();
                        tracing::warn!(%file, %error, "cannot watch this database; trying again once a second");
                    }
                    self.connection = None;
                    return tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn look(&mut self) -> sqlx::Result<Look> {
        let begins = self.connection.is_none();
        if begins {
            self.connection = Some(self.options.connect().await?);
        }
        let Some(connection) = &mut self.connection else { return Ok(Look::Changed) };
        let any_change = query_scalar(ANY_CHANGE).fetch_one(&mut *connection).await?;
        if any_change == self.any_change && !begins {
            return Ok(Look::Same);
        }
        // Many keys live in one database, and most of them beat; only this key's change is worth a hint.
        let version = query_scalar(SQLITE.version).bind(&self.key).fetch_optional(connection).await;
        let version =
            version.or_else(|error| if is_missing_table(&error) { Ok(None) } else { Err(error) })?;
        self.any_change = any_change;
        let before = std::mem::replace(&mut self.version, version);
        Ok(if before != self.version || begins { Look::Changed } else { Look::Same })
    }
}

//! What each database wants to be told.

/// The statements of one kind of database. Parameters stand in the order in which they are named here, since MySQL
/// cannot number them.
#[derive(Debug)]
pub(super) struct Dialect {
    pub(super) make_table: &'static str,
    /// Largest size, key. Gives a row as `Row` names its columns.
    pub(super) get: &'static str,
    /// Largest size, first key, end of the keys. In the order of the keys' bytes.
    pub(super) list: &'static str,
    /// Key, value, version. Touches no row if the key exists.
    pub(super) create: &'static str,
    /// Value, new version, key, expected version. Touches no row if that is not the version held.
    pub(super) update: &'static str,
    /// Key, value, version.
    pub(super) overwrite: &'static str,
    /// Key, largest size. Touches only what is no larger.
    pub(super) delete: &'static str,
    /// New key, key, largest size. Touches only what is larger.
    pub(super) set_aside: &'static str,
    /// Key. Gives the version alone.
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    pub(super) version: &'static str,
}

#[cfg(feature = "sqlite")]
pub(super) const SQLITE: Dialect = Dialect {
    make_table: "CREATE TABLE IF NOT EXISTS backsoon_entries \
                 (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL, version TEXT NOT NULL)",
    get: "SELECT key, version, length(CAST(value AS BLOB)), \
          CASE WHEN length(CAST(value AS BLOB)) <= ?1 THEN CAST(value AS BLOB) END \
          FROM backsoon_entries WHERE key = ?2",
    list: "SELECT key, version, length(CAST(value AS BLOB)), \
           CASE WHEN length(CAST(value AS BLOB)) <= ?1 THEN CAST(value AS BLOB) END \
           FROM backsoon_entries WHERE key >= ?2 AND key < ?3 ORDER BY key",
    create: "INSERT INTO backsoon_entries (key, value, version) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO NOTHING",
    update: "UPDATE backsoon_entries SET value = ?1, version = ?2 WHERE key = ?3 AND version = ?4",
    overwrite: "INSERT INTO backsoon_entries (key, value, version) VALUES (?1, ?2, ?3) \
                ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version",
    delete: "DELETE FROM backsoon_entries WHERE key = ?1 AND length(CAST(value AS BLOB)) <= ?2",
    set_aside: "UPDATE backsoon_entries SET key = ?1 WHERE key = ?2 AND length(CAST(value AS BLOB)) > ?3",
    version: "SELECT version FROM backsoon_entries WHERE key = ?1",
};

/// A write that tells the listeners in its own transaction, and touches as many rows as it notifies of.
///
/// Not of beats: each instance writes one a second, nobody waits for them, and the server lets transactions that
/// notify commit only one after the other.
#[cfg(feature = "postgres")]
macro_rules! notifying {
    ($key:literal, $write:literal) => {
        concat!(
            "WITH written AS (",
            $write,
            " RETURNING key) SELECT CASE WHEN key LIKE ANY (ARRAY['crew/%', 'roster/%', 'leases/%']) \
             THEN '' ELSE pg_notify('backsoon_entries', ",
            $key,
            ")::text END FROM written"
        )
    };
}

#[cfg(feature = "postgres")]
pub(super) const POSTGRES: Dialect = Dialect {
    make_table: "CREATE TABLE IF NOT EXISTS backsoon_entries \
                 (key text COLLATE \"C\" PRIMARY KEY, value bytea NOT NULL, version text NOT NULL)",
    get: "SELECT key, version, octet_length(value)::bigint, \
          CASE WHEN octet_length(value) <= $1 THEN value END FROM backsoon_entries WHERE key = $2",
    list: "SELECT key, version, octet_length(value)::bigint, \
           CASE WHEN octet_length(value) <= $1 THEN value END \
           FROM backsoon_entries WHERE key >= $2 AND key < $3 ORDER BY key",
    create: notifying!(
        "key",
        "INSERT INTO backsoon_entries (key, value, version) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING"
    ),
    update: notifying!(
        "key",
        "UPDATE backsoon_entries SET value = $1, version = $2 WHERE key = $3 AND version = $4"
    ),
    overwrite: notifying!(
        "key",
        "INSERT INTO backsoon_entries (key, value, version) VALUES ($1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version"
    ),
    delete: notifying!("key", "DELETE FROM backsoon_entries WHERE key = $1 AND octet_length(value) <= $2"),
    set_aside: notifying!(
        "$2",
        "UPDATE backsoon_entries SET key = $1 WHERE key = $2 AND octet_length(value) > $3"
    ),
    #[cfg(any(feature = "sqlite", feature = "mysql"))]
    version: "SELECT version FROM backsoon_entries WHERE key = $1",
};

/// `INSERT IGNORE` would swallow more than a key that exists; that one error is told apart by its number instead.
#[cfg(feature = "mysql")]
pub(super) const MYSQL: Dialect = Dialect {
    make_table: "CREATE TABLE IF NOT EXISTS backsoon_entries (`key` VARBINARY(255) NOT NULL PRIMARY KEY, \
                 `value` LONGBLOB NOT NULL, version VARBINARY(64) NOT NULL) ENGINE = InnoDB",
    get: "SELECT `key`, version, LENGTH(`value`), CASE WHEN LENGTH(`value`) <= ? THEN `value` END \
          FROM backsoon_entries WHERE `key` = ?",
    list: "SELECT `key`, version, LENGTH(`value`), CASE WHEN LENGTH(`value`) <= ? THEN `value` END \
           FROM backsoon_entries WHERE `key` >= ? AND `key` < ? ORDER BY `key`",
    create: "INSERT INTO backsoon_entries (`key`, `value`, version) VALUES (?, ?, ?)",
    update: "UPDATE backsoon_entries SET `value` = ?, version = ? WHERE `key` = ? AND version = ?",
    overwrite: "INSERT INTO backsoon_entries (`key`, `value`, version) VALUES (?, ?, ?) \
                ON DUPLICATE KEY UPDATE `value` = VALUES(`value`), version = VALUES(version)",
    delete: "DELETE FROM backsoon_entries WHERE `key` = ? AND LENGTH(`value`) <= ?",
    set_aside: "UPDATE backsoon_entries SET `key` = ? WHERE `key` = ? AND LENGTH(`value`) > ?",
    version: "SELECT version FROM backsoon_entries WHERE `key` = ?",
};

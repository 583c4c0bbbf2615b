//! What each database wants to be told.

/// The statements of one kind of database. Parameters come in the order key (or prefix), limit or value, the rest.
#[derive(Debug)]
pub(super) struct Dialect {
    /// Reads something of the file, so that one that is no database shows itself.
    pub(super) try_out: &'static str,
    pub(super) make_table: &'static str,
    /// Key, largest size. Gives a row as `Row` names its columns.
    pub(super) get: &'static str,
    /// First key, largest size, end of the keys. In the order of the keys' bytes.
    pub(super) list: &'static str,
    /// Key, value, version. Touches no row if the key exists.
    pub(super) create: &'static str,
    /// Key, value, new version, expected version. Touches no row if that is not the version held.
    pub(super) update: &'static str,
    /// Key, value, version.
    pub(super) overwrite: &'static str,
    /// Key, largest size. Touches only what is no larger.
    pub(super) delete: &'static str,
    /// Key, largest size, new key. Touches only what is larger.
    pub(super) set_aside: &'static str,
    /// Changes when another connection has written, whatever it wrote.
    pub(super) any_change: &'static str,
    /// Key. Gives the version alone.
    pub(super) version: &'static str,
}

pub(super) const SQLITE: Dialect = Dialect {
    try_out: "SELECT count(*) FROM sqlite_schema",
    make_table: "CREATE TABLE IF NOT EXISTS backsoon_entries \
                 (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL, version TEXT NOT NULL)",
    get: "SELECT key, version, length(CAST(value AS BLOB)), \
          CASE WHEN length(CAST(value AS BLOB)) <= ?2 THEN CAST(value AS BLOB) END \
          FROM backsoon_entries WHERE key = ?1",
    list: "SELECT key, version, length(CAST(value AS BLOB)), \
           CASE WHEN length(CAST(value AS BLOB)) <= ?2 THEN CAST(value AS BLOB) END \
           FROM backsoon_entries WHERE key >= ?1 AND key < ?3 ORDER BY key",
    create: "INSERT INTO backsoon_entries (key, value, version) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO NOTHING",
    update: "UPDATE backsoon_entries SET value = ?2, version = ?3 WHERE key = ?1 AND version = ?4",
    overwrite: "INSERT INTO backsoon_entries (key, value, version) VALUES (?1, ?2, ?3) \
                ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version",
    delete: "DELETE FROM backsoon_entries WHERE key = ?1 AND length(CAST(value AS BLOB)) <= ?2",
    set_aside: "UPDATE backsoon_entries SET key = ?3 WHERE key = ?1 AND length(CAST(value AS BLOB)) > ?2",
    any_change: "PRAGMA data_version",
    version: "SELECT version FROM backsoon_entries WHERE key = ?1",
};

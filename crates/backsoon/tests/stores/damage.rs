//! Values that nobody in their right mind wrote: shown as they are or refused, and never thrown away.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use backsoon::store::{Error, FileStore, PutMode, SqlStore, Store, VALUE_LIMIT};
use sqlx::ConnectOptions as _;

async fn file_store() -> (tempfile::TempDir, FileStore) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let store = FileStore::open(place.path()).await.expect("the store opens");
    (place, store)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory");
    let mut names: Vec<_> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn an_empty_a_cut_and_a_binary_file_are_read_as_they_are_and_can_be_replaced() {
    let (place, store) = file_store().await;
    for (key, damage) in
        [("empty", &b""[..]), ("cut", b"{\"schema\":1,\"lin"), ("binary", b"\x7fELF\0\xff\xfe\0")]
    {
        fs::write(place.path().join(key), damage).expect("the damage is done");
        let entry = store.get(key).await.expect("it can be read").expect("it is there");
        assert_eq!(entry.value, damage);
        let created = store.put(key, "new".into(), PutMode::Create).await;
        assert!(matches!(created, Err(Error::Conflict { .. })), "{created:?}");
        store.put(key, "new".into(), PutMode::Update(entry.version)).await.expect("it can be replaced");
        assert_eq!(fs::read(place.path().join(key)).expect("the file"), b"new");
    }
}

#[tokio::test]
async fn a_file_changed_by_hand_makes_the_swap_fail() {
    let (place, store) = file_store().await;
    let version = store.put("state", "ours".into(), PutMode::Create).await.expect("a first value");
    fs::write(place.path().join("state"), "by hand").expect("the edit");
    let swapped = store.put("state", "new".into(), PutMode::Update(version)).await;
    assert!(matches!(swapped, Err(Error::Conflict { .. })), "{swapped:?}");
    assert_eq!(fs::read(place.path().join("state")).expect("the file"), b"by hand");
}

#[tokio::test]
async fn a_huge_file_is_refused_and_set_aside_but_never_deleted() {
    let (place, store) = file_store().await;
    let path = place.path().join("state");
    let neighbour = store.put("neighbour", "value".into(), PutMode::Create).await.expect("a neighbour");
    for times in 1..=2 {
        let huge = File::create(&path).expect("the file");
        huge.set_len(VALUE_LIMIT + times).expect("a huge one");
        let refusals = [
            store.get("state").await.map(drop),
            store.list("").await.map(drop),
            store.put("state", "new".into(), PutMode::Update(neighbour.clone())).await.map(drop),
        ];
        for refused in refusals {
            let Err(Error::TooLarge { key, size, limit, .. }) = &refused else { panic!("{refused:?}") };
            assert_eq!((&**key, *size, *limit), ("state", VALUE_LIMIT + times, VALUE_LIMIT));
        }
        let created = store.put("state", "new".into(), PutMode::Create).await;
        assert!(matches!(created, Err(Error::Conflict { .. })), "{created:?}");

        store.delete("state").await.expect("it is set aside");
        assert_eq!(store.get("state").await.expect("a get"), None);
        let listed: Vec<_> = store.list("").await.expect("a list").into_iter().map(|e| e.key).collect();
        assert_eq!(listed, ["neighbour"]);
        let aside: Vec<_> =
            names(place.path()).into_iter().filter(|name| name.starts_with("state.aside-")).collect();
        assert_eq!(aside.len() as u64, times, "every one is kept: {aside:?}");
        store.put("state", "new".into(), PutMode::Create).await.expect("the key is free");
        store.delete("state").await.expect("a value of the right size is deleted");
    }
    let bytes: u64 =
        names(place.path()).iter().map(|name| fs::metadata(place.path().join(name)).expect("it").len()).sum();
    assert_eq!(2 * VALUE_LIMIT + 1 + 2 + 5, bytes, "both huge ones, and the neighbour");
}

#[tokio::test]
async fn what_is_not_ours_is_not_listed_and_not_touched() {
    let (place, store) = file_store().await;
    store.put("fleet/web-1", "value".into(), PutMode::Create).await.expect("one of ours");
    for foreign in [".hidden", "with space", "ü", "old.aside-1700000000000", "fleet/.web-1.swp", "fleet/a~"]
    {
        fs::write(place.path().join(foreign), "foreign").expect("a foreign file");
    }
    fs::create_dir_all(place.path().join(".git/objects")).expect("a foreign directory");
    symlink(place.path(), place.path().join("loop")).expect("a loop");
    let listed: Vec<_> = store.list("fleet").await.expect("a list").into_iter().map(|e| e.key).collect();
    assert_eq!(listed, ["fleet/web-1"]);
    let listed = store.list("").await.expect("a list of a loop ends");
    assert!(listed.iter().all(|entry| entry.key.ends_with("fleet/web-1")), "{listed:?}");
    store.delete("fleet/web-1").await.expect("a delete");
    assert_eq!(fs::read(place.path().join("fleet/a~")).expect("still there"), b"foreign");
}

#[tokio::test]
async fn the_leftovers_of_a_killed_writer_are_thrown_away_and_nobodys_link_is_followed() {
    let (place, store) = file_store().await;
    let temp = place.path().join(".tmp");
    fs::write(&temp, "half a val").expect("a leftover");
    store.put("state", "one".into(), PutMode::Create).await.expect("a write past a leftover");
    assert!(!temp.exists());

    let precious = place.path().join("precious");
    fs::write(&precious, "untouched").expect("somebody's file");
    symlink(&precious, &temp).expect("a link to it");
    store.put("state", "two".into(), PutMode::Overwrite).await.expect("a write past a link");
    assert_eq!(fs::read(&precious).expect("somebody's file"), b"untouched");
    assert!(fs::symlink_metadata(place.path().join("state")).expect("the value").is_file());
}

#[tokio::test]
async fn a_key_cannot_be_a_value_and_a_directory() {
    let (place, store) = file_store().await;
    store.put("a/b", "below".into(), PutMode::Create).await.expect("a value");
    assert_eq!(store.get("a").await.expect("a directory is no value"), None);
    assert_eq!(store.get("a/b/c").await.expect("nothing lies below a value"), None);
    store.delete("a").await.expect("a directory is no value to delete");
    for key in ["a", "a/b/c"] {
        let error = store.put(key, "value".into(), PutMode::Overwrite).await.expect_err("no room for it");
        assert!(error.to_string().contains("something else lies in the way"), "{error}");
    }
    assert_eq!(fs::read(place.path().join("a/b")).expect("the value"), b"below");
    assert_eq!(names(place.path()), [".lock", "a"]);
}

#[tokio::test]
async fn a_directory_that_has_gone_is_away_and_not_empty() {
    let (place, store) = file_store().await;
    store.put("state", "value".into(), PutMode::Create).await.expect("a value");
    let path = place.path().to_owned();
    fs::rename(&path, path.with_extension("gone")).expect("it goes");
    let away = [
        store.get("state").await.map(drop),
        store.list("").await.map(drop),
        store.put("state", "new".into(), PutMode::Create).await.map(drop),
        store.delete("state").await,
    ];
    fs::rename(path.with_extension("gone"), &path).expect("it comes back");
    for result in away {
        let error = result.expect_err("the directory has gone");
        assert!(error.to_string().contains("has gone: mount it"), "{error}");
    }
    assert_eq!(store.get("state").await.expect("a get").map(|e| e.value), Some("value".into()));
}

#[tokio::test]
async fn a_replaced_file_keeps_its_permissions() {
    let (place, store) = file_store().await;
    store.put("state", "one".into(), PutMode::Create).await.expect("a value");
    let path = place.path().join("state");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("permissions");
    store.put("state", "two".into(), PutMode::Overwrite).await.expect("another value");
    assert_eq!(fs::metadata(&path).expect("the value").permissions().mode() & 0o777, 0o640);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_kept() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let path = place.path().join("backsoon.db");
    let junk = "this is not a database, and it is long enough to be taken for one. ".repeat(100);
    fs::write(&path, &junk).expect("junk");
    let error = SqlStore::sqlite(&path).await.expect_err("it is no database").to_string();
    assert!(error.contains("not a database") && error.contains("move that file aside"), "{error}");
    assert_eq!(fs::read_to_string(&path).expect("the junk"), junk);
}

#[tokio::test]
async fn a_database_that_was_removed_or_replaced_is_away_and_takes_no_write() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let (path, moved) = (place.path().join("backsoon.db"), place.path().join("moved.db"));
    let store = SqlStore::sqlite(&path).await.expect("it opens");
    store.put("state", "value".into(), PutMode::Create).await.expect("a value");
    fs::rename(&path, &moved).expect("it goes");
    for what in ["removed", "replaced"] {
        if what == "replaced" {
            fs::write(&path, "").expect("another file in its place");
        }
        let away = [
            store.get("state").await.map(drop),
            store.list("").await.map(drop),
            store.put("state", "new".into(), PutMode::Overwrite).await.map(drop),
            store.delete("state").await,
        ];
        for result in away {
            let error = result.expect_err("it is another file");
            assert!(error.to_string().contains("removed or replaced while it was open"), "{error}");
        }
    }
    fs::rename(&moved, &path).expect("it comes back");
    assert_eq!(store.get("state").await.expect("a get").map(|e| e.value), Some("value".into()));
}

#[tokio::test]
async fn an_empty_file_is_an_empty_database() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let path = place.path().join("backsoon.db");
    File::create(&path).expect("an empty file");
    let store = SqlStore::sqlite(&path).await.expect("it opens");
    assert_eq!(store.list("").await.expect("a list without a table"), []);
    store.delete("state").await.expect("nothing to delete");
    store.put("state", "value".into(), PutMode::Create).await.expect("the table is made");
}

#[tokio::test]
async fn a_huge_row_is_refused_and_set_aside_but_never_deleted() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let path = place.path().join("backsoon.db");
    let store = SqlStore::sqlite(&path).await.expect("it opens");
    store.put("state", "value".into(), PutMode::Create).await.expect("a value");
    let by_hand = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut by_hand = by_hand.connect().await.expect("a connection");
    let enlarge = "UPDATE backsoon_entries SET value = zeroblob(16777217)";
    sqlx::query(enlarge).execute(&mut by_hand).await.expect("a huge value");

    for refused in [store.get("state").await.map(drop), store.list("").await.map(drop)] {
        assert!(matches!(refused, Err(Error::TooLarge { size: 16_777_217, .. })), "{refused:?}");
    }
    store.delete("state").await.expect("it is set aside");
    assert_eq!(store.get("state").await.expect("a get"), None);
    assert_eq!(store.list("").await.expect("a list"), []);
    let kept = "SELECT length(value) FROM backsoon_entries WHERE key LIKE 'state.aside-%'";
    let kept: i64 = sqlx::query_scalar(kept).fetch_one(&mut by_hand).await.expect("it is kept");
    assert_eq!(kept, 16_777_217);
    store.put("state", "new".into(), PutMode::Create).await.expect("the key is free");
}

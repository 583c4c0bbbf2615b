//! Places that refuse to be written: a sentence with the path and the way out, and the old value stays.

use std::error::Error as _;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use backsoon::store::{Error, FileStore, PutMode, Store};
use bytes::Bytes;

use super::child;

/// The kind of what the operating system said, and the whole sentence.
fn away<T: std::fmt::Debug>(result: Result<T, Error>) -> (Option<io::ErrorKind>, String) {
    let error = result.expect_err("it should have been refused");
    assert!(matches!(error, Error::Away { .. }), "{error:?}");
    let kind = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    (kind, error.to_string())
}

#[tokio::test]
async fn a_directory_behind_a_file_cannot_be_made() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let file = place.path().join("file");
    std::fs::write(&file, "mine").expect("a file");
    for path in [file.clone(), file.join("state")] {
        let (kind, sentence) = away(FileStore::open(&path).await);
        assert_eq!(kind, Some(io::ErrorKind::NotADirectory));
        assert!(sentence.contains(&path.display().to_string()) && sentence.contains("move it"), "{sentence}");
    }
    assert_eq!(std::fs::read(&file).expect("the file"), b"mine");
}

#[tokio::test]
async fn a_full_disk_keeps_the_old_file() {
    if let Some(url) = child::store_of_the_child() {
        let store = child::open(&url).await;
        let held = child::get(&store, "state").await.expect("the old value");
        let large = Bytes::from(vec![b'x'; 1024 * 1024]);
        for mode in [PutMode::Update(held.version.clone()), PutMode::Overwrite] {
            let (kind, sentence) = away(store.put("state", large.clone(), mode).await);
            assert_eq!(kind, Some(io::ErrorKind::FileTooLarge), "{sentence}");
            assert!(sentence.contains("/state") && sentence.contains("free some space"), "{sentence}");
        }
        assert_eq!(child::get(&store, "state").await, Some(held));
        return;
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    let url = format!("file:{}", place.path().join("state").display());
    let store = child::open(&url).await;
    store.put("state", "old".into(), PutMode::Create).await.expect("the old value");
    assert!(
        with_little_space("refused::a_full_disk_keeps_the_old_file", &url),
        "the child says what went wrong"
    );
    assert_eq!(child::get(&store, "state").await.map(|entry| entry.value), Some("old".into()));
    assert!(!place.path().join("state/.tmp").exists(), "half a value takes up the little space that is left");
}

#[tokio::test]
async fn a_full_disk_keeps_the_old_row() {
    if let Some(url) = child::store_of_the_child() {
        let store = child::open(&url).await;
        let held = child::get(&store, "state").await.expect("the old value");
        let large = Bytes::from(vec![b'x'; 1024 * 1024]);
        let (_, sentence) = away(store.put("state", large, PutMode::Update(held.version.clone())).await);
        assert!(sentence.contains("backsoon.db") && sentence.contains("full"), "{sentence}");
        assert_eq!(child::get(&store, "state").await, Some(held));
        return;
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite:{}", place.path().join("backsoon.db").display());
    let store = child::open(&url).await;
    store.put("state", "old".into(), PutMode::Create).await.expect("the old value");
    assert!(
        with_little_space("refused::a_full_disk_keeps_the_old_row", &url),
        "the child says what went wrong"
    );
    assert_eq!(child::get(&store, "state").await.map(|entry| entry.value), Some("old".into()));
}

/// Runs the child where no file may grow past 100 to 200 KiB: its writes fail half way, as on a full disk.
fn with_little_space(test: &str, url: &str) -> bool {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" XFSZ; ulimit -f 200; exec "$0" "$@""#]).arg(child::program());
    child::with_program(shell, test, url).status().expect("the child runs").success()
}

#[tokio::test]
async fn a_forbidden_directory_says_so() {
    if let Some(url) = child::store_of_the_child() {
        let store = child::open(&url).await;
        let held = child::get(&store, "state").await.expect("it may be read");
        assert_eq!(store.list("").await.expect("it may be listed").first(), Some(&held));
        for mode in [PutMode::Overwrite, PutMode::Update(held.version.clone())] {
            let (kind, sentence) = away(store.put("state", "new".into(), mode).await);
            assert_eq!(kind, Some(io::ErrorKind::PermissionDenied), "{sentence}");
            assert!(sentence.contains("chown") && sentence.contains(&url[5..]), "{sentence}");
        }
        away(store.delete("state").await);
        assert_eq!(child::get(&store, "state").await, Some(held));
        return;
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    let path = place.path().join("state");
    let url = format!("file:{}", path.display());
    let store = child::open(&url).await;
    store.put("state", "old".into(), PutMode::Create).await.expect("the old value");
    permit(place.path(), 0o755);
    permit(&path, 0o555);
    // Nothing is forbidden to root: the child is somebody else, with a copy of this binary that they may run.
    let copy = place.path().join("copy");
    std::fs::copy(child::program(), &copy).expect("a copy of this binary");
    permit(&copy, 0o755);
    let mut command =
        child::with_program(Command::new(&copy), "refused::a_forbidden_directory_says_so", &url);
    if std::fs::metadata(&copy).expect("the copy").uid() == 0 {
        command.uid(65_534).gid(65_534).current_dir("/");
    }
    let status = command.status().expect("the child runs");
    permit(&path, 0o755);
    assert!(status.success(), "the child says what went wrong");
    assert_eq!(child::get(&store, "state").await.map(|entry| entry.value), Some("old".into()));
}

fn permit(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
}

#[tokio::test]
async fn a_hung_writer_is_an_error_for_the_others_in_the_end() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let store = FileStore::open(place.path()).await.expect("the store opens");
    store.put("state", "old".into(), PutMode::Create).await.expect("the old value");
    let hung = std::fs::File::open(place.path().join(".lock")).expect("the lock");
    hung.lock().expect("the lock is free");

    let (kind, sentence) = away(store.put("state", "new".into(), PutMode::Overwrite).await);
    assert_eq!(kind, Some(io::ErrorKind::TimedOut));
    assert!(sentence.contains(".lock") && sentence.contains("end the process"), "{sentence}");
    assert_eq!(store.get("state").await.expect("reading needs no lock").map(|e| e.value), Some("old".into()));
}

#[tokio::test]
async fn a_write_that_was_given_up_in_the_line_never_lands() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let store = FileStore::open(place.path()).await.expect("the store opens");
    store.put("state", "old".into(), PutMode::Create).await.expect("the old value");
    let other = std::fs::File::open(place.path().join(".lock")).expect("the lock");
    other.lock().expect("the lock is free");

    let given_up = store.put("state", "given up".into(), PutMode::Overwrite);
    assert!(
        tokio::time::timeout(Duration::from_millis(50), given_up).await.is_err(),
        "it waits for the lock"
    );
    drop(other);
    // A later write comes after whatever the one given up might still do.
    store.put("marker", "later".into(), PutMode::Create).await.expect("the line moves on");
    assert_eq!(store.get("state").await.expect("a get").map(|e| e.value), Some("old".into()));
}

#[tokio::test]
async fn a_list_waits_until_nobody_writes_and_a_get_does_not() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let store = FileStore::open(place.path()).await.expect("the store opens");
    store.put("state", "value".into(), PutMode::Create).await.expect("a value");
    let writer = std::fs::File::open(place.path().join(".lock")).expect("the lock");
    writer.lock().expect("the lock is free");

    let list = store.list("");
    tokio::pin!(list);
    assert!(
        tokio::time::timeout(Duration::from_millis(200), &mut list).await.is_err(),
        "a name might be missed"
    );
    assert!(store.get("state").await.expect("reading needs no lock").is_some());
    drop(writer);
    assert_eq!(list.await.expect("a list").len(), 1);
}

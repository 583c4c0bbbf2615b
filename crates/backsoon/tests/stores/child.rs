//! This binary as a second process.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use backsoon::store::{Entry, Error, PutMode, Store};
use bytes::Bytes;

/// Names the store to the child, and by being set tells it that it is one.
const STORE: &str = "BACKSOON_TEST_CHILD_STORE";

/// The store that this process was started for, if it is a child.
pub(crate) fn store_of_the_child() -> Option<String> {
    std::env::var(STORE).ok()
}

/// Makes the command start `test` once more, as a child that works on the store.
pub(crate) fn with_program(mut command: Command, test: &str, store: &str) -> Command {
    command.args(["--exact", test, "--nocapture"]).env(STORE, store);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

pub(crate) fn program() -> std::path::PathBuf {
    std::env::current_exe().expect("the path of this binary")
}

/// Starts it; it ends at the latest with the test, however that ends.
pub(crate) fn start(test: &str, store: &str) -> Running {
    let command = with_program(Command::new(program()), test, store).spawn();
    Running(command.expect("the child starts"))
}

pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn open(url: &str) -> Arc<dyn Store> {
    backsoon::store::open(url).await.expect("the store opens")
}

pub(crate) async fn get(store: &Arc<dyn Store>, key: &str) -> Option<Entry> {
    store.get(key).await.expect("a get that works")
}

/// Adds one to the number under `key` by compare-and-swap.
pub(crate) async fn increment(store: &Arc<dyn Store>, key: &str) {
    loop {
        let (count, mode) = match get(store, key).await {
            Some(entry) => (number(&entry.value), PutMode::Update(entry.version)),
            None => (0, PutMode::Create),
        };
        match store.put(key, Bytes::from((count + 1).to_string()), mode).await {
            Ok(_) => return,
            Err(Error::Conflict { .. }) => {}
            Err(error) => panic!("an increment failed with more than a conflict: {error}"),
        }
    }
}

pub(crate) fn number(value: &[u8]) -> u64 {
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).expect("a number")
}

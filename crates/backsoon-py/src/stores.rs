//! The stores that this process has open.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use backsoon::Instance;
use backsoon::store::{self, MemoryStore, Store};
use backsoon::time::Timestamp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::process::Own;

/// The one store in memory of one generation: whoever closes and whoever follows are objects of their own in Python, and know
/// each other by the URL alone. Only looked at with the GIL held, which whoever forks holds as well.
static MEMORY: Mutex<Option<Own<Memory>>> = Mutex::new(None);

/// A store in memory, and who follows it.
#[derive(Default)]
struct Memory {
    store: MemoryStore,
    followers: Vec<Weak<Instance>>,
}

/// The store that `url` names, opened when it is first used. `memory:` is the same one for the whole process.
pub(crate) fn opened(_: Python<'_>, url: &str) -> PyResult<Arc<dyn Store>> {
    let store = store::awaited(url).map_err(|error| PyValueError::new_err(error.to_string()))?;
    if is_memory(url) { Ok(Arc::new(memory(|memory| memory.store.clone()))) } else { Ok(store) }
}

/// Notes that `instance` follows the store at `url`.
pub(crate) fn joined(_: Python<'_>, url: &str, instance: &Arc<Instance>) {
    if is_memory(url) {
        memory(|memory| {
            memory.followers.retain(|follower| follower.strong_count() > 0);
            memory.followers.push(Arc::downgrade(instance));
        });
    }
}

/// Hands what was written to the store at `control` to everybody in this process that follows it, if it is the one in memory:
/// a test that closes a site asks it at once.
pub(crate) async fn told(followers: Vec<Arc<Instance>>, control: &backsoon::Control) {
    if followers.is_empty() {
        return;
    }
    // A store in memory is never away; and a member that knows better keeps what it has.
    if let Ok(Some(state)) = control.read().await {
        for follower in followers {
            let _ = follower.apply(&state, Timestamp::now());
        }
    }
}

/// Who follows the store at `url`, if it is the one in memory.
pub(crate) fn followers(_: Python<'_>, url: &str) -> Vec<Arc<Instance>> {
    if is_memory(url) {
        memory(|memory| memory.followers.iter().filter_map(Weak::upgrade).collect())
    } else {
        Vec::new()
    }
}

fn is_memory(url: &str) -> bool {
    url.eq_ignore_ascii_case("memory:")
}

fn memory<T>(look: impl FnOnce(&mut Memory) -> T) -> T {
    let mut there = MEMORY.lock().unwrap_or_else(PoisonError::into_inner);
    if there.as_ref().and_then(Own::get).is_none() {
        *there = Some(Own::default());
    }
    let mut fresh = Memory::default();
    look(there.as_mut().and_then(Own::get_mut).unwrap_or(&mut fresh))
}

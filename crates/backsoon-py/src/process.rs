//! What belongs to one process: its runtime. A fork takes no threads along, so a child begins anew.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};

/// Counts the forks between the process in which Python began and this one.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The runtime of one generation. It lives as long as the process, since what runs on it does.
static RUNTIME: Mutex<Option<Own<&'static Runtime>>> = Mutex::new(None);

/// What belongs to the process that made it. A child of a fork never touches it, not even to drop it: the threads that it
/// needs stayed with the parent, and may have held its locks.
pub(crate) struct Own<T> {
    made_by: u32,
    value: Option<T>,
}

/// How many forks ago Python began.
pub(crate) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Counts every fork from now on, in the child. Python's own hook misses the forks of servers that embed it: uWSGI's
/// workers are not made by `os.fork`.
#[allow(unsafe_code, reason = "the C library's hook has no safe face")]
pub(crate) fn count_forks() -> std::io::Result<()> {
    extern "C" fn forked() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the function lives as long as the process, and does what POSIX allows between fork and exec: it adds to an
    // atomic number, takes no lock and allocates nothing.
    match unsafe { libc::pthread_atfork(None, None, Some(forked)) } {
        0 => Ok(()),
        code => Err(std::io::Error::from_raw_os_error(code)),
    }
}

/// This process's runtime, made when it is first needed. Call it with the GIL held: whoever forks holds it as well, so
/// the lock is never taken while another thread forks.
pub(crate) fn runtime(_: Python<'_>) -> PyResult<&'static Runtime> {
    let mut there = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = there.as_ref().and_then(Own::get) {
        return Ok(runtime);
    }
    let mut builder = Builder::new_multi_thread();
    let made = builder.worker_threads(1).thread_name("backsoon").enable_all().build();
    let made =
        made.map_err(|error| PyRuntimeError::new_err(format!("Backsoon cannot start its thread: {error}")))?;
    let runtime: &'static Runtime = Box::leak(Box::new(made));
    *there = Some(Own::new(runtime));
    Ok(runtime)
}

// === impl Own ===

impl<T> Own<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { made_by: generation(), value: Some(value) }
    }

    /// It, if this is the process that made it.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.made_by == generation())
    }

    /// It, to change it, likewise.
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        self.value.as_mut().filter(|_| self.made_by == generation())
    }

    /// It, taken out, likewise.
    pub(crate) fn take(mut self) -> Option<T> {
        if self.made_by == generation() { self.value.take() } else { None }
    }
}

impl<T: Default> Default for Own<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Drop for Own<T> {
    fn drop(&mut self) {
        if self.made_by != generation() {
            std::mem::forget(self.value.take());
        }
    }
}

//! One writer at a time, over all processes, and none that its caller has given up on.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::super::identity;

/// How long a writer waits for the others. A write takes milliseconds; whoever holds the lock for this long hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest pause between two tries, in microseconds. The pauses are random, so that no writer always loses.
const PAUSE: u64 = 2_000;

/// A place in the line for the lock. Whoever takes it first decides: the writer, who then works to the end, or
/// its caller, who has gone away.
#[derive(Clone)]
pub(super) struct Ticket(Arc<AtomicBool>);

/// Takes the ticket away from the writer when the caller goes.
pub(super) struct GiveUpOnDrop(Ticket);

/// A lock that is held. It is let go by saying so: to close the file would not do, since a process that was forked
/// meanwhile has a copy of it, and would hold the lock as long as it lives.
pub(super) struct Held(File);

/// Waits until this process holds the lock of `file` and nobody else does; it is let go when it is dropped.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] after [`PATIENCE`], [`io::ErrorKind::Interrupted`] if the caller has gone away,
/// [`io::ErrorKind::Unsupported`] if the file system has no locks.
pub(super) fn exclusive(path: &Path, ticket: &Ticket) -> io::Result<Held> {
    loop {
        let file = open(path)?;
        wait(|| file.try_lock(), || ticket.is_taken())?;
        let held = Held(file);
        // If somebody cleaned up meanwhile, others hold the lock of a newer file.
        if fs::metadata(path).ok().and_then(|at_path| identity(&at_path)) != identity(&held.metadata()?) {
            continue;
        }
        return if ticket.take() { Ok(held) } else { Err(gone()) };
    }
}

fn open(path: &Path) -> io::Result<File> {
    let to_write = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    match to_write {
        // It belongs to someone else who may write here; to lock it, reading is enough.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(path).map_err(|_| error),
        opened => opened,
    }
}

/// Waits until nobody writes, and keeps it so until what it returns is dropped.
///
/// `None` if there is no lock to hold: nobody has written here yet, or this user never may.
pub(super) fn shared(path: &Path) -> io::Result<Option<Held>> {
    let Ok(file) = File::open(path) else { return Ok(None) };
    match wait(|| file.try_lock_shared(), || false) {
        Ok(()) => Ok(Some(Held(file))),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(error),
    }
}

fn wait(
    mut try_lock: impl FnMut() -> Result<(), TryLockError>,
    given_up: impl Fn() -> bool,
) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(unsupported(error)),
        }
        if given_up() {
            return Err(gone());
        }
        if start.elapsed() > PATIENCE {
            let sentence = format!("another process has held it for {} s", PATIENCE.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, sentence));
        }
        std::thread::sleep(Duration::from_micros(fastrand::u64(100..PAUSE)));
    }
}

// === impl Held ===

impl Deref for Held {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// File systems say in several ways that they have no locks.
fn unsupported(error: io::Error) -> io::Error {
    /// "No locks available", which an NFS mount without a lock server says (Linux, errno.h).
    const ENOLCK: i32 = 37;
    /// "Function not implemented", which some FUSE file systems say (Linux, errno.h).
    const ENOSYS: i32 = 38;
    match error.raw_os_error() {
        Some(ENOLCK | ENOSYS) if cfg!(target_os = "linux") => {
            io::Error::new(io::ErrorKind::Unsupported, error.to_string())
        }
        _ => error,
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::Interrupted, "the caller has gone away, and nothing was written")
}

// === impl Ticket ===

impl Ticket {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    pub(super) fn give_up_on_drop(&self) -> GiveUpOnDrop {
        GiveUpOnDrop(self.clone())
    }

    /// True for the first who asks, and only for them.
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

// === impl GiveUpOnDrop ===

impl Drop for GiveUpOnDrop {
    fn drop(&mut self) {
        self.0.take();
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "in a test, to panic is to fail")]
mod tests {
    use super::*;

    #[test]
    fn who_gave_up_while_waiting_never_gets_the_lock() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join(".lock");
        let held = exclusive(&path, &Ticket::new()).expect("the first one gets it");
        let ticket = Ticket::new();
        let caller = ticket.give_up_on_drop();
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || exclusive(&path, &ticket).map_err(|error| error.kind())
        });
        drop(caller);
        drop(held);
        let outcome = waiting.join().expect("no panic").map(drop);
        assert_eq!(outcome, Err(io::ErrorKind::Interrupted));
        exclusive(&path, &Ticket::new()).expect("and the lock is free again");
    }

    #[test]
    fn the_lock_of_a_file_that_was_cleaned_up_is_no_lock() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join(".lock");
        let first = exclusive(&path, &Ticket::new()).expect("the lock");
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || exclusive(&path, &Ticket::new()).expect("the lock, in the end")
        });
        std::thread::sleep(Duration::from_millis(50));
        fs::remove_file(&path).expect("somebody cleans up");
        let newer = exclusive(&path, &Ticket::new()).expect("the lock of the newer file");
        drop(first);
        std::thread::sleep(Duration::from_millis(50));
        assert!(!waiting.is_finished(), "two writers at once, on two lock files");
        drop(newer);
        waiting.join().expect("no panic");
    }

    #[test]
    fn the_copy_that_a_fork_takes_along_holds_nothing() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join(".lock");
        let held = exclusive(&path, &Ticket::new()).expect("the lock");
        // A fork copies the descriptor, and so does this (fork(2), flock(2)).
        let copy = held.try_clone().expect("a copy");
        drop(held);
        exclusive(&path, &Ticket::new()).expect("it is free");
        drop(copy);
    }

    #[test]
    fn readers_share_and_a_writer_waits_for_them() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join(".lock");
        assert!(shared(&path).expect("no lock yet").is_none());
        drop(exclusive(&path, &Ticket::new()).expect("the lock"));
        let readers = [shared(&path).expect("one reader"), shared(&path).expect("two readers")];
        assert!(readers.iter().all(Option::is_some));
        let writer = File::open(&path).expect("the file");
        assert!(matches!(writer.try_lock(), Err(TryLockError::WouldBlock)));
        drop(readers);
        writer.try_lock().expect("free once the readers have gone");
    }
}

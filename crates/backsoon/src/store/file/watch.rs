//! "Look again", said by the operating system.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_core::stream::BoxStream;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;

/// How long to wait before the next try where the system cannot watch (or can watch no more). Each try is a hint.
const RETRY: Duration = Duration::from_secs(1);

/// Watches one file through the directory that it lies in, for a rename into place shows only there.
struct Watch {
    file: PathBuf,
    bell: Arc<Bell>,
    /// The one at work; `None` before the first hint and after a failure.
    watcher: Option<RecommendedWatcher>,
    /// Whether watching has failed before; it is logged once.
    failed: bool,
}

#[derive(Default)]
struct Bell {
    rung: Notify,
    begin: AtomicBool,
}

#[derive(PartialEq, Eq)]
enum Again {
    /// At the file.
    Look,
    /// With a new watcher: the watched directory was moved or deleted, or a nearer one has come.
    Begin,
}

/// The first hint says that the watch has begun.
pub(super) fn hints(file: PathBuf) -> BoxStream<'static, ()> {
    let watch = Watch { file, bell: Arc::default(), watcher: None, failed: false };
    Box::pin(futures_util::stream::unfold(watch, |mut watch| async move {
        watch.next().await;
        Some(((), watch))
    }))
}

// === impl Watch ===

impl Watch {
    async fn next(&mut self) {
        if self.watcher.is_some() {
            self.bell.rung.notified().await;
            if !self.bell.begin.swap(false, Ordering::AcqRel) {
                return;
            }
            self.watcher = None;
        } else if self.failed {
            tokio::time::sleep(RETRY).await;
        }
        let (file, bell) = (self.file.clone(), Arc::clone(&self.bell));
        let begun = tokio::task::spawn_blocking(move || begin(&file, bell)).await;
        match begun.unwrap_or_else(|stopped| Err(notify::Error::generic(&stopped.to_string()))) {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) if !self.failed => {
                tracing::warn!(file = %self.file.display(), %error, "cannot watch this file; looking once a second");
                self.failed = true;
            }
            Err(_) => {}
        }
    }
}

/// Watches the file's directory, or the nearest one above it until that is made.
fn begin(file: &Path, bell: Arc<Bell>) -> notify::Result<RecommendedWatcher> {
    let parent = file.parent().unwrap_or(file);
    let nearest = parent.ancestors().find(|directory| directory.is_dir()).unwrap_or(parent);
    let (watched, whole) = (nearest.to_owned(), file.to_owned());
    let is_parent = nearest == parent;
    let to_ring = Arc::clone(&bell);
    let ring = move |event: notify::Result<notify::Event>| match event {
        // Readers are no reason to read again.
        Ok(event) if event.kind.is_access() && !event.need_rescan() => {}
        Ok(event) if event.paths.contains(&watched) => to_ring.ring(Again::Begin),
        Ok(event) if event.need_rescan() || event.paths.iter().any(|path| whole.starts_with(path)) => {
            to_ring.ring(if is_parent { Again::Look } else { Again::Begin });
        }
        Ok(_) => {}
        Err(_) => to_ring.ring(Again::Begin),
    };
    let mut watcher = notify::recommended_watcher(ring)?;
    watcher.watch(nearest, RecursiveMode::NonRecursive)?;
    if !is_parent && parent.ancestors().find(|directory| directory.is_dir()) != Some(nearest) {
        // The directory was made between our look and our watch.
        bell.ring(Again::Begin);
    }
    Ok(watcher)
}

// === impl Bell ===

impl Bell {
    fn ring(&self, again: Again) {
        if again == Again::Begin {
            self.begin.store(true, Ordering::Release);
        }
        self.rung.notify_one();
    }
}

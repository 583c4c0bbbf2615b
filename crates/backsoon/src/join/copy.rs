//! The local copy of the last known State: one file, replaced in one step.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use crate::document::{State, Unreadable};

/// The State that was kept at `path`, if one was.
pub(super) async fn read(path: &Path) -> Result<Option<State>, String> {
    let bytes = match off_thread(path, |path| std::fs::read(path)).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    State::from_bytes(&bytes).map(Some).map_err(|why: Unreadable| why.to_string())
}

/// Keeps `state` at `path`.
pub(super) async fn write(path: &Path, state: &State) -> io::Result<()> {
    let bytes = state.to_bytes();
    off_thread(path, move |path| {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        // A name of its own: two instances may keep one copy.
        let draft = path.with_extension(format!("{:08x}.tmp", fastrand::u32(..)));
        let mut file = options().open(&draft)?;
        io::Write::write_all(&mut file, &bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    })
    .await
}

/// For a new file that nobody else may read: a State has the keys of its passes in it.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Disks can be slow, and the runtime's threads serve requests.
async fn off_thread<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce(&PathBuf) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || work(&path))
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn nobody_else_reads_the_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("copy");
        // As an earlier version has left it.
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, &State::new()).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

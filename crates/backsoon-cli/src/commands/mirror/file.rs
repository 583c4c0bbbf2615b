//! A file that is always whole: whoever reads it sees the old content or the new one, also after a power cut.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Makes `path` hold `wanted`, or be gone; one that does already is not touched.
///
/// # Errors
/// When that cannot be done; the file is as it was then.
pub(super) fn keep(path: &Path, wanted: Option<&[u8]>) -> Result<()> {
    let held = match fs::read(path) {
        Ok(held) => Some(held),
        // Without its folder it could never be written: better to hear that now.
        Err(error) if error.kind() == ErrorKind::NotFound && folder(path).is_dir() => None,
        Err(error) => return Err(error).with_context(|| format!("{} cannot be written", path.display())),
    };
    if held.as_deref() == wanted {
        return Ok(());
    }
    let kept = match wanted {
        Some(bytes) => write(path, bytes),
        None => fs::remove_file(path).and_then(|()| sync(folder(path))),
    };
    kept.with_context(|| format!("{} cannot be written", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
    // Beside it, since a rename is whole only within one file system.
    let apart = folder(path).join(format!(".{name}.{}", std::process::id()));
    let written = File::create(&apart).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&apart, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&apart);
    }
    renamed.and_then(|()| sync(folder(path)))
}

/// The entry in the folder lasts only when the folder is written, too.
fn sync(folder: PathBuf) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn folder(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_gone_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("flag");
        keep(&path, None).unwrap();
        keep(&path, Some(b"on")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"on");
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        keep(&path, Some(b"on")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before, "not touched");
        keep(&path, Some(b"hold")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"hold");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        keep(&path, None).unwrap();
        assert!(!path.exists());
        for wanted in [Some(&b"on"[..]), None] {
            let nowhere = keep(&folder.path().join("none/flag"), wanted).unwrap_err();
            assert!(format!("{nowhere:#}").contains("none/flag"), "{nowhere:#}");
        }
    }
}

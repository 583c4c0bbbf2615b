//! A file that is always whole: whoever reads it sees the old content or the new one, also after a power cut.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// What was to be done about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    AsItWas,
    MadeSo,
}

/// Makes `path` hold `wanted`, or be gone; one that does already is not touched.
///
/// # Errors
/// When that cannot be done; the file is as it was then.
pub(super) fn keep(path: &Path, wanted: Option<&[u8]>) -> Result<Kept> {
    let held = match fs::read(path) {
        Ok(held) => Some(held),
        // Without its folder it could never be written: better to hear that now.
        Err(error) if error.kind() == ErrorKind::NotFound && folder(path).is_dir() => None,
        Err(error) => return Err(error).with_context(|| format!("{} cannot be written", path.display())),
    };
    if held.as_deref() == wanted {
        return Ok(Kept::AsItWas);
    }
    let kept = match wanted {
        Some(bytes) => write(path, bytes),
        None => fs::remove_file(path).and_then(|()| sync(folder(path))),
    };
    kept.with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(Kept::MadeSo)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
    // Beside it, since a rename is whole only within one file system.
    let apart = folder(path).join(format!(".{name}.{}", std::process::id()));
    // What a crash has left, or a link to a file of somebody else's: never written through.
    let _ = fs::remove_file(&apart);
    let written = File::create_new(&apart).and_then(|mut file| {
        // Whom it was made readable for may go on reading it.
        if let Ok(before) = fs::metadata(path) {
            file.set_permissions(before.permissions())?;
        }
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
        assert_eq!(keep(&path, Some(b"on")).unwrap(), Kept::AsItWas);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before, "not touched");
        assert_eq!(keep(&path, Some(b"hold")).unwrap(), Kept::MadeSo);
        assert_eq!(fs::read(&path).unwrap(), b"hold");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        keep(&path, None).unwrap();
        assert!(!path.exists());
        for wanted in [Some(&b"on"[..]), None] {
            let nowhere = keep(&folder.path().join("none/flag"), wanted).unwrap_err();
            assert!(format!("{nowhere:#}").contains("none/flag"), "{nowhere:#}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_lies_in_the_way_is_not_followed_and_who_may_read_stays() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (path, of_another) = (folder.path().join("page"), folder.path().join("of-another"));
        fs::write(&of_another, "theirs").unwrap();
        symlink(&of_another, folder.path().join(format!(".page.{}", std::process::id()))).unwrap();
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        keep(&path, Some(b"closed")).unwrap();
        assert_eq!(fs::read(&of_another).unwrap(), b"theirs");
        assert_eq!(fs::read(&path).unwrap(), b"closed");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }
}

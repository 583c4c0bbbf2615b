//! Single steps on disk. Everything here blocks.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::super::{ASIDE, VALUE_LIMIT, now_in_millis};

/// What a file turned out to be.
pub(super) enum Found {
    Value(Vec<u8>),
    /// Its size in bytes.
    TooLarge(u64),
}

/// Whether a change must outlive a power cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Durable {
    Yes,
    No,
}

pub(super) fn load(path: &Path) -> io::Result<Option<Found>> {
    // Asked before it is opened: to open a pipe would wait for its other end.
    if !metadata(path)?.is_some_and(|found| found.is_file()) {
        return Ok(None);
    }
    let file = match File::open(path) {
        Err(error) if is_absence(&error) => return Ok(None),
        opened => opened?,
    };
    let size = file.metadata()?.len();
    if size > VALUE_LIMIT {
        return Ok(Some(Found::TooLarge(size)));
    }
    let mut value = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    let read = file.take(VALUE_LIMIT + 1).read_to_end(&mut value)? as u64;
    Ok(Some(if read > VALUE_LIMIT { Found::TooLarge(read) } else { Found::Value(value) }))
}

pub(super) fn metadata(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(path) {
        Err(error) if is_absence(&error) => Ok(None),
        found => found.map(Some),
    }
}

/// True if there is nothing under that name, or a file where a directory of keys would be.
pub(super) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Writes a new file, with the permissions and the owner of the one that it will replace.
pub(super) fn fill(temp: &Path, value: &[u8], held: Option<&Metadata>, durable: Durable) -> io::Result<()> {
    match fs::remove_file(temp) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // New, so that nobody's link or open file is written through.
    let mut file = OpenOptions::new().write(true).create_new(true).open(temp)?;
    if let Some(held) = held {
        file.set_permissions(held.permissions())?;
        hand_over(&file, held)?;
    } else if let Some(parent) = temp.parent() {
        hand_over(&file, &fs::metadata(parent)?)?;
    }
    file.write_all(value)?;
    if durable == Durable::Yes {
        file.sync_all()?;
    }
    Ok(())
}

/// Renames without ever replacing what was set aside before.
pub(super) fn set_aside(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut places = (now_in_millis()..).map(|time| path.with_file_name(format!("{name}{ASIDE}{time}")));
    let free = places.find(|place| fs::symlink_metadata(place).is_err_and(|error| is_absence(&error)));
    fs::rename(path, free.ok_or(io::ErrorKind::AlreadyExists)?)
}

/// Gives a file made by root to whom its neighbours belong, so that a closing by root locks no server out.
#[cfg(unix)]
pub(super) fn hand_over(file: &File, like: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    if file.metadata()?.uid() != like.uid() {
        // Only root may; for everybody else the file stays their own, as any file that they make.
        let _ = fchown(file, Some(like.uid()), Some(like.gid()));
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn hand_over(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Makes a rename in it outlive a power cut.
#[cfg(unix)]
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Only Unix can sync a directory; elsewhere the file system keeps its own journal.
#[cfg(not(unix))]
pub(super) fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

//! The store's directory: which file a key is, and what it takes to change one. Everything here blocks.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::super::{Entry, Error, PutMode, Result, VALUE_LIMIT, Version, check_key};
use super::disk::{Durable, Found, fill, hand_over, is_absence, load, metadata, set_aside, sync_directory};
use super::lock::{self, Held, Ticket};
use super::trouble;

/// No key starts with a dot, so these two never hide a value.
const LOCK: &str = ".lock";
const TEMP: &str = ".tmp";

#[derive(Debug)]
pub(super) struct Directory(PathBuf);

// === impl Directory ===

impl Directory {
    pub(super) fn new(path: PathBuf) -> Arc<Self> {
        // A path that cannot be made absolute is used as it is, and the first use of it says what is wrong.
        Arc::new(Self(std::path::absolute(&path).unwrap_or(path)))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn path_of(&self, key: &str) -> PathBuf {
        self.0.join(key)
    }

    pub(super) fn url(&self) -> String {
        trouble::url(&self.0)
    }

    pub(super) fn away(&self, doing: &str, path: &Path, error: io::Error) -> Error {
        trouble::away(&self.0, doing, path.display(), &error)
    }

    pub(super) fn make(&self) -> Result<()> {
        let failed = |error| self.away("making the directory", &self.0, error);
        if self.exists()? {
            return Ok(());
        }
        fs::create_dir_all(&self.0).map_err(failed)?;
        self.0.parent().map_or(Ok(()), sync_directory).map_err(failed)
    }

    pub(super) fn exists(&self) -> Result<bool> {
        let failed = |error| self.away("opening the directory", &self.0, error);
        match fs::metadata(&self.0) {
            Ok(found) if found.is_dir() => Ok(true),
            Ok(_) => Err(failed(io::ErrorKind::NotADirectory.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) fn lock(&self, ticket: &Ticket) -> Result<Held> {
        let path = self.0.join(LOCK);
        let lock = lock::exclusive(&path, ticket).map_err(|error| self.away("locking", &path, error))?;
        // Only owner and group matter here: a lock made by root must stay usable for the directory's owner.
        let _ = fs::metadata(&self.0).map(|directory| hand_over(&lock, &directory));
        Ok(lock)
    }

    pub(super) fn read(&self, key: &str) -> Result<Option<Entry>> {
        let path = self.path_of(key);
        match load(&path).map_err(|error| self.away("reading", &path, error))? {
            Some(Found::Value(value)) => {
                let version = version_of(&value);
                Ok(Some(Entry { key: key.to_owned(), value: value.into(), version }))
            }
            Some(Found::TooLarge(size)) => {
                Err(Error::TooLarge { key: key.to_owned(), store: self.url(), size, limit: VALUE_LIMIT })
            }
            None => self.must_be_there().map(|()| None),
        }
    }

    /// Call it under the lock.
    pub(super) fn write(&self, key: &str, value: &[u8], mode: &PutMode) -> Result<Version> {
        let path = self.path_of(key);
        let failed = |error| self.away("writing", &path, error);
        let conflict = || Error::Conflict { key: key.to_owned() };
        let held = metadata(&path).map_err(failed)?.filter(Metadata::is_file);
        match mode {
            PutMode::Overwrite => {}
            PutMode::Create if held.is_none() => {}
            PutMode::Update(expected) if self.read(key)?.is_some_and(|held| held.version == *expected) => {}
            PutMode::Create | PutMode::Update(_) => return Err(conflict()),
        }
        let durable = if *mode == PutMode::Overwrite { Durable::No } else { Durable::Yes };
        let parent = self.make_parent(key, durable)?;
        let temp = parent.join(TEMP);
        let replaced = fill(&temp, value, held.as_ref(), durable).and_then(|()| fs::rename(&temp, &path));
        if let Err(error) = replaced {
            // What cannot be removed now is removed by the next writer.
            let _ = fs::remove_file(&temp);
            return Err(failed(error));
        }
        if durable == Durable::Yes {
            sync_directory(&parent).map_err(failed)?;
        }
        Ok(version_of(value))
    }

    /// Call it under the lock.
    pub(super) fn remove(&self, key: &str) -> Result<()> {
        let path = self.path_of(key);
        let failed = |error| self.away("deleting", &path, error);
        match metadata(&path).map_err(failed)? {
            Some(file) if file.is_file() && file.len() > VALUE_LIMIT => set_aside(&path),
            Some(file) if file.is_file() => fs::remove_file(&path),
            // A directory of other keys is no value.
            Some(_) | None => return Ok(()),
        }
        .and_then(|()| path.parent().map_or(Ok(()), sync_directory))
        .map_err(failed)
    }

    pub(super) fn list(&self, prefix: &str) -> Result<Vec<Entry>> {
        self.must_be_there()?;
        let path = self.0.join(LOCK);
        // While a file is replaced, reading the directory may miss its name: a member would vanish from the fleet.
        let _lock = lock::shared(&path).map_err(|error| self.away("locking", &path, error))?;
        let mut entries = Vec::new();
        let parents = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
        self.walk(parents, prefix, &mut entries)?;
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(entries)
    }

    /// Adds what lies under `parents` (empty, or with a slash at its end) and starts with `prefix`.
    fn walk(&self, parents: &str, prefix: &str, entries: &mut Vec<Entry>) -> Result<()> {
        let directory = self.0.join(parents);
        let failed = |error| self.away("listing", &directory, error);
        let names = match fs::read_dir(&directory) {
            Ok(names) => names,
            Err(error) if is_absence(&error) => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        for name in names {
            let name = name.map_err(failed)?.file_name();
            let key = name.to_str().map(|name| format!("{parents}{name}"));
            // Everything else is not ours: locks, temporary files, damaged values set aside, and other people's.
            let Some(key) = key.filter(|key| key.starts_with(prefix) && check_key(key).is_ok()) else {
                continue;
            };
            match metadata(&self.path_of(&key)).map_err(failed)? {
                Some(found) if found.is_dir() => self.walk(&format!("{key}/"), prefix, entries)?,
                Some(_) | None => entries.extend(self.read(&key)?),
            }
        }
        Ok(())
    }

    /// A directory that has gone (an unmounted disk, say) is not an empty store.
    fn must_be_there(&self) -> Result<()> {
        if self.exists()? {
            return Ok(());
        }
        Err(self.away("looking into", &self.0, io::ErrorKind::NotFound.into()))
    }

    /// Makes the directories between the store's own, which must be there, and the key's file.
    fn make_parent(&self, key: &str, durable: Durable) -> Result<PathBuf> {
        let mut directory = self.0.clone();
        let mut above = key.split('/').collect::<Vec<_>>();
        above.pop();
        for segment in above {
            let parent = directory.clone();
            directory.push(segment);
            let failed = |error| self.away("making the directory", &directory, error);
            match fs::create_dir(&directory) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(failed(error)),
            }
            // As for the lock: best done, and no harm if it cannot be.
            let _ = fs::metadata(&parent).and_then(|above| hand_over(&File::open(&directory)?, &above));
            if durable == Durable::Yes {
                sync_directory(&parent).map_err(failed)?;
            }
        }
        Ok(directory)
    }
}

fn version_of(value: &[u8]) -> Version {
    use std::fmt::Write as _;
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(value) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    Version(hex)
}

//! What the database refused, as a sentence with the way out.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use super::super::super::{Error, Result};

/// The file, if there is one: found out before the database says no more than "unable to open".
pub(super) async fn look_at(path: &Path) -> Result<Option<Metadata>> {
    let not = |sentence: String| {
        let source = io::Error::other(sentence).into();
        Err(Error::Away { store: url(path), doing: "opening it".to_owned(), source })
    };
    let file = path.to_owned();
    let looked = tokio::task::spawn_blocking(move || {
        let parent =
            file.parent().map_or(Ok(true), |parent| fs::metadata(parent).map(|found| found.is_dir()));
        (fs::metadata(&file), parent)
    });
    match looked.await.map_err(io::Error::other) {
        Ok((Ok(found), _)) if found.is_file() => Ok(Some(found)),
        Ok((Ok(_), _)) => not(format!("{} is not a file; move it, or name another file", path.display())),
        Ok((Err(_), Ok(true))) => Ok(None),
        Ok((Err(_), Ok(false))) => {
            not(format!("the parent of {} is not a directory; name another file", path.display()))
        }
        Ok((Err(_), Err(error))) => {
            not(format!("{error}: the directory of {}; make it first, or name another file", path.display()))
        }
        Err(error) => not(error.to_string()),
    }
}

pub(super) fn away(path: &Path, doing: &str, error: sqlx::Error) -> Error {
    let way_out = way_out(code(&error));
    let sentence = match error.as_database_error() {
        Some(error) => format!("{} (SQLite {}); {way_out}", error.message(), code_text(error)),
        None => format!("{error}; {way_out}"),
    };
    Error::Away { store: url(path), doing: doing.to_owned(), source: io::Error::other(sentence).into() }
}

/// The file at `path` is not the one that is open: what is written now would be lost with it.
pub(super) fn replaced(path: &Path) -> Error {
    let sentence =
        "the file was removed or replaced while it was open; put it back, or start this process again";
    Error::Away {
        store: url(path),
        doing: "looking at it".to_owned(),
        source: io::Error::new(io::ErrorKind::NotFound, sentence).into(),
    }
}

pub(super) fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// True if others hold the database, and nothing was done: SQLITE_BUSY, SQLITE_LOCKED or SQLITE_PROTOCOL
/// (<https://sqlite.org/rescode.html>).
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(code(error), Some(5 | 6 | 15))
}

/// True before the first write.
pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.message().starts_with("no such table"))
}

/// SQLite's primary result code, which is the low byte of the extended one.
fn code(error: &sqlx::Error) -> Option<u32> {
    let extended: u32 = code_text(error.as_database_error()?).parse().ok()?;
    Some(extended & 0xff)
}

fn code_text(error: &dyn sqlx::error::DatabaseError) -> String {
    error.code().map(std::borrow::Cow::into_owned).unwrap_or_default()
}

fn way_out(code: Option<u32>) -> &'static str {
    match code {
        Some(3 | 8 | 14 | 23) => "let this user write to the file and to its directory, which holds its log",
        Some(5 | 6 | 15) => "another process has held it for 10 s: end that one, and try again",
        Some(10) => {
            "the disk failed or is full, and the old value is still there: free some space, or look into the system's log"
        }
        Some(11) => "the database is damaged: nothing was changed; restore it, or move it aside",
        Some(13) => "the old value is still there: free some space, and try again",
        Some(26) => "nothing was changed; move that file aside, or name another one",
        _ => "look at that file, or choose another store with --store",
    }
}

//! What the operating system refused, as a sentence with the way out.

use std::fmt::Display;
use std::io;
use std::path::Path;

use super::super::Error;

/// The store at `root` is away: `doing` something with `path` ended in `error`.
pub(super) fn away(root: &Path, doing: &str, path: impl Display, error: &io::Error) -> Error {
    let sentence = format!("{error}; {}", way_out(error.kind()));
    Error::Away {
        store: url(root),
        doing: format!("{doing} {path}"),
        // The kind is kept, for those who tell a full disk from a forbidden one.
        source: io::Error::new(error.kind(), sentence).into(),
    }
}

pub(super) fn url(root: &Path) -> String {
    format!("file:{}", root.display())
}

fn way_out(kind: io::ErrorKind) -> &'static str {
    use io::ErrorKind as Kind;
    match kind {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => {
            "the old value is still there: free some space, or raise the limit, and try again"
        }
        Kind::PermissionDenied => {
            "let this user read and write there (chown, chmod), or choose another store with --store"
        }
        Kind::ReadOnlyFilesystem => "mount it for writing, or choose another store with --store",
        Kind::Unsupported => {
            "this file system has no locks: choose a directory on a local disk, or a store of another kind"
        }
        Kind::TimedOut => {
            "end the process that holds the lock (`fuser` on that file shows it), and try again"
        }
        Kind::NotFound => "the store's directory has gone: mount it or make it, and try again",
        Kind::NotADirectory | Kind::IsADirectory | Kind::AlreadyExists => {
            "something else lies in the way: move it, or choose another store with --store"
        }
        _ => "look at that path, or choose another store with --store",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_keeps_its_kind_and_names_the_path_and_the_way_out() {
        let full = io::Error::from_raw_os_error(28);
        let error = away(Path::new("/srv/state"), "writing", "/srv/state/fleet/web-1", &full);
        let Error::Away { source, .. } = &error else { panic!("not away: {error}") };
        assert_eq!(source.downcast_ref::<io::Error>().map(io::Error::kind), Some(io::ErrorKind::StorageFull));
        assert_eq!(
            error.to_string(),
            "the store file:/srv/state is away: writing /srv/state/fleet/web-1: No space left on device (os error 28); \
             the old value is still there: free some space, or raise the limit, and try again"
        );
    }

    #[test]
    fn each_kind_of_trouble_has_a_way_out_of_its_own() {
        let numbers =
            [(13, "chown"), (30, "mount it for writing"), (122, "free some space"), (95, "no locks")];
        for (number, word) in numbers {
            let kind = io::Error::from_raw_os_error(number).kind();
            assert!(way_out(kind).contains(word), "{kind:?}: {}", way_out(kind));
        }
    }
}

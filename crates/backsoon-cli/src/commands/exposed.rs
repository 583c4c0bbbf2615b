//! Who else on this machine can read a store that lies in files.

use std::path::{Path, PathBuf};

/// A sentence with the way out, if the files of the store at `url` are open to everybody on this machine.
///
/// A store on another machine, or one that cannot be looked at, is nobody's here.
pub(super) fn exposed(url: &str) -> Option<String> {
    let path = PathBuf::from(url.strip_prefix("file:").or_else(|| url.strip_prefix("sqlite:"))?);
    let file = if path.is_dir() { path.join("state") } else { path.clone() };
    if !(others_read(&file)? && file.ancestors().skip(1).all(|folder| others_enter(folder) != Some(false))) {
        return None;
    }
    let path = path.display();
    Some(format!("everybody on this machine can read it, and the keys of passes in it: chmod o-rwx {path}"))
}

#[cfg(unix)]
fn others(path: &Path, bit: u32) -> Option<bool> {
    use std::os::unix::fs::PermissionsExt;
    Some(std::fs::metadata(path).ok()?.permissions().mode() & bit != 0)
}

/// Elsewhere rights are no bits, and nothing is claimed.
#[cfg(not(unix))]
fn others(_: &Path, _: u32) -> Option<bool> {
    None
}

fn others_read(file: &Path) -> Option<bool> {
    others(file, 0o004)
}

fn others_enter(folder: &Path) -> Option<bool> {
    others(folder, 0o001)
}

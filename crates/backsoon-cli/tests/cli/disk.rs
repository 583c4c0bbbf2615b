//! Disks that take nothing more: the error is clear, and nothing is lost.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::place::{Place, Ran, words};

/// Every file below `folder` with its bytes, but for locks.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.file_name().unwrap() != ".lock" {
            let bytes = std::fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

/// Runs `line` in a shell that allows no file to become larger than `blocks` (of 512 bytes, POSIX `ulimit`).
fn limited(place: &Place, blocks: u32, line: &str) -> Ran {
    let program = assert_cmd::cargo::cargo_bin("backsoon");
    // Without the trap the kernel would end the process instead of telling it that the file is full.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = place.program("sh");
    command.args(["-c", &script]).arg(program).args(words(line));
    Ran::of(&mut command)
}

#[test]
fn a_full_disk_keeps_the_old_state() {
    let place = Place::new();
    place.done("on --store file:./state --message before");
    let before = files(&place.path("state"));
    let long = "x".repeat(2_000);
    for line in [
        format!("on --store file:./state --message {long}"),
        format!("on --store file:./state --site a.example --new-site --note {long}"),
    ] {
        let ran = limited(&place, 2, &line);
        assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{ran:?}");
        assert!(ran.err.contains("File too large") && ran.err.contains("free some space"), "{ran:?}");
        assert!(ran.err.contains("the old value is still there"), "{ran:?}");
        let left: BTreeMap<_, _> = files(&place.path("state"))
            .into_iter()
            .filter(|(path, _)| !path.to_string_lossy().contains("history"))
            .collect();
        assert_eq!(left, before, "the state as it was, and no leftovers");
    }
    let status = place.json("status --store file:./state");
    assert_eq!(status["sites"]["*"]["windows"].as_array().unwrap().len(), 1);
    place.done("on --store file:./state --message after");
    let history = place.json("history --store file:./state");
    assert_eq!(history.as_array().unwrap().len(), 2, "and the history has no gap");
}

#[test]
fn a_full_disk_keeps_the_old_rows() {
    let place = Place::new();
    place.done("on --store sqlite:./a.db --message before");
    let sites: String = (0..50).map(|site| format!(" --site {site}.example")).collect();
    let long = "x".repeat(2_000);
    let ran = limited(&place, 64, &format!("on --store sqlite:./a.db --message {long} --new-site{sites}"));
    assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{ran:?}");
    assert!(
        ran.err.contains("free some space") && ran.err.contains("the old value is still there"),
        "{ran:?}"
    );
    assert_eq!(place.json("status --store sqlite:./a.db")["sites"]["*"]["windows"][0]["message"], "before");
    place.done("on --store sqlite:./a.db --message after");
    assert_eq!(place.json("history --store sqlite:./a.db").as_array().unwrap().len(), 2);
}

#[test]
fn a_file_in_the_way_stays_as_it_is() {
    let place = Place::new();
    place.write("state", "precious");
    for line in ["on", "off", "status", "history", "check", "serve --upstream http://127.0.0.1:9"] {
        let ran = place.run(&format!("{line} --store file:./state"));
        assert_eq!(ran.code, 4, "{line}: {ran:?}");
        let said = ran.shown();
        assert!(said.contains("something else lies in the way: move it"), "{line}: {said}");
    }
    let ran = place.run("on --store file:./state/below");
    assert_eq!(ran.code, 4, "{ran:?}");
    assert_eq!(std::fs::read_to_string(place.path("state")).unwrap(), "precious");

    place.done("on --store file:./other");
    std::fs::remove_dir_all(place.path("other/history")).ok();
    std::fs::write(place.path("other/history"), "precious").unwrap();
    let before = std::fs::read(place.path("other/state")).unwrap();
    let ran = place.run("off --store file:./other");
    assert_eq!(ran.code, 4, "what cannot be filed is not replaced: {ran:?}");
    assert_eq!(std::fs::read(place.path("other/state")).unwrap(), before);
    assert_eq!(std::fs::read_to_string(place.path("other/history")).unwrap(), "precious");
}

#[test]
fn nobody_writes_where_nothing_can_be_written() {
    let place = Place::new();
    // Not even root can make anything in there.
    let ran = place.run("on --store file:/proc/backsoon");
    assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{ran:?}");
    assert!(ran.err.contains("/proc/backsoon"), "{ran:?}");
    let ran = place.run("on --store sqlite:/proc/backsoon.db");
    assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{ran:?}");
    assert!(ran.err.contains("/proc/backsoon.db"), "{ran:?}");
}

#[test]
fn who_may_read_but_not_write_hears_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.done("on --store file:./state");
    let before = files(&place.path("state"));
    // Root writes anywhere, so root becomes nobody for this; everybody else is just locked out of the folder.
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    for folder in [place.root().to_owned(), place.path("")] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    std::fs::set_permissions(place.path("state"), std::fs::Permissions::from_mode(0o555)).unwrap();
    let run = |line: &str| {
        // Where nobody may read the program that is tested, a copy serves as well.
        let program = place.root().join("backsoon");
        if !program.exists() {
            std::fs::copy(assert_cmd::cargo::cargo_bin("backsoon"), &program).unwrap();
        }
        let mut command = place.program(&program);
        command.args(words(line));
        if is_root {
            std::os::unix::process::CommandExt::uid(&mut command, 65_534);
            std::os::unix::process::CommandExt::gid(&mut command, 65_534);
        }
        Ran::of(&mut command)
    };
    let ran = run("off --store file:./state");
    assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{ran:?}");
    assert!(ran.err.contains("let this user read and write there"), "{ran:?}");
    let ran = run("status --store file:./state");
    assert!(ran.out.contains("*: on"), "to look is allowed: {ran:?}");
    std::fs::set_permissions(place.path("state"), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(files(&place.path("state")), before);
}

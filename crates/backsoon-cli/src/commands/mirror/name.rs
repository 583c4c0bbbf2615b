//! What a mirror is called on the roster: the same each time for the same files of the same machine, so that one that was
//! killed is not lost for ever when it is started again.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use backsoon::fleet::Place;

use crate::cli::Mirror;

/// The name of `mirror` on this machine.
pub(super) fn of(mirror: &Mirror) -> String {
    let machine = machine(Path::new("/etc/machine-id"), Path::new("/proc/sys/kernel/random/boot_id"));
    on(&Place::here().host, &machine, mirror)
}

/// Machines may share their host's name, and often share their paths.
fn on(host: &str, machine: &str, mirror: &Mirror) -> String {
    let mut hasher = DefaultHasher::new();
    machine.hash(&mut hasher);
    for path in [&mirror.file, &mirror.map, &mirror.page, &mirror.problem] {
        path.as_ref()
            .map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            .hash(&mut hasher);
    }
    let host = host.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "");
    let host = if host.is_empty() { "host" } else { &host };
    format!("{host}-mirror-{:08x}", hasher.finish() as u32)
}

/// The machine's id (machine-id(5)); where it has none, that of its boot, which lasts until the next one.
fn machine(id: &Path, boot: &Path) -> String {
    let read = |path: &Path| std::fs::read_to_string(path).map(|text| text.trim().to_owned());
    // Before a system's first boot it says `uninitialized`, as all copies of an image do.
    let is_id = |text: &String| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    read(id).ok().filter(is_id).or_else(|| read(boot).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(file: &str) -> Mirror {
        Mirror {
            sites: Vec::new(),
            file: Some(file.into()),
            map: None,
            page: None,
            problem: None,
            exec: None,
        }
    }

    #[test]
    fn machines_of_one_name_with_the_same_paths_are_two() {
        let flag = mirror("/run/flag");
        let name = on("web 1", "a", &flag);
        assert!(name.starts_with("web1-mirror-"), "{name}");
        assert_eq!(name, on("web 1", "a", &flag), "the same after a restart");
        assert_ne!(name, on("web 1", "b", &flag));
        assert_ne!(name, on("web 1", "a", &mirror("/run/other")));
    }

    #[test]
    fn a_machine_is_known_by_its_id_and_else_by_its_boot() {
        let folder = tempfile::tempdir().unwrap();
        let (id, boot) = (folder.path().join("machine-id"), folder.path().join("boot_id"));
        assert_eq!(machine(&id, &boot), "");
        std::fs::write(&boot, "8f4c-boot\n").unwrap();
        for none in ["", "uninitialized\n"] {
            std::fs::write(&id, none).unwrap();
            assert_eq!(machine(&id, &boot), "8f4c-boot", "{none:?}");
        }
        std::fs::write(&id, "0123456789abcdef0123456789abcdef\n").unwrap();
        assert_eq!(machine(&id, &boot), "0123456789abcdef0123456789abcdef");
    }
}

//! A folder for a server's data, and the user that the server runs as: most refuse to run as root.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server's data and its user.
#[derive(Debug)]
pub(crate) struct Ground {
    folder: tempfile::TempDir,
    user: Option<&'static str>,
}

// === impl Ground ===

impl Ground {
    /// A folder of its own; `user` is Debian's for this server, and counts only if the test runs as root.
    pub(crate) fn new(user: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder for a server: {error}"));
        let root =
            std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
        let ground = Self { folder, user: root.then_some(user) };
        ground.hand_over(ground.folder.path());
        ground
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command as the server's user.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.current_dir(self.folder.path());
        command
    }

    /// Fills `data` with what `make` makes: once per machine and `name`, and a copy of it from then on.
    pub(crate) fn fill(&self, data: &Path, name: &str, make: impl FnOnce(&Path)) {
        let owner = self.user.map_or_else(|| "own".to_owned(), str::to_owned);
        let template = std::env::temp_dir().join(format!("backsoon-testbed-{owner}-{name}"));
        if !template.is_dir() {
            // Made apart and renamed whole: another test may make it at the same time.
            let apart = self.path("template");
            make(&apart);
            let kept = template.with_extension(format!("{:08x}", fastrand::u32(..)));
            run(Command::new("cp").arg("-a").args([&apart, &kept]));
            if std::fs::rename(&kept, &template).is_err() {
                let _ = std::fs::remove_dir_all(&kept);
            }
            let _ = std::fs::remove_dir_all(&apart);
        }
        run(Command::new("cp").arg("-a").args([&template, data]));
    }

    /// Waits until no process works in `data`: what a killed server leaves running for a moment.
    pub(crate) fn wait_until_left(&self, data: &Path) {
        let works_here = |process: io::Result<std::fs::DirEntry>| {
            process
                .and_then(|process| std::fs::read_link(process.path().join("cwd")))
                .is_ok_and(|cwd| cwd == data)
        };
        for _ in 0..500 {
            if !std::fs::read_dir("/proc").is_ok_and(|mut all| all.any(works_here)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        panic!("the processes in {} do not end", data.display());
    }

    /// Lets the server's user own `path`, and everybody go through it.
    fn hand_over(&self, path: &Path) {
        let open = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755));
        open.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Some(user) = self.user {
            run(Command::new("chown").arg(user).arg(path));
        }
    }
}

/// Runs a command to its end, and panics with what it said if it fails.
pub(crate) fn run(command: &mut Command) -> String {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{shown} cannot be started: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{shown} failed: {said}{complaint}");
    said
}
